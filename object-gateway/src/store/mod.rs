//! What is stored, and the calls that an operation is made of. Each call is one request to Cassandra, or several
//! that may be repeated.
//!
//! A write says its timestamp; the greatest wins, cell by cell, whatever the order of arrival. Blocks are written
//! once. Compare-and-swap is for buckets, for the state of uploads and for conditional requests only.

pub mod cassandra;
mod error;
pub mod memory;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::error::StoreError;
use crate::core::{
    gc::{Intent, Purpose},
    record::{BlobRef, PartRef, VersionId},
    settings::Bucket,
    time::Micros,
    upload::{Part, Upload},
};

/// What a call gives.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Where all versions of one key lie.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot {
    /// The bucket.
    pub bucket: Uuid,
    /// The shard.
    pub shard: u16,
    /// The key.
    pub key: String,
}

impl Slot {
    /// Of this key.
    pub fn new(bucket: Uuid, shard: u16, key: &str) -> Self {
        let key = key.to_owned();
        Self { bucket, shard, key }
    }
}

impl From<&Upload> for Slot {
    fn from(upload: &Upload) -> Self {
        Self::new(upload.bucket, upload.shard, &upload.key)
    }
}

impl From<&Purpose> for Slot {
    fn from(purpose: &Purpose) -> Self {
        let (Purpose::Object { bucket, shard, key }
        | Purpose::Part {
            bucket, shard, key, ..
        }) = purpose;
        Self::new(*bucket, *shard, key)
    }
}

/// A stored record and the timestamp of its write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The timestamp.
    pub written: Micros,
    /// The record.
    pub bytes: Bytes,
}

/// What is written of one key at once: all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mutation {
    /// The record that reads of the key find.
    pub head: Option<Bytes>,
    /// The record of one version.
    pub version: Option<(VersionId, Bytes)>,
    /// The bytes of a small object.
    pub inline: Option<(VersionId, Bytes)>,
    /// Versions that go, with their bytes.
    pub removed: Vec<VersionId>,
}

/// What a read of a key finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The head.
    pub head: Option<Cell>,
    /// The newest bytes that lie beside it. They are the head's if the version is.
    pub inline: Option<(VersionId, Bytes)>,
}

/// Where a list of versions goes on: after this version of the key, or at the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionStart {
    /// The key.
    pub key: String,
    /// The version.
    pub after: Option<VersionId>,
}

/// How sure a read of a block must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// One replica suffices: the checksum shows whether it is right.
    Quick,
    /// Enough replicas that one of them has what was acknowledged.
    Sure,
}

/// A partition of a queue: the hour in which its items were begun or are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueuePartition {
    /// Hours since 1970.
    pub hour: u64,
    /// One of several of the hour.
    pub slot: u8,
}

/// Something to delete later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// Look whether versions of these keys are replaced for good.
    Trim {
        /// The bucket.
        bucket: Uuid,
        /// The shard.
        shard: u16,
        /// The keys.
        keys: Vec<String>,
    },
    /// Delete the blobs of a version, unless the version is still there.
    Version {
        /// Where it was.
        slot: Slot,
        /// Which.
        id: VersionId,
        /// Its blobs.
        blobs: Vec<BlobRef>,
        /// Its manifest and how many pages that has.
        manifest: Option<(Uuid, u32)>,
    },
    /// Delete all that is left of a bucket that is gone.
    Bucket {
        /// Its id.
        id: Uuid,
        /// How many shards it had.
        shards: u16,
    },
}

/// A task and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its name.
    pub id: Uuid,
    /// What to do.
    pub task: Task,
}

/// A partition of blocks, as the checker finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Which of the blob's.
    pub number: u32,
    /// What is written down with its blocks; nothing if the rest of a deleted blob has surfaced.
    pub intent: Option<Intent>,
    /// The blob.
    pub blob: Uuid,
}

/// Where a scan goes on.
pub type ScanToken = Vec<u8>;

/// The calls.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// A bucket by its name.
    async fn bucket(&self, name: &str) -> Result<Option<Bucket>>;
    /// Creates a bucket, unless there is one: that is given back.
    async fn create_bucket(&self, bucket: &Bucket) -> Result<Option<Bucket>>;
    /// Changes a bucket, if it still has this revision.
    async fn replace_bucket(&self, bucket: &Bucket, revision: u64) -> Result<bool>;
    /// Removes a bucket, if it still has this revision.
    async fn remove_bucket(&self, name: &str, revision: u64) -> Result<bool>;
    /// Notes that an owner has, or may have, a bucket.
    async fn index_bucket(&self, owner: &str, name: &str) -> Result<()>;
    /// Notes that an owner no longer has a bucket.
    async fn unindex_bucket(&self, owner: &str, name: &str) -> Result<()>;
    /// The names of buckets that an owner may have, in order.
    async fn buckets_of(&self, owner: &str) -> Result<Vec<String>>;
    /// All buckets, for the collector and the checker.
    async fn all_buckets(&self) -> Result<Vec<Bucket>>;

    /// The head of a key and the bytes beside it.
    async fn read(&self, slot: &Slot) -> Result<Found>;
    /// The head of a key.
    async fn head(&self, slot: &Slot) -> Result<Option<Cell>>;
    /// One version.
    async fn version(&self, slot: &Slot, id: VersionId) -> Result<Option<Cell>>;
    /// The bytes of a small version.
    async fn inline(&self, slot: &Slot, id: VersionId) -> Result<Option<Bytes>>;
    /// All versions of a key, the newest first.
    async fn versions(&self, slot: &Slot) -> Result<Vec<Cell>>;
    /// Writes at this timestamp.
    async fn commit(&self, slot: &Slot, mutation: &Mutation, at: Micros) -> Result<()>;
    /// Writes if the head is this one, by compare-and-swap.
    async fn commit_if(
        &self,
        slot: &Slot,
        expected: Option<&Bytes>,
        mutation: &Mutation,
    ) -> Result<bool>;
    /// Heads of one shard from a key on, in order.
    async fn heads(
        &self,
        bucket: Uuid,
        shard: u16,
        from: &str,
        limit: usize,
    ) -> Result<Vec<(String, Cell)>>;
    /// Versions of one shard, by key, the newest first.
    async fn version_rows(
        &self,
        bucket: Uuid,
        shard: u16,
        from: &VersionStart,
        limit: usize,
    ) -> Result<Vec<(String, Cell)>>;
    /// Removes the heads from one key to another that are not newer than this.
    async fn forget_heads(
        &self,
        bucket: Uuid,
        shard: u16,
        first: &str,
        last: &str,
        at: Micros,
    ) -> Result<()>;

    /// Writes an intent, or what was decided of it.
    async fn intend(&self, intent: &Intent) -> Result<()>;
    /// The partitions of intents.
    async fn intent_partitions(&self) -> Result<Vec<QueuePartition>>;
    /// The intents of a partition.
    async fn intents(&self, partition: QueuePartition) -> Result<Vec<Intent>>;
    /// Removes a partition of intents.
    async fn drop_intents(&self, partition: QueuePartition) -> Result<()>;
    /// Writes a block.
    async fn write_block(&self, intent: &Intent, block: u64, bytes: Bytes) -> Result<()>;
    /// A block, if it is there and right.
    async fn read_block(&self, blob: &BlobRef, block: u64, care: Care) -> Result<Option<Bytes>>;
    /// Removes all blocks of a blob.
    async fn delete_blob(&self, blob: &BlobRef) -> Result<()>;
    /// Partitions of blocks, for the checker.
    async fn segments(
        &self,
        from: Option<ScanToken>,
        limit: usize,
    ) -> Result<(Vec<Segment>, Option<ScanToken>)>;
    /// Removes one partition of blocks.
    async fn delete_segment(&self, blob: Uuid, number: u32) -> Result<()>;
    /// Writes a page of a manifest.
    async fn write_manifest(&self, id: Uuid, page: u32, parts: &[PartRef]) -> Result<()>;
    /// A page of a manifest.
    async fn read_manifest(&self, id: Uuid, page: u32) -> Result<Option<Vec<PartRef>>>;
    /// Removes a manifest.
    async fn delete_manifest(&self, id: Uuid) -> Result<()>;

    /// Begins an upload.
    async fn create_upload(&self, upload: &Upload) -> Result<()>;
    /// An upload.
    async fn upload(&self, slot: &Slot, id: Uuid) -> Result<Option<Upload>>;
    /// Changes an upload, if it still has this revision.
    async fn replace_upload(&self, upload: &Upload, revision: u64) -> Result<bool>;
    /// Removes an upload and its parts' rows.
    async fn remove_upload(&self, slot: &Slot, id: Uuid) -> Result<()>;
    /// Uploads of one shard, by key and id, after these.
    async fn uploads(
        &self,
        bucket: Uuid,
        shard: u16,
        after: Option<(String, Uuid)>,
        limit: usize,
    ) -> Result<Vec<Upload>>;
    /// Writes a part at the timestamp of its attempt.
    async fn write_part(&self, upload: Uuid, part: &Part) -> Result<()>;
    /// Removes one attempt at a part at this timestamp.
    async fn remove_part(
        &self,
        upload: Uuid,
        number: u32,
        attempt: VersionId,
        at: Micros,
    ) -> Result<()>;
    /// All attempts at all parts.
    async fn parts(&self, upload: Uuid) -> Result<Vec<Part>>;

    /// Writes a task down for later.
    async fn schedule(&self, task: &Queued, due: Micros) -> Result<()>;
    /// The partitions of tasks.
    async fn task_partitions(&self) -> Result<Vec<QueuePartition>>;
    /// The tasks of a partition.
    async fn tasks(&self, partition: QueuePartition) -> Result<Vec<Queued>>;
    /// Removes a partition of tasks.
    async fn drop_tasks(&self, partition: QueuePartition) -> Result<()>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<()>;
}
