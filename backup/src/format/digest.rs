//! Digests: BLAKE3, in hexadecimal where they are written.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{InvalidName, hex};

/// A BLAKE3 digest of 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// As bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<blake3::Hash> for Digest {
    fn from(hash: blake3::Hash) -> Self {
        Self(*hash.as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidName;

    fn try_from(value: String) -> Result<Self, InvalidName> {
        hex(&value).map(Self).ok_or(InvalidName {
            value,
            expected: "64 lower-case hexadecimal digits",
        })
    }
}

/// The digest of a file, made of the digests of its chunks so that one pass over the bytes gives both: the digest of its
/// length and of those of its chunks, in order. A file that fits into a chunk has one.
#[derive(Debug)]
pub struct FileDigest {
    hasher: blake3::Hasher,
}

impl FileDigest {
    /// For a file of this length.
    pub fn new(bytes: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes.to_le_bytes());
        Self { hasher }
    }

    /// The next chunk.
    pub fn add(&mut self, chunk: &Digest) {
        self.hasher.update(chunk.as_bytes());
    }

    /// When all chunks are in.
    pub fn finish(&self) -> Digest {
        self.hasher.finalize().into()
    }

    /// Of bytes that are one chunk, or none.
    pub fn of_small(bytes: &[u8]) -> Digest {
        let mut digest = Self::new(bytes.len() as u64);
        if !bytes.is_empty() {
            digest.add(&Digest::of(bytes));
        }
        digest.finish()
    }
}
