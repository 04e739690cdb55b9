//! What a repository is: `repo.json`, written once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::document::FORMAT;
use crate::ids::{ClusterUid, Uuid};

/// How large a chunk is, if nothing else is said.
pub const CHUNK_BYTES: u64 = 64 << 20;
/// A component of up to this goes into a pack with its neighbours; a larger one is cut into chunks of its own.
pub const PACK_THRESHOLD: u64 = 8 << 20;
/// How old an unused blob must be before it is collected, if nothing else is said.
pub const SAFETY_SECONDS: u64 = 24 * 3600;

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// Of this object.
    pub format: u32,
    /// The repository's own name.
    pub uid: Uuid,
    /// The one cluster whose backups are in it.
    pub cluster_uid: ClusterUid,
    /// That cluster's name, to be read by people.
    pub cluster_name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The size of a chunk.
    pub chunk_bytes: u64,
    /// The hash that names blobs. Only `blake3` is known.
    pub hash: HashName,
    /// How old an unused blob must be before it is collected. Writers and collectors have to agree on it.
    pub safety_seconds: u64,
    /// How it is encrypted before it reaches the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
}

/// The hash that names blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HashName {
    /// BLAKE3, 256 bits.
    Blake3,
}

/// Encryption before the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Encryption {
    /// How content is encrypted.
    pub scheme: Scheme,
    /// age's X25519 recipients: for each of them data keys are wrapped.
    pub recipients: Vec<String>,
}

/// How content is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scheme {
    /// AES-256-GCM with a random nonce for each object.
    #[serde(rename = "aes-256-gcm")]
    Aes256Gcm,
}

impl Description {
    /// A new repository of a cluster.
    pub fn new(uid: Uuid, cluster_uid: ClusterUid, cluster_name: &str, now: Timestamp) -> Self {
        Self {
            format: FORMAT,
            uid,
            cluster_uid,
            cluster_name: cluster_name.to_owned(),
            created_at: now,
            chunk_bytes: CHUNK_BYTES,
            hash: HashName::Blake3,
            safety_seconds: SAFETY_SECONDS,
            encryption: None,
        }
    }

    /// Encrypted for these recipients.
    #[must_use]
    pub fn encrypted_for(mut self, recipients: Vec<String>) -> Self {
        self.encryption = Some(Encryption {
            scheme: Scheme::Aes256Gcm,
            recipients,
        });
        self
    }
}
