//! S3 keys from the files of a mounted Secret. They are read again for each request whose keys are older than ten
//! seconds: new credentials need no restart, and expired ones end with the minute in which they are replaced.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use object_store::{CredentialProvider, Error, aws::AwsCredential};

const FRESH: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct FolderOfKeys {
    folder: PathBuf,
    last: Mutex<Option<(Instant, Arc<AwsCredential>)>>,
}

impl FolderOfKeys {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            last: Mutex::default(),
        }
    }

    fn read(&self) -> object_store::Result<AwsCredential> {
        let text = |name: &str| std::fs::read_to_string(self.folder.join(name));
        let needed = |name: &str| {
            text(name)
                .map(|text| text.trim().to_owned())
                .map_err(|error| Error::Unauthenticated {
                    path: self.folder.join(name).display().to_string(),
                    source: error.into(),
                })
        };
        Ok(AwsCredential {
            key_id: needed("access_key_id")?,
            secret_key: needed("secret_access_key")?,
            token: text("session_token")
                .ok()
                .map(|token| token.trim().to_owned()),
        })
    }
}

#[async_trait]
impl CredentialProvider for FolderOfKeys {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((when, keys)) = last.as_ref()
            && when.elapsed() < FRESH
        {
            return Ok(Arc::clone(keys));
        }
        let keys = Arc::new(self.read()?);
        *last = Some((Instant::now(), Arc::clone(&keys)));
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_file_of_keys_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = FolderOfKeys::new(folder.path().into())
            .get_credential()
            .await
            .unwrap_err();
        assert!(error.to_string().contains("access_key_id"), "{error}");
    }

    #[tokio::test]
    async fn keys_are_read_without_the_newline_of_an_editor() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("access_key_id"), "id\n").unwrap();
        std::fs::write(folder.path().join("secret_access_key"), "secret\n").unwrap();
        let keys = FolderOfKeys::new(folder.path().into())
            .get_credential()
            .await
            .unwrap();
        assert_eq!(
            (keys.key_id.as_str(), keys.secret_key.as_str()),
            ("id", "secret")
        );
        assert_eq!(keys.token, None);
    }
}
