//! The checker: every blob that an object refers to is there, and every blob that is there is referred to.

use futures::{StreamExt as _, stream};

use super::{Error, Gateway, Result, persist};
use crate::{
    core::{
        gc::{Purpose, replaced},
        record::{BlobRef, Record},
        settings::Bucket,
        upload::State,
    },
    store::{Care, ScanToken, Segment, Slot, VersionStart},
};

/// How many rows are read at once.
const PAGE: usize = 200;

/// How closely blobs are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The first and the last block of each.
    Ends,
    /// Every block, with its checksum.
    Full,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Buckets.
    pub buckets: u64,
    /// Versions of objects.
    pub versions: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Partitions of blocks.
    pub segments: u64,
    /// Blobs that are referred to and not there, or spoilt: must be none.
    pub missing: Vec<Missing>,
    /// Partitions of blocks that nothing refers to.
    pub orphans: u64,
    /// How many bytes they have at most.
    pub orphan_bytes: u64,
    /// Those that were removed.
    pub removed: u64,
}

/// An object that has lost bytes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Missing {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The version.
    pub version: String,
    /// What is wrong.
    pub problem: String,
}

impl Report {
    /// Whether nothing is missing.
    pub fn is_sound(&self) -> bool {
        self.missing.is_empty()
    }
}

impl Gateway {
    /// Checks everything; removes orphans that are old enough, if that is asked for.
    pub async fn check(&self, depth: Depth, remove: bool) -> Result<Report> {
        let mut report = Report::default();
        for bucket in persist(|| self.store.all_buckets()).await? {
            report.buckets += 1;
            for shard in 0..bucket.shards {
                self.check_shard(&bucket, shard, depth, &mut report).await?;
            }
        }
        let mut token: Option<ScanToken> = None;
        loop {
            let (segments, next) = persist(|| self.store.segments(token.clone(), PAGE)).await?;
            for segment in &segments {
                report.segments += 1;
                self.check_segment(segment, remove, &mut report).await?;
            }
            token = next;
            if token.is_none() {
                return Ok(report);
            }
        }
    }

    async fn check_shard(
        &self,
        bucket: &Bucket,
        shard: u16,
        depth: Depth,
        report: &mut Report,
    ) -> Result<()> {
        let mut start = VersionStart {
            key: String::new(),
            after: None,
        };
        loop {
            let rows = persist(|| self.store.version_rows(bucket.id, shard, &start, PAGE)).await?;
            for (key, cell) in &rows {
                let record = Record::decode(&cell.bytes)?;
                let slot = Slot::new(bucket.id, shard, key);
                if let Err(error) = self.check_version(&slot, &record, depth, report).await
                    && self.is_visible(&slot, &record).await?
                {
                    report.missing.push(Missing {
                        bucket: bucket.name.clone(),
                        key: key.clone(),
                        version: record.id.to_string(),
                        problem: error.to_string(),
                    });
                }
            }
            match rows.last() {
                Some((key, cell)) if rows.len() == PAGE => {
                    let id = Record::decode(&cell.bytes)?.id;
                    start = VersionStart {
                        key: key.clone(),
                        after: Some(id),
                    };
                }
                Some(_) | None => return Ok(()),
            }
        }
    }

    // Versions that were replaced lose their bytes before their rows.
    async fn is_visible(&self, slot: &Slot, record: &Record) -> Result<bool> {
        let rows = self.rows(slot).await?;
        let head = persist(|| self.store.head(slot)).await?;
        let head = head.map(|cell| Record::decode(&cell.bytes)).transpose()?;
        let gone = replaced(&rows, head.as_ref(), self.now(), &self.limits.grace);
        Ok(rows.iter().any(|row| row.id == record.id) && !gone.contains(&record.id))
    }

    async fn check_version(
        &self,
        slot: &Slot,
        record: &Record,
        depth: Depth,
        report: &mut Report,
    ) -> Result<()> {
        let Some(object) = record.object() else {
            return Ok(());
        };
        report.versions += 1;
        report.bytes += object.size;
        if object.content == crate::core::record::Content::Inline {
            let bytes = persist(|| self.store.inline(slot, record.id)).await?;
            let is_right = bytes.is_some_and(|bytes| bytes.len() as u64 == object.size);
            return if is_right {
                Ok(())
            } else {
                Err(lost("its bytes are not beside it"))
            };
        }
        let blobs = self.blobs_of(&object.content).await?;
        if blobs.iter().map(|blob| blob.size).sum::<u64>() != object.size {
            return Err(lost("its blobs have another size"));
        }
        for blob in blobs {
            self.check_blob(blob, depth).await?;
        }
        Ok(())
    }

    async fn check_blob(&self, blob: BlobRef, depth: Depth) -> Result<()> {
        let last = blob.blocks().saturating_sub(1);
        let blocks: Vec<u64> = match depth {
            _ if blob.size == 0 => Vec::new(),
            Depth::Ends if last == 0 => vec![0],
            Depth::Ends => vec![0, last],
            Depth::Full => (0..=last).collect(),
        };
        let mut reads = stream::iter(blocks)
            .map(|block| async move {
                let found = persist(|| self.store.read_block(&blob, block, Care::Sure)).await?;
                let is_right = found.is_some_and(|b| b.len() as u64 == blob.block_size(block));
                if is_right {
                    Ok(())
                } else {
                    Err(lost("a block is not there, or is spoilt"))
                }
            })
            .buffered(self.limits.window);
        while let Some(read) = reads.next().await {
            read?;
        }
        Ok(())
    }

    async fn check_segment(
        &self,
        segment: &Segment,
        remove: bool,
        report: &mut Report,
    ) -> Result<()> {
        let (started, size) = match &segment.intent {
            Some(intent) => {
                if self.is_wanted(intent.blob.id, &intent.purpose).await? {
                    return Ok(());
                }
                let before = u64::from(segment.number) * crate::core::record::SEGMENT;
                let size = intent.blob.size.saturating_sub(before);
                (intent.started, size.min(crate::core::record::SEGMENT))
            }
            None => (0, 0),
        };
        // It may be about to be referred to.
        if self.now() < started + self.limits.grace.undecided {
            return Ok(());
        }
        report.orphans += 1;
        report.orphan_bytes += size;
        if remove {
            persist(|| self.store.delete_segment(segment.blob, segment.number)).await?;
            report.removed += 1;
        }
        Ok(())
    }

    async fn is_wanted(&self, blob: uuid::Uuid, purpose: &Purpose) -> Result<bool> {
        let slot = Slot::from(purpose);
        if self.refers(&slot, blob).await? {
            return Ok(true);
        }
        let Purpose::Part { upload, .. } = purpose else {
            return Ok(false);
        };
        let state = persist(|| self.store.upload(&slot, *upload))
            .await?
            .map(|upload| upload.state);
        if matches!(
            state,
            Some(State::Open | State::Completing(..) | State::Done(_))
        ) {
            return Ok(true);
        }
        // It may have become the object between the two looks.
        self.refers(&slot, blob).await
    }
}

fn lost(what: &str) -> Error {
    crate::store::StoreError::Corrupt(what.to_owned()).into()
}
