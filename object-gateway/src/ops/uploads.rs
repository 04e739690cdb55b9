//! Uploads in parts. Completing decides first, by compare-and-swap, what the object will be, and then writes it; whoever
//! repeats the request, and the collector, writes the same record at the same timestamp.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use uuid::Uuid;

use super::{
    Body, Error, Gateway, NewObject, Result, Seen, Stored, cleanup::Cleanup, persist,
    write::Written,
};
use crate::{
    core::{
        checksum::{Algorithm, Checksum},
        gc::Purpose,
        precondition::Conditions,
        record::{BlobRef, Content, Object, PARTS_IN_RECORD, PartRef, Record},
        upload::{MAX_PARTS, Named, Part, State, Upload, Whole, complete, newest},
    },
    store::{Slot, StoreError},
};

/// How often a change of an upload's state is tried.
const CHANGES: usize = 10;

/// An upload that is begun.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// The object.
    pub object: NewObject,
    /// The checksum of its parts.
    pub algorithm: Option<Algorithm>,
    /// Whether the object's checksum is of all its bytes.
    pub full_checksum: bool,
}

/// An upload that is complete.
#[derive(Clone, Debug)]
pub struct Completed {
    /// The ETag.
    pub etag: String,
    /// The checksum.
    pub checksum: Option<Checksum>,
    /// The version.
    pub version: Option<String>,
}

impl Gateway {
    /// Begins an upload.
    pub async fn create_upload(&self, seen: &Seen, key: &str, new: NewUpload) -> Result<Uuid> {
        let slot = seen.slot(key);
        let upload = Upload {
            id: self.uuid(),
            bucket: slot.bucket,
            shard: slot.shard,
            key: slot.key,
            started: self.now(),
            state: State::Open,
            revision: 1,
            owner: new.object.owner,
            headers: new.object.headers,
            metadata: new.object.metadata,
            acl: new.object.acl,
            tags: new.object.tags,
            algorithm: new.algorithm,
            full_checksum: new.full_checksum,
        };
        persist(|| self.store.create_upload(&upload)).await?;
        self.confirm(seen).await?;
        Ok(upload.id)
    }

    /// An upload that takes parts.
    pub async fn open_upload(&self, seen: &Seen, key: &str, id: Uuid) -> Result<Upload> {
        let slot = seen.slot(key);
        let upload = persist(|| self.store.upload(&slot, id)).await?;
        upload
            .filter(|upload| upload.state == State::Open)
            .ok_or(Error::NoSuchUpload)
    }

    /// Stores a part.
    pub async fn put_part(
        &self,
        seen: &Seen,
        upload: &Upload,
        number: u32,
        body: Body,
    ) -> Result<Stored> {
        if body.length() > self.limits.put {
            return Err(Error::EntityTooLarge);
        }
        let slot = seen.slot(&upload.key);
        let purpose = Purpose::Part {
            upload: upload.id,
            bucket: slot.bucket,
            shard: slot.shard,
            key: slot.key.clone(),
            number,
        };
        let Written { blob, sums, id } = self.write_blob(body, purpose).await?;
        let part = Part {
            number,
            attempt: id,
            blob,
            etag: sums.etag(),
            checksum: sums.named.clone(),
        };
        persist(|| self.store.write_part(upload.id, &part)).await?;
        self.check_age(id.at())?;
        // It may have been completed or given up meanwhile, by somebody who did not see this part.
        let now = persist(|| self.store.upload(&slot, upload.id)).await?;
        if now.is_none_or(|now| now.state != State::Open) {
            return Err(Error::NoSuchUpload);
        }
        Ok(Stored {
            etag: part.etag,
            checksum: sums.named,
            version: None,
            modified: id.at(),
            size: sums.length,
        })
    }

    /// The newest attempt at each part.
    pub async fn uploaded_parts(&self, upload: Uuid) -> Result<BTreeMap<u32, Part>> {
        Ok(newest(persist(|| self.store.parts(upload)).await?))
    }

    /// Makes an object of the named parts.
    pub async fn complete_upload(
        &self,
        seen: &Seen,
        key: &str,
        id: Uuid,
        named: &[Named],
        expected: Option<&str>,
        conditions: &Conditions,
    ) -> Result<Completed> {
        let slot = seen.slot(key);
        for _ in 0..CHANGES {
            let upload = persist(|| self.store.upload(&slot, id))
                .await?
                .ok_or(Error::NoSuchUpload)?;
            match &upload.state {
                State::Aborted => return Err(Error::NoSuchUpload),
                State::Done(record) => return Ok(completed(seen, record)),
                State::Completing(..) => {
                    if let Some(record) = self.finish_upload(&slot, &upload).await? {
                        self.confirm(seen).await?;
                        return Ok(completed(seen, &record));
                    }
                }
                State::Open => {
                    self.decide(seen, &slot, &upload, named, expected, conditions)
                        .await?;
                }
            }
        }
        Err(Error::OperationAborted)
    }

    // What it becomes is written down; the next look finds it and goes on from there.
    async fn decide(
        &self,
        seen: &Seen,
        slot: &Slot,
        upload: &Upload,
        named: &[Named],
        expected: Option<&str>,
        conditions: &Conditions,
    ) -> Result<()> {
        if !conditions.is_empty() {
            self.check_conditions(slot, conditions).await?;
        }
        if named.len() > usize::try_from(MAX_PARTS).unwrap_or(usize::MAX) {
            return Err(Error::EntityTooLarge);
        }
        let uploaded = self.uploaded_parts(upload.id).await?;
        let whole = complete(upload, named, &uploaded, self.limits.part)?;
        let own = whole
            .checksum
            .as_ref()
            .map(|checksum| checksum.value.as_str());
        if expected.is_some_and(|expected| Some(expected) != own) {
            return Err(Error::BadDigest("the checksum"));
        }
        let Whole {
            parts,
            size,
            etag,
            checksum,
        } = whole;
        let object = Object {
            size,
            etag,
            content: self.content_of(parts).await?,
            headers: upload.headers.clone(),
            metadata: upload.metadata.clone(),
            owner: upload.owner.clone(),
            acl: upload.acl.clone(),
            tags: upload.tags.clone(),
            checksum,
        };
        let record = seen.bucket().written(self.version_id(), object);
        let state = State::Completing(Box::new(record), conditions.clone());
        self.swap_state(upload, state).await.map(drop)
    }

    async fn content_of(&self, parts: Vec<PartRef>) -> Result<Content> {
        if parts.len() <= PARTS_IN_RECORD {
            return Ok(Content::Parts(parts));
        }
        let id = self.uuid();
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let pages: Vec<(u32, &[PartRef])> = (0..).zip(parts.chunks(PARTS_IN_RECORD)).collect();
        let total = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        for some in pages.chunks(8) {
            let mut writes = Vec::with_capacity(some.len());
            for (page, parts) in some {
                writes.push(persist(move || self.store.write_manifest(id, *page, parts)));
            }
            try_join_all(writes).await?;
        }
        Ok(Content::Manifest {
            id,
            pages: total,
            parts: count,
        })
    }

    /// Writes what an upload was decided to be; nothing if its conditions don't hold and it is open again.
    pub(super) async fn finish_upload(
        &self,
        slot: &Slot,
        upload: &Upload,
    ) -> Result<Option<Record>> {
        let State::Completing(record, conditions) = &upload.state else {
            return Ok(None);
        };
        match self.commit_record(slot, record, None, conditions).await {
            Ok(()) => {}
            Err(
                error @ (Error::PreconditionFailed
                | Error::NoSuchKey(_)
                | Error::ConditionalConflict),
            ) => {
                // Somebody else may have written it already, which is why the condition does not hold any more.
                let version = persist(|| self.store.version(slot, record.id)).await?;
                if version.is_none() {
                    self.swap_state(upload, State::Open).await?;
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
        self.cleanups.push(Cleanup::Trim(slot.clone()));
        self.swap_state(upload, State::Done(record.clone())).await?;
        Ok(Some((**record).clone()))
    }

    pub(super) async fn swap_state(&self, upload: &Upload, state: State) -> Result<bool> {
        let next = Upload {
            state,
            revision: upload.revision + 1,
            ..upload.clone()
        };
        match self.store.replace_upload(&next, upload.revision).await {
            Ok(done) => Ok(done),
            Err(StoreError::Unknown(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives an upload up.
    pub async fn abort_upload(&self, seen: &Seen, key: &str, id: Uuid) -> Result<()> {
        let slot = seen.slot(key);
        for _ in 0..CHANGES {
            let upload = persist(|| self.store.upload(&slot, id))
                .await?
                .ok_or(Error::NoSuchUpload)?;
            match upload.state {
                State::Open => {
                    self.swap_state(&upload, State::Aborted).await?;
                }
                State::Aborted => {
                    self.cleanups.push(Cleanup::Upload(slot, id));
                    return Ok(());
                }
                State::Completing(..) | State::Done(_) => return Err(Error::NoSuchUpload),
            }
        }
        Err(Error::OperationAborted)
    }

    /// Removes what is left of an upload that was given up.
    pub(super) async fn remove_aborted(&self, slot: &Slot, id: Uuid) -> Result<()> {
        let upload = persist(|| self.store.upload(slot, id)).await?;
        if upload.is_none_or(|upload| upload.state != State::Aborted) {
            return Ok(());
        }
        self.remove_parts(slot, id, &[]).await
    }

    /// Removes an upload and the blobs of its parts, but for those that are used.
    pub(super) async fn remove_parts(&self, slot: &Slot, id: Uuid, used: &[BlobRef]) -> Result<()> {
        for part in persist(|| self.store.parts(id)).await? {
            if !used.contains(&part.blob) {
                persist(|| self.store.delete_blob(&part.blob)).await?;
            }
        }
        Ok(persist(|| self.store.remove_upload(slot, id)).await?)
    }

    /// Removes what is left of an upload that is done: parts that the object does not refer to.
    pub(super) async fn remove_done(
        &self,
        slot: &Slot,
        upload: &Upload,
        record: &Record,
    ) -> Result<()> {
        let Some(object) = record.object() else {
            return Ok(());
        };
        let used = self.blobs_of(&object.content).await;
        let used = match used {
            Ok(used) => used,
            // The object was replaced and removed, its manifest with it: its parts are gone as well, the others not.
            Err(_)
                if persist(|| self.store.version(slot, record.id))
                    .await?
                    .is_none() =>
            {
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        self.remove_parts(slot, upload.id, &used).await
    }
}

fn completed(seen: &Seen, record: &Record) -> Completed {
    let object = record.object();
    Completed {
        etag: object.map(|object| object.etag.clone()).unwrap_or_default(),
        checksum: object.and_then(|object| object.checksum.clone()),
        version: seen.public_version(record.id).map(|_| record.public_id()),
    }
}
