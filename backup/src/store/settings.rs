//! Where a store is and how it is spoken to.
//!
//! Secrets are not among the settings: they come from files, which are read again when they change, or from where the
//! provider's own programs look for them (environment, workload identity, instance metadata).

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use object_store::{
    BackoffConfig, Certificate, ClientOptions, ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    azure::MicrosoftAzureBuilder,
    gcp::GoogleCloudStorageBuilder,
    local::LocalFileSystem,
    memory::InMemory,
};
use serde::{Deserialize, Serialize};

use super::credentials::FolderOfKeys;
use crate::error::{Error, OfFile as _, Result};

/// How long a request may take before the first byte of its answer, and between two bytes.
const READ_TIMEOUT: Duration = Duration::from_mins(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A store.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StoreSettings {
    /// What kind of store, and where.
    pub provider: Provider,
    /// Everything lies below this.
    #[serde(default)]
    pub prefix: String,
    /// Where the secrets are.
    #[serde(default)]
    pub credentials: Credentials,
    /// A file of certificates in PEM that are trusted beside those of the system.
    #[serde(default)]
    pub ca_bundle: Option<PathBuf>,
    /// Whether to speak plain HTTP.
    #[serde(default)]
    pub allow_http: bool,
    /// How the store is to encrypt.
    #[serde(default)]
    pub encryption: Encryption,
}

/// The kind of store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Provider {
    /// Amazon S3, or what speaks its protocol.
    #[serde(rename_all = "camelCase")]
    S3 {
        /// The bucket.
        bucket: String,
        /// The region. Stores that have none take any.
        #[serde(default)]
        region: Option<String>,
        /// The address, for what is not Amazon's.
        #[serde(default)]
        endpoint: Option<String>,
        /// Whether the bucket is a part of the host's name. If not, it is a part of the path.
        #[serde(default)]
        virtual_hosted: bool,
    },
    /// Google Cloud Storage.
    #[serde(rename_all = "camelCase")]
    Gcs {
        /// The bucket.
        bucket: String,
        /// The address, for what is not Google's.
        #[serde(default)]
        endpoint: Option<String>,
    },
    /// Azure Blob Storage.
    #[serde(rename_all = "camelCase")]
    Azure {
        /// The storage account.
        account: String,
        /// The container.
        container: String,
        /// The address, for what is not Microsoft's.
        #[serde(default)]
        endpoint: Option<String>,
    },
    /// A folder: a mounted disk.
    #[serde(rename_all = "camelCase")]
    Folder {
        /// Which.
        path: PathBuf,
    },
    /// The memory of this process. For tests.
    Memory,
}

/// Where the secrets are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Credentials {
    /// Where the provider's own programs look: environment, workload identity, instance metadata.
    #[default]
    Ambient,
    /// Files in a folder, as a mounted Secret has them. S3: `access_key_id`, `secret_access_key`, `session_token` (may be
    /// absent). Google: `service_account.json`. Azure: `account_key` or `sas_token`.
    Folder(PathBuf),
}

/// Encryption that the store does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Encryption {
    /// What the bucket says.
    #[default]
    BucketDefault,
    /// SSE-S3.
    S3,
    /// SSE-KMS.
    #[serde(rename_all = "camelCase")]
    Kms {
        /// The key's id or ARN.
        key_id: String,
        /// Whether to use a bucket key.
        #[serde(default)]
        bucket_key: bool,
    },
    /// SSE-C: the key comes with each request.
    #[serde(rename_all = "camelCase")]
    CustomerKey {
        /// A file with the 32 bytes of the key in Base64.
        key_file: PathBuf,
    },
}

impl StoreSettings {
    /// A store of this kind, everything else as usual.
    pub fn new(provider: Provider) -> Self {
        Self {
            provider,
            prefix: String::new(),
            credentials: Credentials::default(),
            ca_bundle: None,
            allow_http: false,
            encryption: Encryption::default(),
        }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn build(&self) -> Result<Arc<dyn ObjectStore>> {
        let is_s3 = matches!(self.provider, Provider::S3 { .. });
        if !is_s3 && self.encryption != Encryption::BucketDefault {
            return Err(wrong("encryption by request is of S3 only"));
        }
        if self
            .endpoint()
            .is_some_and(|url| url.starts_with("http://"))
            && !self.allow_http
        {
            return Err(wrong(
                "plain HTTP has to be allowed, by allowHttp or --allow-http",
            ));
        }
        match &self.provider {
            Provider::S3 {
                bucket,
                region,
                endpoint,
                virtual_hosted,
            } => self.s3(
                bucket,
                region.as_deref(),
                endpoint.as_deref(),
                *virtual_hosted,
            ),
            Provider::Gcs { bucket, endpoint } => self.gcs(bucket, endpoint.as_deref()),
            Provider::Azure {
                account,
                container,
                endpoint,
            } => self.azure(account, container, endpoint.as_deref()),
            Provider::Folder { path } => folder(path),
            Provider::Memory => Ok(Arc::new(InMemory::new())),
        }
    }

    fn endpoint(&self) -> Option<&str> {
        match &self.provider {
            Provider::S3 { endpoint, .. }
            | Provider::Gcs { endpoint, .. }
            | Provider::Azure { endpoint, .. } => endpoint.as_deref(),
            Provider::Folder { .. } | Provider::Memory => None,
        }
    }

    fn s3(
        &self,
        bucket: &str,
        region: Option<&str>,
        endpoint: Option<&str>,
        virtual_hosted: bool,
    ) -> Result<Arc<dyn ObjectStore>> {
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_retry(no_retry())
            .with_client_options(self.client()?)
            .with_allow_http(self.allow_http)
            .with_virtual_hosted_style_request(virtual_hosted);
        if let Some(region) = region {
            builder = builder.with_region(region);
        }
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Credentials::Folder(folder) = &self.credentials {
            builder = builder.with_credentials(Arc::new(FolderOfKeys::new(folder.clone())));
        }
        Ok(Arc::new(
            self.encrypted(builder)?.build().map_err(not_built)?,
        ))
    }

    fn encrypted(&self, builder: AmazonS3Builder) -> Result<AmazonS3Builder> {
        Ok(match &self.encryption {
            Encryption::BucketDefault => builder,
            Encryption::S3 => {
                let key: AmazonS3ConfigKey =
                    "aws_server_side_encryption".parse().map_err(not_built)?;
                builder.with_config(key, "AES256")
            }
            Encryption::Kms { key_id, bucket_key } => builder
                .with_sse_kms_encryption(key_id)
                .with_bucket_key(*bucket_key),
            Encryption::CustomerKey { key_file } => builder.with_ssec_encryption(text(key_file)?),
        })
    }

    fn gcs(&self, bucket: &str, endpoint: Option<&str>) -> Result<Arc<dyn ObjectStore>> {
        let mut builder = GoogleCloudStorageBuilder::from_env()
            .with_bucket_name(bucket)
            .with_retry(no_retry())
            .with_client_options(self.client()?);
        if let Some(endpoint) = endpoint {
            builder = builder.with_base_url(endpoint);
        }
        if let Credentials::Folder(folder) = &self.credentials {
            let file = folder.join("service_account.json");
            builder = builder.with_service_account_key(text(&file)?);
        }
        Ok(Arc::new(builder.build().map_err(not_built)?))
    }

    fn azure(
        &self,
        account: &str,
        container: &str,
        endpoint: Option<&str>,
    ) -> Result<Arc<dyn ObjectStore>> {
        let mut builder = MicrosoftAzureBuilder::from_env()
            .with_account(account)
            .with_container_name(container)
            .with_retry(no_retry())
            .with_client_options(self.client()?)
            .with_allow_http(self.allow_http);
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint.to_owned());
        }
        if let Credentials::Folder(folder) = &self.credentials {
            let (key, sas) = (folder.join("account_key"), folder.join("sas_token"));
            builder = if sas.exists() {
                builder.with_config(object_store::azure::AzureConfigKey::SasKey, text(&sas)?)
            } else {
                builder.with_access_key(text(&key)?)
            };
        }
        Ok(Arc::new(builder.build().map_err(not_built)?))
    }

    fn client(&self) -> Result<ClientOptions> {
        install_tls();
        let mut options = ClientOptions::new()
            .with_allow_http(self.allow_http)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_timeout_disabled()
            .with_read_timeout(READ_TIMEOUT)
            .with_http1_only();
        if let Some(file) = &self.ca_bundle {
            let pem = std::fs::read(file).of("read", file)?;
            let bundle = Certificate::from_pem_bundle(&pem)
                .map_err(|error| wrong(&format!("{}: {error}", file.display())))?;
            if bundle.is_empty() {
                return Err(wrong(&format!("{} holds no certificate", file.display())));
            }
            for certificate in bundle {
                options = options.with_root_certificate(certificate);
            }
        }
        Ok(options)
    }
}

/// Tells rustls whose cryptography to use, for clients that have none of their own. Done whenever a store is opened.
pub fn install_tls() {
    // That one is installed already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn folder(path: &Path) -> Result<Arc<dyn ObjectStore>> {
    let store = LocalFileSystem::new_with_prefix(path)
        .map_err(|error| wrong(&format!("the folder {}: {error}", path.display())))?;
    Ok(Arc::new(store.with_fsync(true)))
}

/// The settings that a URL stands for: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://account/container/prefix`,
/// `file:///folder`.
pub fn parse_url(url: &str) -> Result<StoreSettings> {
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| wrong(&format!("{url} is not a URL")))?;
    let (first, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let (provider, prefix) = match scheme {
        "s3" => {
            let bucket = first.to_owned();
            let s3 = Provider::S3 {
                bucket,
                region: None,
                endpoint: None,
                virtual_hosted: false,
            };
            (s3, prefix)
        }
        "gs" => {
            let bucket = first.to_owned();
            (
                Provider::Gcs {
                    bucket,
                    endpoint: None,
                },
                prefix,
            )
        }
        "az" => {
            let (container, prefix) = prefix.split_once('/').unwrap_or((prefix, ""));
            let azure = Provider::Azure {
                account: first.to_owned(),
                container: container.to_owned(),
                endpoint: None,
            };
            (azure, prefix)
        }
        "file" => (
            Provider::Folder {
                path: PathBuf::from(rest),
            },
            "",
        ),
        _ => return Err(wrong(&format!("{scheme} is none of s3, gs, az, file"))),
    };
    if first.is_empty() && scheme != "file" {
        return Err(wrong(&format!("{url} names no bucket")));
    }
    Ok(StoreSettings {
        prefix: prefix.trim_matches('/').to_owned(),
        ..StoreSettings::new(provider)
    })
}

/// One place tries again: this crate's.
fn no_retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 0,
        retry_timeout: Duration::ZERO,
    }
}

fn text(file: &Path) -> Result<String> {
    Ok(std::fs::read_to_string(file)
        .of("read", file)?
        .trim()
        .to_owned())
}

fn wrong(detail: &str) -> Error {
    Error::StoreSettings {
        detail: detail.to_owned(),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is used as a function of the error"
)]
fn not_built(error: object_store::Error) -> Error {
    wrong(&error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_the_store_and_the_prefix() {
        let settings = parse_url("s3://bucket/a/b/").unwrap();
        assert!(matches!(settings.provider, Provider::S3 { ref bucket, .. } if bucket == "bucket"));
        assert_eq!(settings.prefix, "a/b");
        let settings = parse_url("az://account/container/p").unwrap();
        assert!(
            matches!(settings.provider, Provider::Azure { ref container, .. } if container == "container")
        );
        assert_eq!(settings.prefix, "p");
        let settings = parse_url("file:///backups/x").unwrap();
        assert_eq!(
            settings.provider,
            Provider::Folder {
                path: "/backups/x".into()
            }
        );
        for url in ["s3:/bucket", "ftp://x", "s3:///x"] {
            assert!(parse_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn settings_are_read_from_json_and_a_wrong_field_is_refused() {
        let json = r#"{"provider": {"s3": {"bucket": "b"}}, "credentials": {"folder": "/keys"}}"#;
        let settings: StoreSettings = serde_json::from_str(json).unwrap();
        assert_eq!(settings.credentials, Credentials::Folder("/keys".into()));
        for wrong in [
            json.replace("bucket", "buckett"),
            json.replace("credentials", "credential"),
        ] {
            assert!(
                serde_json::from_str::<StoreSettings>(&wrong).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_that_names_it() {
        let settings = parse_url("file:///nowhere/at/all").unwrap();
        let error = settings.build().unwrap_err();
        assert_eq!(error.reason(), "StoreSettingsInvalid");
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }

    #[test]
    fn encryption_by_request_is_refused_where_it_would_be_ignored() {
        let settings = StoreSettings {
            encryption: Encryption::S3,
            ..StoreSettings::new(Provider::Memory)
        };
        assert!(settings.build().is_err());
    }
}
