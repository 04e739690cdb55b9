//! Writing objects. A small one is one mutation. A larger one: its intent, its blocks, what was decided, and only
//! then, when the body has been found right, the record that refers to it.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{
    FutureExt as _, StreamExt as _,
    future::{join, try_join},
    stream::FuturesUnordered,
};

use super::{Body, Error, Gateway, Result, Seen, cleanup::Cleanup, persist};
use crate::{
    core::{
        acl::Acl,
        checksum::{Checksum, Sums},
        gc::{Intent, Purpose},
        precondition::Conditions,
        record::{BlobRef, Content, ContentHeaders, Object, VersionId, chunk_for},
        time::Micros,
    },
    store::{Slot, StoreError},
};

/// What a client says of an object beside its bytes.
#[derive(Clone, Debug, Default)]
pub struct NewObject {
    /// Its headers.
    pub headers: ContentHeaders,
    /// Its `x-amz-meta-` headers.
    pub metadata: BTreeMap<String, String>,
    /// Its owner.
    pub owner: String,
    /// Who may do what with it.
    pub acl: Acl,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// An object that was stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its ETag.
    pub etag: String,
    /// Its checksum.
    pub checksum: Option<Checksum>,
    /// Its version, if the bucket has versions.
    pub version: Option<String>,
    /// When it was written.
    pub modified: Micros,
    /// How many bytes it has.
    pub size: u64,
}

/// Bytes that were stored; nothing refers to them yet.
pub(super) struct Written {
    pub(super) blob: BlobRef,
    pub(super) sums: Sums,
    pub(super) id: VersionId,
}

impl Gateway {
    /// Stores an object.
    pub async fn put(
        &self,
        seen: &Seen,
        key: &str,
        new: NewObject,
        mut body: Body,
        conditions: &Conditions,
    ) -> Result<Stored> {
        if body.length() > self.limits.put {
            return Err(Error::EntityTooLarge);
        }
        let slot = seen.slot(key);
        if !conditions.is_empty() {
            self.check_conditions(&slot, conditions).await?;
        }
        let (content, inline, sums, id) = if body.length() <= self.limits.inline {
            let _memory = self.reserve(body.length())?;
            let bytes = body.fill(body.length()).await?;
            let sums = body.finish().await?;
            (Content::Inline, Some(bytes), sums, self.version_id())
        } else {
            let purpose = Purpose::Object {
                bucket: slot.bucket,
                shard: slot.shard,
                key: slot.key.clone(),
            };
            let written = self.write_blob(body, purpose).await?;
            (Content::Blob(written.blob), None, written.sums, written.id)
        };
        let object = Object {
            size: sums.length,
            etag: sums.etag(),
            content,
            headers: new.headers,
            metadata: new.metadata,
            owner: new.owner,
            acl: new.acl,
            tags: new.tags,
            checksum: sums.named,
        };
        self.commit_object(seen, &slot, id, object, inline, conditions)
            .await
    }

    /// Writes what a record was decided to be, and acknowledges it.
    pub(super) async fn commit_object(
        &self,
        seen: &Seen,
        slot: &Slot,
        id: VersionId,
        object: Object,
        inline: Option<Bytes>,
        conditions: &Conditions,
    ) -> Result<Stored> {
        let stored = Stored {
            etag: object.etag.clone(),
            checksum: object.checksum.clone(),
            version: seen.public_version(id),
            modified: id.at(),
            size: object.size,
        };
        let record = seen.bucket().written(id, object);
        let committed = self.commit_record(slot, &record, inline, conditions).await;
        if let Err(Error::PreconditionFailed | Error::NoSuchKey(_) | Error::ConditionalConflict) =
            committed
        {
            // It was certainly not written: the bytes can go at once.
            for blob in crate::core::gc::named_blobs(&record) {
                self.cleanups.push(Cleanup::Blob(blob));
            }
        }
        committed?;
        self.check_age(id.at())?;
        self.confirm(seen).await?;
        self.cleanups.push(Cleanup::Trim(slot.clone()));
        Ok(stored)
    }

    /// Stores bytes that nothing refers to yet.
    pub(super) async fn write_blob(&self, body: Body, purpose: Purpose) -> Result<Written> {
        let size = body.length();
        let blob = BlobRef {
            id: self.uuid(),
            size,
            chunk: chunk_for(size),
        };
        let (window, _memory) = self.reserve_window(u64::from(blob.chunk), 1, size)?;
        let intent = Intent {
            blob,
            started: self.now(),
            purpose,
            decided: None,
        };
        let written = self.write_blocks(body, &intent, window).await;
        if written.is_err() {
            self.cleanups.push(Cleanup::Blob(blob));
        }
        written
    }

    async fn write_blocks(
        &self,
        mut body: Body,
        intent: &Intent,
        window: usize,
    ) -> Result<Written> {
        let blob = intent.blob;
        let last = blob.blocks().saturating_sub(1);
        let begun = async { Ok(persist(|| self.store.intend(intent)).await?) };
        let ((), mut bytes) = try_join(begun, body.fill(blob.block_size(0))).await?;
        let mut writes = FuturesUnordered::new();
        for block in 0..last {
            writes.push(self.write_block(intent, block, bytes));
            // Sends what was just begun, without waiting for it.
            while let Some(Some(done)) = writes.next().now_or_never() {
                done?;
            }
            while writes.len() >= window {
                if let Some(done) = writes.next().await {
                    done?;
                }
            }
            bytes = body.fill(blob.block_size(block + 1)).await?;
        }
        let sums = body.finish().await?;
        // The collector takes a blob that is older for one that was given up.
        self.check_age(intent.started)?;
        let id = self.version_id();
        let decided = Intent {
            decided: Some(id),
            ..intent.clone()
        };
        if blob.size > 0 {
            writes.push(self.write_block(intent, last, bytes));
        }
        let rest = async {
            while let Some(done) = writes.next().await {
                done?;
            }
            Ok::<(), Error>(())
        };
        let (noted, rest) = join(persist(|| self.store.intend(&decided)), rest).await;
        noted?;
        rest?;
        Ok(Written { blob, sums, id })
    }

    /// Whether something that was begun then is still far from being given up.
    pub(super) fn check_age(&self, begun: Micros) -> Result<()> {
        if self.now() > begun.saturating_add(self.limits.grace.undecided / 2) {
            return Err(StoreError::Unknown("the write took too long".to_owned()).into());
        }
        Ok(())
    }

    async fn write_block(&self, intent: &Intent, block: u64, bytes: Bytes) -> Result<()> {
        Ok(persist(|| self.store.write_block(intent, block, bytes.clone())).await?)
    }
}
