//! The tables of the store in memory.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use uuid::Uuid;

use super::lww::Cells;
use crate::{
    core::{
        gc::Intent,
        record::{PartRef, VersionId},
        settings::Bucket,
        time::Micros,
        upload::{Part, Upload},
    },
    store::{Mutation, QueuePartition, Slot, Task},
};

/// The newest version sorts first.
pub(super) type Inverted = std::cmp::Reverse<VersionId>;
type Shard = (Uuid, u16);

/// All tables.
#[derive(Default)]
pub(super) struct World {
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) owners: BTreeSet<(String, String)>,
    pub(super) heads: BTreeMap<Shard, Cells<String, Bytes>>,
    pub(super) versions: BTreeMap<Shard, Cells<(String, Inverted), Bytes>>,
    pub(super) inline: BTreeMap<Shard, Cells<(String, Inverted), Bytes>>,
    pub(super) forgotten: Vec<(Shard, String, String, Micros)>,
    pub(super) intents: BTreeMap<(QueuePartition, Uuid), Intent>,
    pub(super) blocks: BTreeMap<(Uuid, u32, u64), (Bytes, u32)>,
    pub(super) segments: BTreeMap<(Uuid, u32), Intent>,
    pub(super) manifests: BTreeMap<(Uuid, u32), Vec<PartRef>>,
    pub(super) uploads: BTreeMap<(Uuid, u16, String, Uuid), Upload>,
    pub(super) parts: BTreeMap<Uuid, Cells<(u32, VersionId), OrdPart>>,
    pub(super) tasks: BTreeMap<(QueuePartition, Uuid), Task>,
    pub(super) last_swap: Micros,
    pub(super) ghosts: Vec<Ghost>,
}

/// A write that nobody knows of yet.
pub(super) type Ghost = Box<dyn FnOnce(&mut World) + Send>;

/// A part that sorts, as cells must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OrdPart(pub(super) Part);

impl PartialOrd for OrdPart {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OrdPart {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0.blob, &self.0.etag).cmp(&(other.0.blob, &other.0.etag))
    }
}

impl World {
    pub(super) fn apply(&mut self, slot: &Slot, mutation: Mutation, at: Micros) {
        let shard = (slot.bucket, slot.shard);
        let key = |id: VersionId| (slot.key.clone(), std::cmp::Reverse(id));
        if let Some(head) = mutation.head {
            let is_forgotten = self.forgotten.iter().any(|(of, first, last, limit)| {
                *of == shard && *first <= slot.key && slot.key <= *last && at <= *limit
            });
            if !is_forgotten {
                self.heads
                    .entry(shard)
                    .or_default()
                    .write(slot.key.clone(), Some(head), at);
            }
        }
        if let Some((id, bytes)) = mutation.version {
            self.versions
                .entry(shard)
                .or_default()
                .write(key(id), Some(bytes), at);
        }
        if let Some((id, bytes)) = mutation.inline {
            self.inline
                .entry(shard)
                .or_default()
                .write(key(id), Some(bytes), at);
        }
        for id in mutation.removed {
            self.versions
                .entry(shard)
                .or_default()
                .write(key(id), None, at);
            self.inline
                .entry(shard)
                .or_default()
                .write(key(id), None, at);
        }
    }

    pub(super) fn forget(&mut self, shard: Shard, first: String, last: String, at: Micros) {
        if let Some(heads) = self.heads.get_mut(&shard) {
            let goes: Vec<String> = heads
                .range(first.clone()..=last.clone())
                .filter(|(_, written, _)| *written <= at)
                .map(|(key, _, _)| key.clone())
                .collect();
            for key in goes {
                heads.write(key, None, at);
            }
        }
        self.forgotten.push((shard, first, last, at));
    }
}
