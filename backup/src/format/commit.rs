//! The object by which a backup exists: `COMMIT`, written once, when everything that it names is there.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{digest::Digest, manifest::Totals};
use crate::ids::{Attempt, BackupId, ClusterUid, HostId};

/// An object that a commit names, and what it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// Where it lies.
    pub key: String,
    /// How long it is.
    pub bytes: u64,
    /// The digest of its bytes as they are stored.
    pub digest: Digest,
}

impl ObjectRef {
    /// What these bytes are under this key.
    pub fn of(key: String, stored: &[u8]) -> Self {
        Self {
            key,
            bytes: stored.len() as u64,
            digest: Digest::of(stored),
        }
    }
}

/// What one node has in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodePart {
    /// Whose, and which try.
    pub attempt: Attempt,
    /// The member's name, to be read by people.
    pub member: String,
    /// Its datacenter.
    pub datacenter: String,
    /// Its rack.
    pub rack: String,
    /// Cassandra's version.
    pub cassandra: String,
    /// The partitioner's class.
    pub partitioner: String,
    /// Its tokens.
    pub tokens: Vec<String>,
    /// When its snapshot was taken.
    pub snapshot_at: Timestamp,
    /// Until when its attempt counts, by the clock of the store.
    pub until: Timestamp,
    /// Its manifest.
    pub manifest: ObjectRef,
    /// The blobs that the manifest names.
    pub refs: ObjectRef,
    /// How much it is.
    pub totals: Totals,
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// Of this object.
    pub format: u32,
    /// Which.
    pub backup: BackupId,
    /// What people call it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What they say about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whose.
    pub cluster_uid: ClusterUid,
    /// That cluster's name.
    pub cluster_name: String,
    /// When it was committed.
    pub committed_at: Timestamp,
    /// What wrote it.
    pub tool: String,
    /// The nodes.
    pub nodes: Vec<NodePart>,
    /// Members that have nothing in it, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// The cluster's objects, schema and topology.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ObjectRef>,
}

impl Commit {
    /// What a node has in it.
    pub fn node(&self, host_id: &HostId) -> Option<&NodePart> {
        self.nodes
            .iter()
            .find(|part| part.attempt.host_id == *host_id)
    }

    /// How much all nodes have in it.
    pub fn totals(&self) -> Totals {
        self.nodes
            .iter()
            .fold(Totals::default(), |sum, part| sum.plus(&part.totals))
    }

    /// When the first snapshot was taken.
    pub fn snapshot_at(&self) -> Option<Timestamp> {
        self.nodes.iter().map(|part| part.snapshot_at).min()
    }
}
