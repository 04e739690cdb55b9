//! The collector: deletes what nothing refers to any more. It may run anywhere, in several gateways at once, and stop
//! anywhere: everything it does may be done twice. What it deletes is decided in [`crate::core::gc`].

use std::sync::Arc;

use uuid::Uuid;

use super::{Error, Gateway, Result, Seen, VersionItem, VersionQuery, persist};
use crate::{
    core::{
        gc::{Fate, Intent, Purpose, fate, is_forgotten, named_blobs, named_manifest, replaced},
        lifecycle,
        record::{BlobRef, Kind, Record, VersionId},
        settings::{Bucket, State as BucketState},
        time::{HOUR, Micros},
        upload::{State, Upload},
    },
    store::{Cell, Mutation, QueuePartition, Slot, Task, VersionStart},
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

    /// Removes versions of a key that were replaced for good: first their bytes, then what refers to them.
    async fn trim(&self, slot: &Slot, done: &mut Collected) -> Result<()> {
        let cells = persist(|| self.store.versions(slot)).await?;
        let rows: Vec<Record> = cells
            .iter()
            .map(|cell| Record::decode(&cell.bytes))
            .collect::<std::result::Result<_, _>>()?;
        let head = persist(|| self.store.head(slot)).await?;
        let Some(cell) = head else { return Ok(()) };
        let head = Record::decode(&cell.bytes)?;
        let (now, grace) = (self.now(), &self.limits.grace);
        let gone = replaced(&rows, Some(&head), now, grace);
        for row in rows.iter().filter(|row| gone.contains(&row.id)) {
            self.delete_blobs_of(row, done).await?;
        }
        if !gone.is_empty() {
            done.versions += gone.len() as u64;
            let written = cells.iter().map(|cell| cell.written).max().unwrap_or(0);
            let at = self.timestamp().max(written + 1);
            let removal = Mutation {
                removed: gone.clone(),
                ..Mutation::default()
            };
            self.commit(slot, &removal, at).await?;
        }
        let left: Vec<Record> = rows
            .into_iter()
            .filter(|row| !gone.contains(&row.id))
            .collect();
        if is_forgotten(&left, &head, now, grace) {
            done.keys += 1;
            let key = &slot.key;
            persist(|| {
                self.store
                    .forget_heads(slot.bucket, slot.shard, key, key, cell.written)
            })
            .await?;
            let removal = Mutation {
                removed: vec![head.id],
                ..Mutation::default()
            };
            self.commit(slot, &removal, cell.written).await?;
        }
        Ok(())
    }

    /// Intents whose time is over. A partition goes when all of them are settled; those that have to wait move on.
    async fn collect_intents(&self, done: &mut Collected) -> Result<()> {
        let grace = self.limits.grace.undecided;
        for partition in persist(|| self.store.intent_partitions()).await? {
            if !is_over(partition, self.now(), grace) {
                continue;
            }
            let mut is_clean = true;
            for intent in persist(|| self.store.intents(partition)).await? {
                match self.settle(&intent, done).await {
                    Ok(()) => done.intents += 1,
                    Err(error) => {
                        let blob = intent.blob.id;
                        tracing::warn!(%blob, "an intent will be settled later: {error}");
                        is_clean = false;
                        done.failed += 1;
                    }
                }
            }
            if is_clean {
                persist(|| self.store.drop_intents(partition)).await?;
            }
        }
        Ok(())
    }

    async fn settle(&self, intent: &Intent, done: &mut Collected) -> Result<()> {
        let slot = Slot::from(&intent.purpose);
        let mut is_referred = self.refers(&slot, intent.blob.id).await?;
        if let Purpose::Part { upload, .. } = &intent.purpose
            && !is_referred
        {
            match persist(|| self.store.upload(&slot, *upload))
                .await?
                .map(|upload| upload.state)
            {
                // What is left of an upload is removed with it; the intent is looked at again after that.
                Some(State::Open | State::Completing(..) | State::Done(_) | State::Aborted) => {
                    return self.carry_over(intent).await;
                }
                // It may have become the object between the two looks.
                None => is_referred = self.refers(&slot, intent.blob.id).await?,
            }
        }
        match fate(intent, is_referred, self.now(), &self.limits.grace) {
            Fate::Keep => Ok(()),
            Fate::Wait => self.carry_over(intent).await,
            Fate::Delete => self.delete_content(&[intent.blob], None, done).await,
            Fate::FenceThenDelete(id, at) => {
                match &intent.purpose {
                    Purpose::Object { .. } => self.fence(&slot, id, at).await?,
                    Purpose::Part { upload, number, .. } => {
                        persist(|| self.store.remove_part(*upload, *number, id, at)).await?;
                    }
                }
                self.delete_content(&[intent.blob], None, done).await
            }
        }
    }

    async fn carry_over(&self, intent: &Intent) -> Result<()> {
        let later = Intent {
            started: self.now(),
            ..intent.clone()
        };
        Ok(persist(|| self.store.intend(&later)).await?)
    }

    // Whatever may still surface of this write is overruled: its version is removed above its timestamp, and the head
    // that is there is written again above it. A newer head needs nothing, it wins anyway.
    async fn fence(&self, slot: &Slot, id: VersionId, at: Micros) -> Result<()> {
        let head: Option<Cell> = persist(|| self.store.head(slot)).await?;
        let is_newer = head.as_ref().is_some_and(|cell| cell.written > at);
        let head = match &head {
            Some(_) if is_newer => None,
            Some(cell) => Some(cell.bytes.clone()),
            None => Some(Record::deleted(id).encode()?),
        };
        let fence = Mutation {
            head,
            removed: vec![id],
            ..Mutation::default()
        };
        self.commit(slot, &fence, at).await
    }

    /// Whether a version of this key refers to a blob.
    pub(super) async fn refers(&self, slot: &Slot, blob: Uuid) -> Result<bool> {
        let mut rows = self.rows(slot).await?;
        if let Some(head) = persist(|| self.store.head(slot)).await? {
            rows.push(Record::decode(&head.bytes)?);
        }
        for object in rows.iter().filter_map(Record::object) {
            let blobs = self.blobs_of(&object.content).await?;
            if blobs.iter().any(|own| own.id == blob) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// One bucket: uploads that are over, versions that were replaced, objects that have expired.
    async fn collect_bucket(self: &Arc<Self>, seen: &Seen, done: &mut Collected) -> Result<()> {
        if seen.bucket().state == BucketState::Deleting {
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

    // A gateway that began to delete it and has gone. Another look at the same revision after the time that any
    // deletion takes shows that nobody is at it.
    async fn resume_deletion(&self, bucket: &Bucket, done: &mut Collected) -> Result<()> {
        self.environment.sleep(self.limits.bucket_settles * 4).await;
        let now = persist(|| self.store.bucket(&bucket.name)).await?;
        if now.as_ref() != Some(bucket) {
            return Ok(());
        }
        match self.finish_deletion(bucket.clone()).await {
            Ok(()) | Err(Error::BucketNotEmpty) => Ok(()),
            Err(_) => {
                done.failed += 1;
                Ok(())
            }
        }
    }

    async fn collect_uploads(&self, seen: &Seen, shard: u16, done: &mut Collected) -> Result<()> {
        let bucket = seen.bucket();
        let mut after = None;
        loop {
            let uploads =
                persist(|| self.store.uploads(bucket.id, shard, after.clone(), PAGE)).await?;
            for upload in &uploads {
                self.collect_upload(bucket, upload, done).await?;
            }
            match uploads.last() {
                Some(last) if uploads.len() == PAGE => after = Some((last.key.clone(), last.id)),
                Some(_) | None => return Ok(()),
            }
        }
    }

    async fn collect_upload(
        &self,
        bucket: &Bucket,
        upload: &Upload,
        done: &mut Collected,
    ) -> Result<()> {
        let slot = Slot::from(upload);
        let (now, grace) = (self.now(), &self.limits.grace);
        match &upload.state {
            State::Open => {
                if lifecycle::upload_is_given_up(
                    &bucket.lifecycle,
                    &upload.key,
                    upload.started,
                    now,
                ) {
                    self.swap_state(upload, State::Aborted).await?;
                }
            }
            State::Aborted => {
                self.remove_aborted(&slot, upload.id).await?;
                done.uploads += 1;
            }
            State::Completing(record, _) => {
                if now >= record.id.at() + grace.completing
                    && let Err(error) = self.finish_upload(&slot, upload).await
                {
                    tracing::warn!(upload = %upload.id, "an upload was not finished: {error}");
                }
            }
            State::Done(record) => {
                if now >= record.id.at() + grace.done {
                    self.remove_done(&slot, upload, record).await?;
                    done.uploads += 1;
                }
            }
        }
        Ok(())
    }

    async fn collect_keys(&self, seen: &Seen, shard: u16, done: &mut Collected) -> Result<()> {
        let id = seen.bucket().id;
        let mut from = String::new();
        loop {
            let heads = persist(|| self.store.heads(id, shard, &from, PAGE)).await?;
            for (key, _) in &heads {
                let slot = Slot::new(id, shard, key);
                self.trim(&slot, done).await?;
            }
            match heads.last() {
                Some((key, _)) if heads.len() == PAGE => {
                    from = crate::core::listing::just_after(key);
                }
                Some(_) | None => return Ok(()),
            }
        }
    }

    async fn expire(self: &Arc<Self>, seen: &Seen, done: &mut Collected) -> Result<()> {
        let mut query = VersionQuery {
            limit: PAGE,
            ..VersionQuery::default()
        };
        loop {
            let page = self.list_versions(seen, &query).await?;
            let mut newer: u32 = 0;
            let mut replaced_at = 0;
            for item in page.items {
                let VersionItem::Version(key, row, is_latest) = item else {
                    continue;
                };
                if is_latest {
                    newer = 0;
                    self.expire_latest(seen, &key, &row, done).await?;
                } else {
                    let rules = &seen.bucket().lifecycle;
                    if lifecycle::noncurrent_goes(rules, &key, &row, replaced_at, newer, self.now())
                    {
                        self.delete(seen, &key, Some(&row.public_id()), "").await?;
                        done.expired += 1;
                    }
                    newer += 1;
                }
                replaced_at = row.id.at();
            }
            match page.next {
                Some(next) => query.start = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn expire_latest(
        &self,
        seen: &Seen,
        key: &str,
        row: &Record,
        done: &mut Collected,
    ) -> Result<()> {
        let rules = &seen.bucket().lifecycle;
        let owner = &seen.bucket().owner;
        if let Some(at) = lifecycle::expires_at(rules, key, row)
            && self.now() >= at
        {
            self.delete(seen, key, None, owner).await?;
            done.expired += 1;
        }
        if matches!(row.kind, Kind::DeleteMarker { .. })
            && lifecycle::lonely_marker_goes(rules, key)
            && crate::core::versions::effective(self.rows(&seen.slot(key)).await?).len() == 1
        {
            self.delete(seen, key, Some(&row.public_id()), owner)
                .await?;
            done.expired += 1;
        }
        Ok(())
    }

    // Everything in a bucket that is gone.
    async fn empty(&self, id: Uuid, shards: u16, done: &mut Collected) -> Result<()> {
        if persist(|| self.store.all_buckets())
            .await?
            .iter()
            .any(|bucket| bucket.id == id)
        {
            return Ok(());
        }
        for shard in 0..shards {
            let start = VersionStart {
                key: String::new(),
                after: None,
            };
            loop {
                let rows = persist(|| self.store.version_rows(id, shard, &start, PAGE)).await?;
                for (key, cell) in &rows {
                    let record = Record::decode(&cell.bytes)?;
                    self.delete_blobs_of(&record, done).await?;
                    let slot = Slot::new(id, shard, key);
                    let removal = Mutation {
                        removed: vec![record.id],
                        ..Mutation::default()
                    };
                    self.commit(&slot, &removal, self.timestamp().max(cell.written + 1))
                        .await?;
                    done.versions += 1;
                }
                if rows.len() < PAGE {
                    break;
                }
            }
            let at = self.timestamp();
            let last = char::MAX.to_string().repeat(256);
            persist(|| self.store.forget_heads(id, shard, "", &last, at)).await?;
            loop {
                let uploads = persist(|| self.store.uploads(id, shard, None, PAGE)).await?;
                for upload in &uploads {
                    self.remove_parts(&Slot::from(upload), upload.id, &[])
                        .await?;
                    done.uploads += 1;
                }
                if uploads.len() < PAGE {
                    break;
                }
            }
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
