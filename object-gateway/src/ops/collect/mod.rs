//! The collector: deletes what nothing refers to any more. It may run anywhere, in several gateways at once, and stop
//! anywhere: everything it does may be done twice. What it deletes is decided in [`crate::core::gc`].

mod buckets;
mod intents;
mod uploads;
mod versions;

use std::sync::Arc;

use uuid::Uuid;

use super::{Gateway, Result, Seen, persist};
use crate::{
    core::{
        gc::{named_blobs, named_manifest},
        record::{BlobRef, Record},
        settings::{Bucket, State},
        time::{HOUR, Micros},
    },
    store::{QueuePartition, Slot, Task},
};

/// How many rows are read at once.
const PAGE: usize = 200;

/// What a pass has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Versions that were removed.
    pub versions: u64,
    /// Blobs that were deleted.
    pub blobs: u64,
    /// Keys that were forgotten.
    pub keys: u64,
    /// Objects that expired.
    pub expired: u64,
    /// Uploads that were removed.
    pub uploads: u64,
    /// Intents that were settled.
    pub intents: u64,
    /// Things that failed, and will be tried again.
    pub failed: u64,
}

fn is_over(partition: QueuePartition, now: Micros, grace: Micros) -> bool {
    (partition.hour + 1) * HOUR + grace <= now
}

impl Gateway {
    /// Everything that is due: tasks, intents, and a scan of all buckets.
    pub async fn collect(self: &Arc<Self>) -> Result<Collected> {
        let mut done = Collected::default();
        self.collect_tasks(&mut done).await?;
        self.collect_intents(&mut done).await?;
        let mut first = None;
        for bucket in persist(|| self.store.all_buckets()).await? {
            let seen = Seen::unchecked(bucket);
            // What is wrong in one bucket must not keep the others from being collected.
            if let Err(error) = self.collect_bucket(&seen, &mut done).await {
                let id = seen.bucket().id;
                tracing::warn!(bucket = %id, "a bucket will be collected again: {error}");
                first = first.or(Some(error));
            }
        }
        first.map_or(Ok(done), Err)
    }

    /// Tasks that are due. A partition goes when all its tasks are done.
    async fn collect_tasks(&self, done: &mut Collected) -> Result<()> {
        for partition in persist(|| self.store.task_partitions()).await? {
            if !is_over(partition, self.now(), 0) {
                continue;
            }
            let mut is_clean = true;
            for queued in persist(|| self.store.tasks(partition)).await? {
                if let Err(error) = self.carry_out(&queued.task, done).await {
                    tracing::warn!(task = %queued.id, "a task will be tried again: {error}");
                    is_clean = false;
                    done.failed += 1;
                }
            }
            if is_clean {
                persist(|| self.store.drop_tasks(partition)).await?;
            }
        }
        Ok(())
    }

    async fn carry_out(&self, task: &Task, done: &mut Collected) -> Result<()> {
        match task {
            Task::Trim {
                bucket,
                shard,
                keys,
            } => {
                for key in keys {
                    let slot = Slot::new(*bucket, *shard, key);
                    self.trim(&slot, done).await?;
                }
                Ok(())
            }
            Task::Version {
                slot,
                id,
                blobs,
                manifest,
            } => {
                if persist(|| self.store.version(slot, *id)).await?.is_some() {
                    return Ok(());
                }
                self.delete_content(blobs, *manifest, done).await
            }
            Task::Bucket { id, shards } => self.empty(*id, *shards, done).await,
        }
    }

    async fn delete_content(
        &self,
        blobs: &[BlobRef],
        manifest: Option<(Uuid, u32)>,
        done: &mut Collected,
    ) -> Result<()> {
        for blob in blobs {
            persist(|| self.store.delete_blob(blob)).await?;
            done.blobs += 1;
        }
        let Some((id, pages)) = manifest else {
            return Ok(());
        };
        for page in 0..pages {
            for part in persist(|| self.store.read_manifest(id, page))
                .await?
                .unwrap_or_default()
            {
                persist(|| self.store.delete_blob(&part.blob)).await?;
                done.blobs += 1;
            }
        }
        Ok(persist(|| self.store.delete_manifest(id)).await?)
    }

    async fn delete_blobs_of(&self, record: &Record, done: &mut Collected) -> Result<()> {
        self.delete_content(&named_blobs(record), named_manifest(record), done)
            .await
    }

    /// One bucket: uploads that are over, versions that were replaced, objects that have expired.
    async fn collect_bucket(self: &Arc<Self>, seen: &Seen, done: &mut Collected) -> Result<()> {
        if seen.bucket().state == State::Deleting {
            return self.resume_deletion(seen.bucket(), done).await;
        }
        for shard in 0..seen.bucket().shards {
            self.collect_uploads(seen, shard, done).await?;
            self.collect_keys(seen, shard, done).await?;
        }
        if seen.bucket().lifecycle.iter().any(|rule| rule.enabled) {
            self.expire(seen, done).await?;
        }
        Ok(())
    }
}

impl Seen {
    /// A bucket that was read by somebody else: writes to it are confirmed by another look.
    pub(super) fn unchecked(bucket: Bucket) -> Self {
        Self::read_at(bucket, 0)
    }
}
