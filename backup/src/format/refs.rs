//! The blobs that a manifest names: sorted, each once, with a digest at the end. Readable without any key, so that the
//! one who collects garbage needs none.
//!
//! `CSBR`, version, three zeros; 36 bytes for each blob (hash and epoch); then the number of blobs in 8 bytes, and the
//! BLAKE3 digest of all that comes before.

use std::io::Read;

use crate::{
    error::{Error, Result},
    ids::BlobId,
};

const START: [u8; 8] = [b'C', b'S', b'B', b'R', 1, 0, 0, 0];
const TRAILER: usize = 8 + 32;

/// The object's bytes. Sorts, and drops what is twice.
pub fn write(ids: &mut Vec<BlobId>) -> Vec<u8> {
    ids.sort_unstable();
    ids.dedup();
    let mut bytes = Vec::with_capacity(START.len() + ids.len() * BlobId::LEN + TRAILER);
    bytes.extend_from_slice(&START);
    for id in ids.iter() {
        bytes.extend_from_slice(&id.to_bytes());
    }
    bytes.extend_from_slice(&(ids.len() as u64).to_be_bytes());
    let digest = blake3::hash(&bytes);
    bytes.extend_from_slice(digest.as_bytes());
    bytes
}

/// Reads an object of a known length bit by bit. What it has given is only proved when it has come to its end.
#[derive(Debug)]
pub struct Reader<R> {
    key: String,
    source: R,
    hasher: blake3::Hasher,
    left: u64,
    count: u64,
    last: Option<BlobId>,
    done: bool,
}

impl<R: Read> Reader<R> {
    /// Of `bytes` bytes, called `key` in messages.
    pub fn new(key: &str, bytes: u64, source: R) -> Result<Self> {
        let content = bytes.checked_sub((START.len() + TRAILER) as u64);
        let content = content.filter(|content| content % BlobId::LEN as u64 == 0);
        let Some(content) = content else {
            return Err(Error::damaged(
                key,
                "its length is not that of a list of blobs",
            ));
        };
        let count = content / BlobId::LEN as u64;
        let mut reader = Self {
            key: key.to_owned(),
            source,
            hasher: blake3::Hasher::new(),
            left: count,
            count,
            last: None,
            done: false,
        };
        let start: [u8; 8] = reader.part()?;
        if start != START {
            return Err(reader.damaged("it does not begin as a list of blobs does"));
        }
        Ok(reader)
    }

    fn part<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.source
            .read_exact(&mut bytes)
            .map_err(|_| self.damaged("it was cut"))?;
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    fn damaged(&self, detail: &str) -> Error {
        Error::damaged(&self.key, detail)
    }

    fn step(&mut self) -> Result<Option<BlobId>> {
        if self.left > 0 {
            self.left -= 1;
            let id = BlobId::from_bytes(self.part()?);
            if self.last.is_some_and(|last| last >= id) {
                return Err(self.damaged("it is not sorted"));
            }
            self.last = Some(id);
            return Ok(Some(id));
        }
        let count: [u8; 8] = self.part()?;
        let expected = self.hasher.finalize();
        let digest: [u8; 32] = self.part()?;
        if u64::from_be_bytes(count) != self.count || digest != *expected.as_bytes() {
            return Err(self.damaged("its digest is another"));
        }
        Ok(None)
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<BlobId>;

    fn next(&mut self) -> Option<Result<BlobId>> {
        if self.done {
            return None;
        }
        let step = self.step();
        self.done = !matches!(step, Ok(Some(_)));
        step.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<BlobId>> {
        Reader::new("refs.bin", bytes.len() as u64, bytes)?.collect()
    }

    #[test]
    fn blobs_come_back_sorted_and_each_once() {
        let [a, b] = [BlobId::new([1; 32], 0), BlobId::new([1; 32], 5)];
        let bytes = write(&mut vec![b, a, b]);
        assert_eq!(read(&bytes).unwrap(), [a, b]);
        assert_eq!(read(&write(&mut vec![])).unwrap(), []);
    }

    #[test]
    fn each_flipped_byte_and_each_cut_is_found() {
        let bytes = write(&mut vec![BlobId::new([1; 32], 0), BlobId::new([2; 32], 0)]);
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(read(&flipped).is_err(), "byte {at}");
            assert!(read(&bytes[..at]).is_err(), "cut at {at}");
        }
    }
}
