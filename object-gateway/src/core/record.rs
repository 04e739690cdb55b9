//! What is stored of one version of an object, in one cell: two writes at the same time can't be mixed, one of
//! them wins as a whole.

use std::{collections::BTreeMap, fmt};

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{acl::Acl, checksum::Checksum, time::Micros};

/// One version of one key: when its write was decided, and something that no other write has. They sort by time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct VersionId([u8; 16]);

impl VersionId {
    /// Below all others.
    pub const MIN: Self = Self([0; 16]);
    /// Above all others.
    pub const MAX: Self = Self([0xff; 16]);

    /// Of a write at this time.
    pub fn new(at: Micros, unique: u64) -> Self {
        Self(((u128::from(at) << 64) | u128::from(unique)).to_be_bytes())
    }

    /// When its write was decided.
    pub fn at(self) -> Micros {
        u64::try_from(u128::from_be_bytes(self.0) >> 64).unwrap_or(u64::MAX)
    }

    /// As stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// From what is stored.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// From what a client sends.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex =
            text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        is_hex
            .then(|| u128::from_str_radix(text, 16).ok())?
            .map(|bits| Self(bits.to_be_bytes()))
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl From<VersionId> for String {
    fn from(id: VersionId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for VersionId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a version id")
    }
}

/// A run of bytes that is written once and never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlobRef {
    /// Its name.
    pub id: Uuid,
    /// How many bytes it has.
    pub size: u64,
    /// How many bytes each of its blocks has; the last may have fewer.
    pub chunk: u32,
}

/// How many bytes one partition of blocks holds.
pub const SEGMENT: u64 = 16 << 20;
/// The usual block.
pub const CHUNK: u32 = 256 << 10;
/// The block of large blobs.
pub const LARGE_CHUNK: u32 = 1 << 20;
/// From this size on a blob has large blocks.
pub const LARGE_BLOB: u64 = 64 << 20;

/// The block size for a blob of so many bytes.
pub fn chunk_for(size: u64) -> u32 {
    if size >= LARGE_BLOB {
        LARGE_CHUNK
    } else {
        CHUNK
    }
}

impl BlobRef {
    /// How many blocks it has.
    pub fn blocks(&self) -> u64 {
        self.size.div_ceil(u64::from(self.chunk.max(1)))
    }

    /// How many partitions its blocks lie in.
    pub fn segments(&self) -> u32 {
        u32::try_from(self.size.div_ceil(SEGMENT)).unwrap_or(u32::MAX)
    }

    /// The partition of a block.
    pub fn segment_of(&self, block: u64) -> u32 {
        u32::try_from(block * u64::from(self.chunk) / SEGMENT).unwrap_or(u32::MAX)
    }

    /// How many bytes a block has.
    pub fn block_size(&self, block: u64) -> u64 {
        let chunk = u64::from(self.chunk);
        self.size.saturating_sub(block * chunk).min(chunk)
    }
}

/// One part of an object that was uploaded in parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRef {
    /// Its number.
    pub number: u32,
    /// Its bytes.
    pub blob: BlobRef,
    /// Its checksum, if it was uploaded with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
}

/// How many parts a record names itself; the rest is in a manifest.
pub const PARTS_IN_RECORD: usize = 100;

/// Where the bytes of an object are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Beside the record.
    Inline,
    /// In one blob.
    Blob(BlobRef),
    /// In the blobs of its parts, in this order.
    Parts(Vec<PartRef>),
    /// In the blobs that a manifest names, page by page.
    Manifest {
        /// The manifest.
        id: Uuid,
        /// How many pages it has.
        pages: u32,
        /// How many parts it names.
        parts: u32,
    },
}

/// Headers that are stored with an object and given back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContentHeaders {
    /// `Content-Type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Cache-Control`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `Content-Disposition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// `Content-Encoding`, without `aws-chunked`, which is of the transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `Expires`, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Micros>,
    /// `x-amz-website-redirect-location`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// How many bytes it has.
    pub size: u64,
    /// Its ETag, without quotes.
    pub etag: String,
    /// Where its bytes are.
    pub content: Content,
    /// Its headers.
    #[serde(default)]
    pub headers: ContentHeaders,
    /// Its `x-amz-meta-` headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// The tenant that wrote it.
    pub owner: String,
    /// Who may do what with it.
    #[serde(default)]
    pub acl: Acl,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Its checksum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
}

/// What a version is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// An object.
    Object(Box<Object>),
    /// A delete marker, which lists show.
    DeleteMarker {
        /// Who deleted.
        owner: String,
    },
    /// Nothing: what a delete leaves where there are no versions, until it is purged.
    Deleted,
}

/// One version of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Which version.
    pub id: VersionId,
    /// Whether clients know it as version `null`: written while the bucket kept no versions.
    pub null: bool,
    /// What it is.
    pub kind: Kind,
}

/// A cell that can't be read as a record.
#[derive(Debug, thiserror::Error)]
#[error("a stored record can't be read")]
pub struct Unreadable(#[source] Option<serde_json::Error>);

impl Record {
    /// The object, if it is one.
    pub fn object(&self) -> Option<&Object> {
        match &self.kind {
            Kind::Object(object) => Some(object),
            Kind::DeleteMarker { .. } | Kind::Deleted => None,
        }
    }

    /// What a delete writes where there are no versions.
    pub fn deleted(id: VersionId) -> Self {
        Self {
            id,
            null: true,
            kind: Kind::Deleted,
        }
    }

    /// How clients call the version.
    pub fn public_id(&self) -> String {
        if self.null {
            "null".to_owned()
        } else {
            self.id.to_string()
        }
    }

    /// As a cell. It begins with the version, so that of two writes with one timestamp the same wins in every row:
    /// Cassandra takes the greater value.
    pub fn encode(&self) -> Result<Bytes, Unreadable> {
        let mut cell = BytesMut::with_capacity(512);
        cell.put_slice(self.id.as_bytes());
        let mut cell = cell.writer();
        serde_json::to_writer(&mut cell, &(self.null, &self.kind))
            .map_err(|e| Unreadable(Some(e)))?;
        Ok(cell.into_inner().freeze())
    }

    /// From a cell.
    pub fn decode(cell: &[u8]) -> Result<Self, Unreadable> {
        let (id, rest) = cell.split_at_checked(16).ok_or(Unreadable(None))?;
        let id = VersionId::from_bytes(id).ok_or(Unreadable(None))?;
        let (null, kind) = serde_json::from_slice(rest).map_err(|e| Unreadable(Some(e)))?;
        Ok(Self { id, null, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_ids_sort_by_time_and_are_read_back() {
        let (a, b) = (VersionId::new(5, u64::MAX), VersionId::new(6, 0));
        assert!(a < b && a.to_string() < b.to_string());
        assert_eq!(VersionId::parse(&a.to_string()), Some(a));
        assert_eq!(VersionId::parse("null"), None);
        assert_eq!(b.at(), 6);
    }

    #[test]
    fn records_are_read_back() {
        let record = Record::deleted(VersionId::new(1, 2));
        assert_eq!(Record::decode(&record.encode().unwrap()).unwrap(), record);
        assert!(Record::decode(b"short").is_err());
    }

    #[test]
    fn blocks_and_segments_are_computed() {
        let blob = BlobRef {
            id: Uuid::nil(),
            size: SEGMENT + 1,
            chunk: CHUNK,
        };
        assert_eq!((blob.blocks(), blob.segments()), (65, 2));
        assert_eq!((blob.segment_of(63), blob.segment_of(64)), (0, 1));
        assert_eq!(
            (blob.block_size(63), blob.block_size(64)),
            (u64::from(CHUNK), 1)
        );
    }
}
