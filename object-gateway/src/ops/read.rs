//! Reading objects: the record, then the blocks that hold what is asked for, some ahead, each checked. A block that
//! one replica does not have, or has wrong, is read from more of them. It is not written again here: of a replica that lacks
//! it, Cassandra's own read repair does that.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use super::{Error, Gateway, Result, Seen, persist};
use crate::{
    core::{
        range::{Piece, blobs, pieces},
        record::{BlobRef, Content, Kind, Object, PartRef, Record, VersionId},
        versions::effective,
    },
    store::{Care, Cell, Slot, StoreError},
};

/// A version that was found.
#[derive(Clone, Debug)]
pub struct Located {
    /// Its record.
    pub record: Record,
    /// Its bytes, if they lie beside it.
    pub inline: Option<Bytes>,
    /// Where it is.
    pub slot: Slot,
    pub(super) written: u64,
    pub(super) is_head: bool,
}

impl Located {
    /// The object.
    pub fn object(&self) -> Result<&Object> {
        match &self.record.kind {
            Kind::Object(object) => Ok(object),
            Kind::DeleteMarker { .. } => Err(Error::IsDeleteMarker(self.record.public_id())),
            Kind::Deleted => Err(Error::NoSuchKey(None)),
        }
    }
}

/// The bytes of an object as they are read.
pub struct ObjectStream(Mutex<stream::BoxStream<'static, Result<Bytes>>>);

impl Stream for ObjectStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .poll_next_unpin(context)
    }
}

impl Gateway {
    /// An object or, if that is named, one of its versions.
    pub async fn locate(&self, seen: &Seen, key: &str, version: Option<&str>) -> Result<Located> {
        let slot = seen.slot(key);
        let located = match version {
            None => self.locate_head(slot).await?,
            Some("null") => {
                let rows = self.rows(&slot).await?;
                let null = effective(rows).into_iter().find(|row| row.null);
                let id = null.ok_or(Error::NoSuchVersion)?.id;
                self.locate_version(slot, id).await?
            }
            Some(id) => {
                let id = VersionId::parse(id).ok_or(Error::NoSuchVersion)?;
                let located = self.locate_version(slot, id).await?;
                if located.record.null {
                    return Err(Error::NoSuchVersion);
                }
                located
            }
        };
        let is_inline = located
            .record
            .object()
            .is_some_and(|o| o.content == Content::Inline);
        if is_inline && located.inline.is_none() {
            let bytes = persist(|| self.store.inline(&located.slot, located.record.id)).await?;
            let lost = || StoreError::Corrupt("an object has lost its bytes".to_owned());
            return Ok(Located {
                inline: Some(bytes.ok_or_else(lost)?),
                ..located
            });
        }
        Ok(located)
    }

    async fn locate_head(&self, slot: Slot) -> Result<Located> {
        let found = persist(|| self.store.read(&slot)).await?;
        let head = found.head.ok_or(Error::NoSuchKey(None))?;
        self.seen_timestamp(head.written);
        let record = Record::decode(&head.bytes)?;
        match &record.kind {
            Kind::Deleted => Err(Error::NoSuchKey(None)),
            Kind::DeleteMarker { .. } => Err(Error::NoSuchKey(Some(record.public_id()))),
            Kind::Object(_) => {
                let inline = found
                    .inline
                    .filter(|(id, _)| *id == record.id)
                    .map(|(_, b)| b);
                Ok(Located {
                    record,
                    inline,
                    slot,
                    written: head.written,
                    is_head: true,
                })
            }
        }
    }

    async fn locate_version(&self, slot: Slot, id: VersionId) -> Result<Located> {
        let cell = persist(|| self.store.version(&slot, id))
            .await?
            .ok_or(Error::NoSuchVersion)?;
        let record = Record::decode(&cell.bytes)?;
        Ok(Located {
            record,
            inline: None,
            slot,
            written: cell.written,
            is_head: false,
        })
    }

    /// All rows of versions of a key.
    pub(super) async fn rows(&self, slot: &Slot) -> Result<Vec<Record>> {
        let cells: Vec<Cell> = persist(|| self.store.versions(slot)).await?;
        Ok(cells
            .iter()
            .map(|cell| Record::decode(&cell.bytes))
            .collect::<std::result::Result<_, _>>()?)
    }

    /// The parts of an object, wherever they are named.
    pub async fn parts_of(&self, content: &Content) -> Result<Vec<PartRef>> {
        match content {
            Content::Inline | Content::Blob(_) => Ok(Vec::new()),
            Content::Parts(parts) => Ok(parts.clone()),
            Content::Manifest { id, pages, .. } => {
                let lost = || StoreError::Corrupt("a page of a manifest is not there".to_owned());
                let read = |page| async move {
                    let page = persist(|| self.store.read_manifest(*id, page)).await?;
                    Ok::<_, Error>(page.ok_or_else(lost)?)
                };
                let pages: Vec<Vec<PartRef>> = stream::iter(0..*pages)
                    .map(read)
                    .buffered(8)
                    .try_collect()
                    .await?;
                Ok(pages.into_iter().flatten().collect())
            }
        }
    }

    /// The blobs of an object, in order.
    pub(super) async fn blobs_of(&self, content: &Content) -> Result<Vec<BlobRef>> {
        match content {
            Content::Blob(blob) => Ok(vec![*blob]),
            Content::Inline => Ok(Vec::new()),
            Content::Parts(_) | Content::Manifest { .. } => Ok(self
                .parts_of(content)
                .await?
                .into_iter()
                .map(|part| part.blob)
                .collect()),
        }
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

    /// The bytes of an object.
    pub async fn open(
        self: &Arc<Self>,
        located: &Located,
        range: std::ops::Range<u64>,
    ) -> Result<ObjectStream> {
        let object = located.object()?;
        if let Some(bytes) = &located.inline {
            let at = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            let part = bytes.slice(at(range.start)..at(range.end).max(at(range.start)));
            return Ok(ObjectStream(Mutex::new(stream::iter([Ok(part)]).boxed())));
        }
        let row = self.blobs_of(&object.content).await?;
        let chunk = row
            .iter()
            .map(|blob| u64::from(blob.chunk))
            .max()
            .unwrap_or(0);
        let size = range.end.saturating_sub(range.start);
        let (window, memory) = self.reserve_window(chunk, 0, size)?;
        let gateway = Arc::clone(self);
        let deadline = self.environment.monotonic() + self.limits.grace.replaced;
        let parts = blobs(row, range);
        let pieces = parts
            .into_iter()
            .flat_map(|(blob, bytes)| pieces(blob, &bytes));
        let read = stream::iter(pieces)
            .map(move |piece| Self::piece(Arc::clone(&gateway), piece, deadline))
            .buffered(window)
            // The memory is given back with the stream.
            .map(move |bytes| {
                let _ = &memory;
                bytes
            });
        Ok(ObjectStream(Mutex::new(read.boxed())))
    }

    async fn piece(self: Arc<Self>, piece: Piece, deadline: u64) -> Result<Bytes> {
        // A read that takes longer than what was replaced is kept must not go on: it might meet a hole.
        if self.environment.monotonic() > deadline {
            return Err(StoreError::Unavailable("the read took too long".to_owned()).into());
        }
        let block = self.block(&piece.blob, piece.block).await?;
        let size = piece.blob.block_size(piece.block);
        if block.len() as u64 != size || piece.bytes.end > block.len() {
            return Err(StoreError::Corrupt("a block has the wrong size".to_owned()).into());
        }
        Ok(block.slice(piece.bytes))
    }

    /// A block that is right.
    pub(super) async fn block(&self, blob: &BlobRef, block: u64) -> Result<Bytes> {
        if let Ok(Some(bytes)) = self.store.read_block(blob, block, Care::Quick).await {
            return Ok(bytes);
        }
        let found = persist(|| self.store.read_block(blob, block, Care::Sure)).await?;
        let lost = || StoreError::Corrupt("a block is not there, or is spoilt".to_owned());
        Ok(found.ok_or_else(lost)?)
    }
}
