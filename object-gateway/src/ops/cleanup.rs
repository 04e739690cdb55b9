//! What an operation leaves to be done after its answer. It is lost if the gateway goes: the collector finds the same
//! by its scans, only later.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use super::{Gateway, Result, persist};
use crate::{
    core::record::BlobRef,
    store::{Queued, Slot, Task},
};

/// How much is kept at most.
const MOST: usize = 100_000;
/// How many keys one task names.
const KEYS: usize = 200;

/// Something to do after the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cleanup {
    /// A blob that nothing can refer to.
    Blob(BlobRef),
    /// A key that was written: what was there before may go after the grace.
    Trim(Slot),
    /// An upload that was given up.
    Upload(Slot, uuid::Uuid),
}

/// What is to be done.
#[derive(Default)]
pub(super) struct Queue(Mutex<VecDeque<Cleanup>>);

impl Queue {
    pub(super) fn push(&self, cleanup: Cleanup) {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() < MOST {
            queue.push_back(cleanup);
        }
    }

    fn take(&self) -> VecDeque<Cleanup> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Gateway {
    /// Does what operations have left; to be called every few seconds, and once at the end.
    pub async fn clean_up(&self) -> Result<()> {
        let mut keys: BTreeMap<(uuid::Uuid, u16), Vec<String>> = BTreeMap::new();
        for cleanup in self.cleanups.take() {
            match cleanup {
                Cleanup::Blob(blob) => persist(|| self.store.delete_blob(&blob)).await?,
                Cleanup::Trim(slot) => {
                    keys.entry((slot.bucket, slot.shard))
                        .or_default()
                        .push(slot.key);
                }
                Cleanup::Upload(slot, id) => self.remove_aborted(&slot, id).await?,
            }
        }
        let due = self.now() + self.limits.grace.replaced;
        for ((bucket, shard), mut keys) in keys {
            keys.sort_unstable();
            keys.dedup();
            for keys in keys.chunks(KEYS) {
                let task = Task::Trim {
                    bucket,
                    shard,
                    keys: keys.to_vec(),
                };
                let task = Queued {
                    id: self.uuid(),
                    task,
                };
                persist(|| self.store.schedule(&task, due)).await?;
            }
        }
        Ok(())
    }
}
