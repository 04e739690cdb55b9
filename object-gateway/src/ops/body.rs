//! A body as it arrives: cut into blocks, and compared with what was announced of it before anything refers to it.

use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, stream::BoxStream};

use super::error::{BodyError, Error, Result};
use crate::core::checksum::{Algorithm, Digests, Sums, hex};

/// The checksum that the client says the body has.
pub enum Expected {
    /// None.
    Nothing,
    /// This one.
    Is(String),
    /// One that follows the body.
    Follows(Box<dyn FnOnce() -> Option<String> + Send>),
}

/// A body.
pub struct Body {
    stream: BoxStream<'static, std::result::Result<Bytes, BodyError>>,
    rest: Bytes,
    length: u64,
    md5: Option<Vec<u8>>,
    expected: Expected,
    digests: Digests,
    passed: u64,
}

impl Body {
    /// A body of this length.
    pub fn new(
        stream: BoxStream<'static, std::result::Result<Bytes, BodyError>>,
        length: u64,
    ) -> Self {
        Self {
            stream,
            rest: Bytes::new(),
            length,
            md5: None,
            expected: Expected::Nothing,
            digests: Digests::new(None),
            passed: 0,
        }
    }

    /// A body that is there already.
    pub fn of(bytes: Bytes) -> Self {
        let length = bytes.len() as u64;
        Self::new(futures::stream::iter([Ok(bytes)]).boxed(), length)
    }

    /// With what `Content-MD5` says.
    #[must_use]
    pub fn with_md5(mut self, md5: Option<Vec<u8>>) -> Self {
        self.md5 = md5;
        self
    }

    /// With a checksum that is computed, and what it is to be.
    #[must_use]
    pub fn with_checksum(mut self, algorithm: Option<Algorithm>, expected: Expected) -> Self {
        self.digests = Digests::new(algorithm);
        self.expected = expected;
        self
    }

    /// How many bytes were announced.
    pub fn length(&self) -> u64 {
        self.length
    }

    async fn more(&mut self) -> Result<bool> {
        while self.rest.is_empty() {
            match self.stream.next().await {
                Some(bytes) => self.rest = bytes?,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// The next so many bytes; fewer than that is an error.
    pub async fn fill(&mut self, size: u64) -> Result<Bytes> {
        let size = usize::try_from(size).map_err(|_| Error::EntityTooLarge)?;
        let mut block = BytesMut::new();
        loop {
            let missing = size - block.len();
            if missing == 0 {
                break;
            }
            if !self.more().await? {
                return Err(Error::IncompleteBody);
            }
            let part = self.rest.split_to(missing.min(self.rest.len()));
            self.digests.update(&part);
            if block.is_empty() {
                if part.len() == size {
                    self.passed += size as u64;
                    return Ok(part);
                }
                block.reserve(size);
            }
            block.extend_from_slice(&part);
        }
        self.passed += size as u64;
        Ok(block.freeze())
    }

    /// All bytes have been taken: whether there are no more, and they are what was announced.
    pub async fn finish(mut self) -> Result<Sums> {
        if self.passed != self.length || self.more().await? {
            return Err(Error::IncompleteBody);
        }
        let sums = self.digests.finish();
        if self.md5.is_some_and(|md5| md5 != sums.md5) {
            return Err(Error::BadDigest("Content-MD5"));
        }
        let expected = match self.expected {
            Expected::Nothing => None,
            Expected::Is(value) => Some(value),
            Expected::Follows(trailer) => Some(trailer().ok_or(Error::Body(BodyError::Malformed))?),
        };
        let named = sums.named.as_ref().map(|checksum| checksum.value.as_str());
        if expected.is_some() && expected.as_deref() != named {
            return Err(Error::BadDigest("the checksum"));
        }
        Ok(sums)
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let md5 = self.md5.as_deref().map(hex);
        f.debug_struct("Body")
            .field("length", &self.length)
            .field("md5", &md5)
            .finish_non_exhaustive()
    }
}
