//! The store in memory: deterministic, with faults on demand. It is what every other store is held against, and what
//! a gateway can be tried out on.

mod faults;
mod lww;
mod world;

use std::{
    cmp::Reverse,
    future::poll_fn,
    sync::{Arc, Mutex},
    task::Poll,
};

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

pub use self::faults::{Fault, Faults, NoFaults};
use self::world::{OrdPart, World};
use super::{
    Care, Cell, Found, Mutation, QueuePartition, Queued, Result, ScanToken, Segment, Slot, Store,
    StoreError, VersionStart,
};
use crate::{
    core::{
        checksum::crc32c,
        gc::Intent,
        record::{BlobRef, PartRef, VersionId},
        settings::Bucket,
        time::{HOUR, Micros},
        upload::{Part, Upload},
    },
    environment::Environment,
};

/// One gateway's way to the tables.
pub struct MemoryStore {
    world: Arc<Mutex<World>>,
    faults: Arc<dyn Faults>,
    environment: Arc<dyn Environment>,
}

impl MemoryStore {
    /// New tables. The environment gives compare-and-swap its timestamps.
    pub fn new(environment: Arc<dyn Environment>) -> Self {
        Self {
            world: Arc::default(),
            faults: Arc::new(NoFaults),
            environment,
        }
    }

    /// Another way to the same tables.
    #[must_use]
    pub fn with_faults(&self, faults: Arc<dyn Faults>) -> Self {
        Self {
            world: Arc::clone(&self.world),
            faults,
            environment: Arc::clone(&self.environment),
        }
    }

    /// How many writes have not surfaced yet.
    pub fn ghosts(&self) -> usize {
        self.lock().ghosts.len()
    }

    /// One of the writes that nobody knows of surfaces.
    pub fn surface(&self, which: usize) {
        let mut world = self.lock();
        if which < world.ghosts.len() {
            let ghost = world.ghosts.swap_remove(which);
            ghost(&mut world);
        }
    }

    /// How many bytes lie in blocks, and in how many.
    pub fn stored_blocks(&self) -> (usize, usize) {
        let world = self.lock();
        (
            world.blocks.values().map(|(bytes, _)| bytes.len()).sum(),
            world.blocks.len(),
        )
    }

    /// Spoils a block, as a disk may.
    pub fn spoil_block(&self, blob: Uuid) {
        for (key, (bytes, _)) in &mut self.lock().blocks {
            if key.0 == blob {
                *bytes = Bytes::from(vec![0; bytes.len()]);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, World> {
        self.world
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn before(&self, call: &'static str, is_write: bool) -> Fault {
        if self.faults.gives_way() {
            let mut waited = false;
            poll_fn(|context| {
                if std::mem::replace(&mut waited, true) {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
        self.faults.next(call, is_write)
    }

    async fn query<R>(&self, call: &'static str, read: impl FnOnce(&World) -> R) -> Result<R> {
        match self.before(call, false).await {
            Fault::None => Ok(read(&self.lock())),
            Fault::Refused | Fault::LostReply | Fault::Ghost => {
                Err(StoreError::Unavailable(call.to_owned()))
            }
        }
    }

    async fn change<R>(
        &self,
        call: &'static str,
        change: impl FnOnce(&mut World) -> R + Send + 'static,
    ) -> Result<R> {
        match self.before(call, true).await {
            Fault::None => Ok(change(&mut self.lock())),
            Fault::Refused => Err(StoreError::Unavailable(call.to_owned())),
            Fault::LostReply => {
                change(&mut self.lock());
                Err(StoreError::Unknown(call.to_owned()))
            }
            Fault::Ghost => {
                self.lock().ghosts.push(Box::new(|world| {
                    change(world);
                }));
                Err(StoreError::Unknown(call.to_owned()))
            }
        }
    }

    // Compare-and-swap is decided at once or not at all: a late one would be finished by the next.
    async fn swap<R>(
        &self,
        call: &'static str,
        change: impl FnOnce(&mut World) -> R + Send,
    ) -> Result<R> {
        match self.before(call, true).await {
            Fault::None => Ok(change(&mut self.lock())),
            Fault::Refused => Err(StoreError::Unavailable(call.to_owned())),
            Fault::LostReply => {
                change(&mut self.lock());
                Err(StoreError::Unknown(call.to_owned()))
            }
            Fault::Ghost => Err(StoreError::Unknown(call.to_owned())),
        }
    }
}

fn cell(found: Option<(u64, &Bytes)>) -> Option<Cell> {
    found.map(|(written, bytes)| Cell {
        written,
        bytes: bytes.clone(),
    })
}

fn partition(at: Micros, id: Uuid) -> QueuePartition {
    QueuePartition {
        hour: at / HOUR,
        slot: id.as_bytes().first().map_or(0, |byte| byte % 4),
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn bucket(&self, name: &str) -> Result<Option<Bucket>> {
        self.query("bucket", |world| world.buckets.get(name).cloned())
            .await
    }

    async fn create_bucket(&self, bucket: &Bucket) -> Result<Option<Bucket>> {
        let bucket = bucket.clone();
        self.swap("create_bucket", |world| {
            if let Some(existing) = world.buckets.get(&bucket.name) {
                Some(existing.clone())
            } else {
                world.buckets.insert(bucket.name.clone(), bucket);
                None
            }
        })
        .await
    }

    async fn replace_bucket(&self, bucket: &Bucket, revision: u64) -> Result<bool> {
        let bucket = bucket.clone();
        self.swap("replace_bucket", |world| {
            match world.buckets.get_mut(&bucket.name) {
                Some(existing) if existing.revision == revision && existing.id == bucket.id => {
                    *existing = bucket;
                    true
                }
                Some(_) | None => false,
            }
        })
        .await
    }

    async fn remove_bucket(&self, name: &str, revision: u64) -> Result<bool> {
        self.swap("remove_bucket", |world| {
            let is_it = world
                .buckets
                .get(name)
                .is_some_and(|b| b.revision == revision);
            is_it && world.buckets.remove(name).is_some()
        })
        .await
    }

    async fn index_bucket(&self, owner: &str, name: &str) -> Result<()> {
        let row = (owner.to_owned(), name.to_owned());
        self.change("index_bucket", |world| {
            world.owners.insert(row);
        })
        .await
    }

    async fn unindex_bucket(&self, owner: &str, name: &str) -> Result<()> {
        let row = (owner.to_owned(), name.to_owned());
        self.change("unindex_bucket", move |world| {
            world.owners.remove(&row);
        })
        .await
    }

    async fn buckets_of(&self, owner: &str) -> Result<Vec<String>> {
        self.query("buckets_of", |world| {
            let from = (owner.to_owned(), String::new());
            let own = world.owners.range(from..).take_while(|row| row.0 == owner);
            own.map(|row| row.1.clone()).collect()
        })
        .await
    }

    async fn all_buckets(&self) -> Result<Vec<Bucket>> {
        self.query("all_buckets", |world| {
            world.buckets.values().cloned().collect()
        })
        .await
    }

    async fn read(&self, slot: &Slot) -> Result<Found> {
        self.query("read", |world| {
            let shard = (slot.bucket, slot.shard);
            let from = (slot.key.clone(), Reverse(VersionId::MAX));
            let to = (slot.key.clone(), Reverse(VersionId::MIN));
            let newest = world
                .inline
                .get(&shard)
                .and_then(|t| t.range(from..=to).next());
            Found {
                head: cell(world.heads.get(&shard).and_then(|t| t.get(&slot.key))),
                inline: newest.map(|(key, _, bytes)| (key.1.0, bytes.clone())),
            }
        })
        .await
    }

    async fn head(&self, slot: &Slot) -> Result<Option<Cell>> {
        self.query("head", |world| {
            cell(
                world
                    .heads
                    .get(&(slot.bucket, slot.shard))
                    .and_then(|t| t.get(&slot.key)),
            )
        })
        .await
    }

    async fn version(&self, slot: &Slot, id: VersionId) -> Result<Option<Cell>> {
        self.query("version", |world| {
            let key = (slot.key.clone(), Reverse(id));
            cell(
                world
                    .versions
                    .get(&(slot.bucket, slot.shard))
                    .and_then(|t| t.get(&key)),
            )
        })
        .await
    }

    async fn inline(&self, slot: &Slot, id: VersionId) -> Result<Option<Bytes>> {
        self.query("inline", |world| {
            let key = (slot.key.clone(), Reverse(id));
            let table = world.inline.get(&(slot.bucket, slot.shard))?;
            table.get(&key).map(|(_, bytes)| bytes.clone())
        })
        .await
    }

    async fn versions(&self, slot: &Slot) -> Result<Vec<Cell>> {
        self.query("versions", |world| {
            let from = (slot.key.clone(), Reverse(VersionId::MAX));
            let to = (slot.key.clone(), Reverse(VersionId::MIN));
            let table = world.versions.get(&(slot.bucket, slot.shard));
            let rows = table
                .into_iter()
                .flat_map(|t| t.range(from.clone()..=to.clone()));
            rows.map(|(_, written, bytes)| Cell {
                written,
                bytes: bytes.clone(),
            })
            .collect()
        })
        .await
    }

    async fn commit(&self, slot: &Slot, mutation: &Mutation, at: Micros) -> Result<()> {
        let (slot, mutation) = (slot.clone(), mutation.clone());
        self.change("commit", move |world| world.apply(&slot, mutation, at))
            .await
    }

    async fn commit_if(
        &self,
        slot: &Slot,
        expected: Option<&Bytes>,
        mutation: &Mutation,
    ) -> Result<bool> {
        let now = self.environment.now();
        self.swap("commit_if", |world| {
            let heads = world.heads.get(&(slot.bucket, slot.shard));
            let found = heads
                .and_then(|heads| heads.get(&slot.key))
                .map(|(_, bytes)| bytes);
            if found != expected {
                return false;
            }
            world.last_swap = now.max(world.last_swap + 1);
            world.apply(slot, mutation.clone(), world.last_swap);
            true
        })
        .await
    }

    async fn heads(
        &self,
        bucket: Uuid,
        shard: u16,
        from: &str,
        limit: usize,
    ) -> Result<Vec<(String, Cell)>> {
        self.query("heads", |world| {
            let table = world.heads.get(&(bucket, shard));
            let rows = table
                .into_iter()
                .flat_map(|t| t.range(from.to_owned()..))
                .take(limit);
            rows.map(|(key, written, bytes)| {
                (
                    key.clone(),
                    Cell {
                        written,
                        bytes: bytes.clone(),
                    },
                )
            })
            .collect()
        })
        .await
    }

    async fn version_rows(
        &self,
        bucket: Uuid,
        shard: u16,
        from: &VersionStart,
        limit: usize,
    ) -> Result<Vec<(String, Cell)>> {
        self.query("version_rows", |world| {
            let first = (
                from.key.clone(),
                Reverse(from.after.unwrap_or(VersionId::MAX)),
            );
            let table = world.versions.get(&(bucket, shard));
            let rows = table.into_iter().flat_map(|t| t.range(first.clone()..));
            rows.filter(|(key, _, _)| from.after.is_none() || **key != first)
                .take(limit)
                .map(|(key, written, bytes)| {
                    (
                        key.0.clone(),
                        Cell {
                            written,
                            bytes: bytes.clone(),
                        },
                    )
                })
                .collect()
        })
        .await
    }

    async fn forget_heads(
        &self,
        bucket: Uuid,
        shard: u16,
        first: &str,
        last: &str,
        at: Micros,
    ) -> Result<()> {
        let (first, last) = (first.to_owned(), last.to_owned());
        self.change("forget_heads", move |world| {
            world.forget((bucket, shard), first, last, at);
        })
        .await
    }

    async fn intend(&self, intent: &Intent) -> Result<()> {
        let intent = intent.clone();
        self.change("intend", move |world| {
            let key = (partition(intent.started, intent.blob.id), intent.blob.id);
            // A late first write must not undo what was decided.
            let decided = world.intents.get(&key).and_then(|old| old.decided);
            let decided = intent.decided.or(decided);
            world.intents.insert(key, Intent { decided, ..intent });
        })
        .await
    }

    async fn intent_partitions(&self) -> Result<Vec<QueuePartition>> {
        self.query("intent_partitions", |world| {
            let mut partitions: Vec<_> = world.intents.keys().map(|key| key.0).collect();
            partitions.dedup();
            partitions
        })
        .await
    }

    async fn intents(&self, partition: QueuePartition) -> Result<Vec<Intent>> {
        self.query("intents", |world| {
            let all = world
                .intents
                .range((partition, Uuid::nil())..=(partition, Uuid::max()));
            all.map(|(_, intent)| intent.clone()).collect()
        })
        .await
    }

    async fn drop_intents(&self, partition: QueuePartition) -> Result<()> {
        self.change("drop_intents", move |world| {
            world.intents.retain(|key, _| key.0 != partition);
        })
        .await
    }

    async fn write_block(&self, intent: &Intent, block: u64, bytes: Bytes) -> Result<()> {
        let intent = intent.clone();
        self.change("write_block", move |world| {
            let segment = intent.blob.segment_of(block);
            let crc = crc32c(&bytes);
            world
                .blocks
                .insert((intent.blob.id, segment, block), (bytes, crc));
            world
                .segments
                .entry((intent.blob.id, segment))
                .or_insert(intent);
        })
        .await
    }

    async fn read_block(&self, blob: &BlobRef, block: u64, _care: Care) -> Result<Option<Bytes>> {
        self.query("read_block", |world| {
            let found = world.blocks.get(&(blob.id, blob.segment_of(block), block));
            found
                .filter(|(bytes, crc)| crc32c(bytes) == *crc)
                .map(|(bytes, _)| bytes.clone())
        })
        .await
    }

    async fn delete_blob(&self, blob: &BlobRef) -> Result<()> {
        let id = blob.id;
        self.change("delete_blob", move |world| {
            let (first, last) = ((id, 0, 0), (id, u32::MAX, u64::MAX));
            let goes: Vec<_> = world
                .blocks
                .range(first..=last)
                .map(|(key, _)| *key)
                .collect();
            for key in goes {
                world.blocks.remove(&key);
                world.segments.remove(&(key.0, key.1));
            }
        })
        .await
    }

    async fn segments(
        &self,
        from: Option<ScanToken>,
        limit: usize,
    ) -> Result<(Vec<Segment>, Option<ScanToken>)> {
        let skip = from
            .and_then(|token| <[u8; 8]>::try_from(token).ok())
            .map_or(0, u64::from_be_bytes);
        self.query("segments", |world| {
            let skipped = usize::try_from(skip).unwrap_or(usize::MAX);
            let found: Vec<Segment> = world
                .segments
                .iter()
                .skip(skipped)
                .take(limit)
                .map(|((blob, number), intent)| Segment {
                    number: *number,
                    intent: Some(intent.clone()),
                    blob: *blob,
                })
                .collect();
            let next = skip + found.len() as u64;
            let has_more = found.len() == limit;
            (found, has_more.then(|| next.to_be_bytes().to_vec()))
        })
        .await
    }

    async fn delete_segment(&self, blob: Uuid, number: u32) -> Result<()> {
        self.change("delete_segment", move |world| {
            world
                .blocks
                .retain(|key, _| (key.0, key.1) != (blob, number));
            world.segments.remove(&(blob, number));
        })
        .await
    }

    async fn write_manifest(&self, id: Uuid, page: u32, parts: &[PartRef]) -> Result<()> {
        let parts = parts.to_vec();
        self.change("write_manifest", move |world| {
            world.manifests.insert((id, page), parts);
        })
        .await
    }

    async fn read_manifest(&self, id: Uuid, page: u32) -> Result<Option<Vec<PartRef>>> {
        self.query("read_manifest", |world| {
            world.manifests.get(&(id, page)).cloned()
        })
        .await
    }

    async fn delete_manifest(&self, id: Uuid) -> Result<()> {
        self.change("delete_manifest", move |world| {
            world.manifests.retain(|key, _| key.0 != id);
        })
        .await
    }

    async fn create_upload(&self, upload: &Upload) -> Result<()> {
        let upload = upload.clone();
        self.swap("create_upload", |world| {
            let key = (upload.bucket, upload.shard, upload.key.clone(), upload.id);
            world.uploads.entry(key).or_insert(upload);
        })
        .await
    }

    async fn upload(&self, slot: &Slot, id: Uuid) -> Result<Option<Upload>> {
        self.query("upload", |world| {
            world
                .uploads
                .get(&(slot.bucket, slot.shard, slot.key.clone(), id))
                .cloned()
        })
        .await
    }

    async fn replace_upload(&self, upload: &Upload, revision: u64) -> Result<bool> {
        let upload = upload.clone();
        self.swap("replace_upload", |world| {
            let key = (upload.bucket, upload.shard, upload.key.clone(), upload.id);
            match world.uploads.get_mut(&key) {
                Some(existing) if existing.revision == revision => {
                    *existing = upload;
                    true
                }
                Some(_) | None => false,
            }
        })
        .await
    }

    async fn remove_upload(&self, slot: &Slot, id: Uuid) -> Result<()> {
        let slot = slot.clone();
        self.change("remove_upload", move |world| {
            world
                .uploads
                .remove(&(slot.bucket, slot.shard, slot.key, id));
            if let Some(parts) = world.parts.get_mut(&id) {
                parts.erase_if(|_| true);
            }
        })
        .await
    }

    async fn uploads(
        &self,
        bucket: Uuid,
        shard: u16,
        after: Option<(String, Uuid)>,
        limit: usize,
    ) -> Result<Vec<Upload>> {
        self.query("uploads", |world| {
            let (key, id) = after.clone().unwrap_or_default();
            let rows = world.uploads.range((bucket, shard, key.clone(), id)..);
            rows.take_while(|(at, _)| (at.0, at.1) == (bucket, shard))
                .filter(|(at, _)| after.is_none() || (&at.2, at.3) != (&key, id))
                .take(limit)
                .map(|(_, upload)| upload.clone())
                .collect()
        })
        .await
    }

    async fn write_part(&self, upload: Uuid, part: &Part) -> Result<()> {
        let part = part.clone();
        self.change("write_part", move |world| {
            let (key, at) = ((part.number, part.attempt), part.attempt.at());
            world
                .parts
                .entry(upload)
                .or_default()
                .write(key, Some(OrdPart(part)), at);
        })
        .await
    }

    async fn remove_part(
        &self,
        upload: Uuid,
        number: u32,
        attempt: VersionId,
        at: Micros,
    ) -> Result<()> {
        self.change("remove_part", move |world| {
            world
                .parts
                .entry(upload)
                .or_default()
                .write((number, attempt), None, at);
        })
        .await
    }

    async fn parts(&self, upload: Uuid) -> Result<Vec<Part>> {
        self.query("parts", |world| {
            let table = world.parts.get(&upload);
            table
                .into_iter()
                .flat_map(|t| t.range(..))
                .map(|(_, _, part)| part.0.clone())
                .collect()
        })
        .await
    }

    async fn schedule(&self, task: &Queued, due: Micros) -> Result<()> {
        let task = task.clone();
        self.change("schedule", move |world| {
            world
                .tasks
                .insert((partition(due, task.id), task.id), task.task);
        })
        .await
    }

    async fn task_partitions(&self) -> Result<Vec<QueuePartition>> {
        self.query("task_partitions", |world| {
            let mut partitions: Vec<_> = world.tasks.keys().map(|key| key.0).collect();
            partitions.dedup();
            partitions
        })
        .await
    }

    async fn tasks(&self, partition: QueuePartition) -> Result<Vec<Queued>> {
        self.query("tasks", |world| {
            let all = world
                .tasks
                .range((partition, Uuid::nil())..=(partition, Uuid::max()));
            all.map(|(key, task)| Queued {
                id: key.1,
                task: task.clone(),
            })
            .collect()
        })
        .await
    }

    async fn drop_tasks(&self, partition: QueuePartition) -> Result<()> {
        self.change("drop_tasks", move |world| {
            world.tasks.retain(|key, _| key.0 != partition);
        })
        .await
    }

    async fn ping(&self) -> Result<()> {
        self.query("ping", |_| ()).await
    }
}
