//! Blobs to the store. Each is read once: hashed, sealed and sent from memory, and sent again from there.
//!
//! That a blob is there already is as good as having written it: whoever wrote it did so in the same epoch, so it is young
//! ([`crate::gc`]).

use std::{fs::File, os::unix::fs::FileExt as _, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use super::{
    Transfer,
    journal::{Journal, Uploaded},
};
use crate::{
    error::{Error, OfFile as _, Result},
    format::{
        digest::{Digest, FileDigest},
        envelope,
        manifest::{Component, Entry, Place},
    },
    gc,
    ids::BlobId,
    keys,
    plan::{
        scan::FoundFile,
        units::{BlobPlan, PlannedEntry, PlannedFile, Unit},
    },
    repository::{Repository, blocking, on_bytes},
};

/// The uploader of an attempt.
#[derive(Debug)]
pub struct Uploader {
    repository: Repository,
    transfer: Transfer,
    journal: Journal,
    epoch: u32,
}

/// A unit whose blobs are in the store.
#[derive(Debug)]
pub struct Done {
    /// The entries of the manifest.
    pub entries: Vec<Entry>,
    /// Bytes that were new.
    pub new_bytes: u64,
    /// Blobs that were new.
    pub new_blobs: u64,
}

impl Uploader {
    /// For an attempt whose intent was written at `begun`, by the store's clock.
    pub fn new(
        repository: Repository,
        transfer: Transfer,
        journal: Journal,
        begun: Timestamp,
    ) -> Self {
        Self {
            epoch: gc::epoch(begun, repository.description().safety_seconds),
            repository,
            transfer,
            journal,
        }
    }

    /// Uploads what a unit needs.
    pub async fn upload(&self, unit: Unit) -> Result<Done> {
        let Unit { entries, blobs } = unit;
        let new_bytes = blobs.iter().map(BlobPlan::bytes).sum();
        let new_blobs = blobs.len() as u64;
        let uploaded: Vec<Uploaded> = stream::iter(blobs)
            .map(|plan| self.blob(plan))
            .buffered(self.transfer.window)
            .try_collect()
            .await?;
        let entries = entries
            .into_iter()
            .map(|entry| {
                let entry = finished(entry, &uploaded)?;
                let bytes = entry
                    .components
                    .iter()
                    .map(|component| component.bytes)
                    .sum();
                self.transfer
                    .progress
                    .done(entry.components.len() as u64, bytes);
                Ok(entry)
            })
            .collect::<Result<_>>()?;
        Ok(Done {
            entries,
            new_bytes,
            new_blobs,
        })
    }

    async fn blob(&self, plan: BlobPlan) -> Result<Uploaded> {
        if let Some(known) = self.journal.find(&plan)? {
            return Ok(known);
        }
        let bytes = plan.bytes();
        let room = self.transfer.budget.room(bytes).await?;
        let _worker = self.transfer.workers.acquire().await;
        let plan = Arc::new(plan);
        let (buffer, digest, segments) = {
            let plan = Arc::clone(&plan);
            blocking("reading a chunk", move || read(&plan)).await?
        };
        let id = self.send(buffer, &digest).await?;
        drop(room);
        let uploaded = Uploaded { id, segments };
        self.journal.add(&plan, &uploaded)?;
        self.transfer.progress.moved(bytes);
        Ok(uploaded)
    }

    /// Brings the content of a buffer, behind room for a header, into the store.
    pub(crate) async fn send(&self, buffer: Vec<u8>, content: &Digest) -> Result<BlobId> {
        let id = self.repository.name(content, self.epoch)?;
        let repository = self.repository.clone();
        let sealed = on_bytes("sealing a blob", buffer.len(), move || {
            let mut buffer = buffer;
            repository.seal_blob(&mut buffer, &id)?;
            Ok(Bytes::from(buffer))
        })
        .await?;
        self.transfer.rate.wait(sealed.len() as u64).await;
        self.repository
            .store()
            .put(&keys::blob(&id), sealed)
            .await?;
        Ok(id)
    }
}

/// Reads a blob's content behind room for its header. Gives the buffer, the digest of all, and that of each segment.
fn read(plan: &BlobPlan) -> Result<(Vec<u8>, Digest, Vec<Digest>)> {
    let bytes = usize::try_from(plan.bytes()).map_err(|_| Error::Internal {
        what: "a chunk's size",
    })?;
    let mut buffer = envelope::buffer(bytes);
    let mut segments = Vec::with_capacity(plan.segments.len());
    for segment in &plan.segments {
        let path = segment.path.as_path();
        let changed = || Error::FileChanged {
            path: path.to_owned(),
            expected: segment.file_bytes,
        };
        let file = File::open(path).of("open", path)?;
        if file.metadata().of("look at", path)?.len() != segment.file_bytes {
            return Err(changed());
        }
        let at = buffer.len();
        let length = usize::try_from(segment.bytes).map_err(|_| changed())?;
        buffer.resize(at + length, 0);
        let into = buffer.get_mut(at..).unwrap_or_default();
        file.read_exact_at(into, segment.offset).map_err(|error| {
            if error.kind() == std::io::ErrorKind::UnexpectedEof {
                return changed();
            }
            Error::File {
                what: "read",
                path: path.to_owned(),
                source: error,
            }
        })?;
        segments.push(Digest::of(into));
        // The node needs its page cache for reads; a backup reads each byte once.
        if segment.bytes >= 1 << 20 {
            let length = std::num::NonZeroU64::new(segment.bytes);
            let _ =
                rustix::fs::fadvise(&file, segment.offset, length, rustix::fs::Advice::DontNeed);
        }
    }
    let digest = match segments.as_slice() {
        [only] => *only,
        _ => Digest::of(buffer.get(envelope::HEADER..).unwrap_or_default()),
    };
    Ok((buffer, digest, segments))
}

fn finished(planned: PlannedEntry, uploaded: &[Uploaded]) -> Result<Entry> {
    let PlannedEntry { mut entry, files } = planned;
    entry.components = files
        .into_iter()
        .map(|file| match file {
            PlannedFile::Reused(component) => Ok(component),
            PlannedFile::Empty(file) => Ok(component(
                file,
                FileDigest::of_small(&[]),
                Place::Chunks(Vec::new()),
            )),
            PlannedFile::Chunks(file, blobs) => {
                let mut digest = FileDigest::new(file.bytes);
                let chunks = uploaded.get(blobs).unwrap_or_default();
                for one in chunks.iter().flat_map(|chunk| &chunk.segments) {
                    digest.add(one);
                }
                let ids = chunks.iter().map(|chunk| chunk.id).collect();
                Ok(component(file, digest.finish(), Place::Chunks(ids)))
            }
            PlannedFile::Packed {
                file,
                blob,
                segment,
                offset,
            } => {
                let lost = Error::Internal {
                    what: "a pack that was planned",
                };
                let pack = uploaded.get(blob);
                let Some((pack, part)) =
                    pack.and_then(|pack| Some((pack, pack.segments.get(segment)?)))
                else {
                    return Err(lost);
                };
                let mut digest = FileDigest::new(file.bytes);
                digest.add(part);
                Ok(component(
                    file,
                    digest.finish(),
                    Place::Pack(pack.id, offset),
                ))
            }
        })
        .collect::<Result<_>>()?;
    Ok(entry)
}

fn component(file: FoundFile, digest: Digest, place: Place) -> Component {
    Component {
        name: file.name,
        bytes: file.bytes,
        modified: file.modified,
        digest,
        place,
    }
}
