//! Tenants and their keys, from a file that can be read again while requests are served.

use std::{collections::BTreeMap, path::Path, sync::RwLock};

use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Error, S3ErrorCode, S3Result};
use serde::Deserialize;

/// The file's form. What it does not know it refuses.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    tenants: Vec<TenantEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TenantEntry {
    name: String,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    requests_per_second: Option<u32>,
    keys: Vec<KeyEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeyEntry {
    access_key: String,
    secret_key: String,
}

/// Keys that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKeys {
    /// The file can't be read.
    #[error("failed to read the file of keys")]
    Read(#[from] std::io::Error),
    /// It is not of the right form. What it says is not repeated here: it has secrets.
    #[error(
        "the file of keys is not valid: it must have tenants, each with name and keys of accessKey and secretKey"
    )]
    Form,
    /// Two keys have the same name.
    #[error("the access key {0} is there twice")]
    Twice(String),
    /// Something is empty.
    #[error("a name or a key is empty")]
    Empty,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its name, which owns things.
    pub name: String,
    /// How people call it.
    pub display_name: String,
    /// How many requests it may make in a second, if that is bounded.
    pub requests_per_second: Option<u32>,
}

#[derive(Default)]
struct Table {
    keys: BTreeMap<String, (SecretKey, Tenant)>,
    tenants: BTreeMap<String, Tenant>,
}

/// All keys.
#[derive(Default)]
pub struct Keyring(RwLock<Table>);

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring")
            .field("keys", &self.read().keys.len())
            .finish_non_exhaustive()
    }
}

impl Keyring {
    /// From a file's text.
    pub fn parse(text: &str) -> Result<Self, InvalidKeys> {
        Ok(Self(RwLock::new(Table::parse(text)?)))
    }

    /// From a file.
    pub fn load(path: &Path) -> Result<Self, InvalidKeys> {
        Self::parse(&std::fs::read_to_string(path)?)
    }

    /// Takes other keys; if they can't be used, the old ones stay.
    pub fn reload(&self, path: &Path) -> Result<(), InvalidKeys> {
        let table = Table::parse(&std::fs::read_to_string(path)?)?;
        *self
            .0
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = table;
        Ok(())
    }

    /// Whom a key belongs to.
    pub fn tenant_of(&self, access_key: &str) -> Option<Tenant> {
        self.read()
            .keys
            .get(access_key)
            .map(|(_, tenant)| tenant.clone())
    }

    /// A tenant by name.
    pub fn tenant(&self, name: &str) -> Option<Tenant> {
        self.read().tenants.get(name).cloned()
    }

    /// The secret of a key.
    pub fn secret(&self, access_key: &str) -> Option<SecretKey> {
        self.read()
            .keys
            .get(access_key)
            .map(|(secret, _)| secret.clone())
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Table> {
        self.0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Table {
    fn parse(text: &str) -> Result<Self, InvalidKeys> {
        let file: File = serde_saphyr::from_str(text).map_err(|_| InvalidKeys::Form)?;
        let mut table = Self::default();
        for entry in file.tenants {
            let display_name = entry.display_name.unwrap_or_else(|| entry.name.clone());
            let requests_per_second = entry.requests_per_second;
            let tenant = Tenant {
                name: entry.name,
                display_name,
                requests_per_second,
            };
            if tenant.name.is_empty() {
                return Err(InvalidKeys::Empty);
            }
            table.tenants.insert(tenant.name.clone(), tenant.clone());
            for KeyEntry {
                access_key,
                secret_key,
            } in entry.keys
            {
                if access_key.is_empty() || secret_key.is_empty() {
                    return Err(InvalidKeys::Empty);
                }
                let value = (SecretKey::from(secret_key), tenant.clone());
                if table.keys.insert(access_key.clone(), value).is_some() {
                    return Err(InvalidKeys::Twice(access_key));
                }
            }
        }
        Ok(table)
    }
}

/// The keyring as the protocol asks for it.
#[derive(Clone, Debug)]
pub struct Secrets(pub std::sync::Arc<Keyring>);

#[async_trait::async_trait]
impl S3Auth for Secrets {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        self.0.secret(access_key).ok_or_else(|| {
            let message = "The access key does not exist in our records.";
            S3Error::with_message(S3ErrorCode::InvalidAccessKeyId, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "tenants:\n- name: alice\n  displayName: Alice\n  keys:\n  - accessKey: AK\n    secretKey: canary\n";

    #[test]
    fn keys_belong_to_tenants() {
        let keys = Keyring::parse(FILE).unwrap();
        assert_eq!(keys.tenant_of("AK").unwrap().display_name, "Alice");
        assert_eq!(keys.secret("AK").unwrap().expose(), "canary");
        assert_eq!(keys.tenant_of("other"), None);
    }

    // P20 of the defects that this design excludes.
    #[test]
    fn p20_what_is_not_known_is_refused() {
        let unknown = FILE.replace("displayName", "serverSideEncryption");
        assert!(matches!(Keyring::parse(&unknown), Err(InvalidKeys::Form)));
        let twice = format!("{FILE}  - accessKey: AK\n    secretKey: x\n");
        assert!(matches!(Keyring::parse(&twice), Err(InvalidKeys::Twice(_))));
    }

    // P11 of the defects that this design excludes.
    #[test]
    fn p11_secrets_are_in_no_message() {
        let keys = Keyring::parse(FILE).unwrap();
        assert!(!format!("{keys:?} {:?}", keys.secret("AK")).contains("canary"));
        let broken = FILE.replace("tenants:", "tenants: canary\n");
        assert!(!format!("{:?}", Keyring::parse(&broken)).contains("canary"));
    }
}
