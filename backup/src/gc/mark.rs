//! All blobs that are named by something, sorted: many sorted lists merged into one, in memory that does not grow with
//! what is in them.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fmt,
    fs::File,
    io::{BufReader, Cursor, Read, Write as _},
    path::{Path, PathBuf},
};

use bytes::Bytes;

use super::RefsOf;
use crate::{
    error::{OfFile as _, Result},
    format::refs::{self, Reader},
    ids::BlobId,
    repository::{Repository, blocking, on_bytes},
};

/// Lists that are merged at once. Each is an open file and a small buffer.
const AT_ONCE: usize = 128;
const BUFFER: usize = 16 << 10;

/// A list of references, at hand.
#[derive(Debug)]
pub enum Spool {
    /// In memory.
    Memory(String, Bytes),
    /// In a file.
    File(String, PathBuf),
}

impl Spool {
    /// What can be read at once. A file can't.
    fn bytes_in_memory(&self) -> usize {
        match self {
            Self::Memory(_, bytes) => bytes.len(),
            Self::File(..) => usize::MAX / AT_ONCE / 2,
        }
    }

    fn open(&self) -> Result<Reader<Box<dyn Read + Send>>> {
        match self {
            Self::Memory(key, bytes) => Reader::new(
                key,
                bytes.len() as u64,
                Box::new(Cursor::new(bytes.clone())),
            ),
            Self::File(key, path) => {
                let file = File::open(path).of("open", path)?;
                let bytes = file.metadata().of("look at", path)?.len();
                Reader::new(key, bytes, Box::new(BufReader::with_capacity(BUFFER, file)))
            }
        }
    }
}

/// Merged lists: sorted, each blob once.
pub struct Live {
    lists: Vec<Reader<Box<dyn Read + Send>>>,
    heads: BinaryHeap<Reverse<(BlobId, usize)>>,
    last: Option<BlobId>,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("lists", &self.lists.len())
            .finish_non_exhaustive()
    }
}

impl Live {
    /// Of these lists.
    pub fn merge(spools: &[Spool]) -> Result<Self> {
        let lists = spools.iter().map(Spool::open).collect::<Result<Vec<_>>>()?;
        let mut live = Self {
            heads: BinaryHeap::with_capacity(lists.len()),
            lists,
            last: None,
        };
        for number in 0..live.lists.len() {
            live.advance(number)?;
        }
        Ok(live)
    }

    fn advance(&mut self, number: usize) -> Result<()> {
        let next = self
            .lists
            .get_mut(number)
            .and_then(Iterator::next)
            .transpose()?;
        if let Some(id) = next {
            self.heads.push(Reverse((id, number)));
        }
        Ok(())
    }

    fn step(&mut self) -> Result<Option<BlobId>> {
        while let Some(Reverse((id, number))) = self.heads.pop() {
            self.advance(number)?;
            if self.last != Some(id) {
                self.last = Some(id);
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

impl Iterator for Live {
    type Item = Result<BlobId>;

    fn next(&mut self) -> Option<Result<BlobId>> {
        self.step().transpose()
    }
}

/// Reads the lists and merges them. Whoever can't be read stops everything: what it names would be taken for garbage.
pub(super) async fn collect(
    repository: &Repository,
    refs: &[RefsOf],
    scratch: Option<PathBuf>,
) -> Result<Live> {
    let mut spools = Vec::new();
    let mut number = 0;
    for one in refs {
        let (key, bytes) = match one {
            RefsOf::Committed(reference) => (
                reference.key.clone(),
                repository.get_stored(reference).await?,
            ),
            RefsOf::Base(key) => match repository.store().get(key).await {
                Ok(bytes) => (key.clone(), bytes),
                Err(error) if error.is_not_found() => continue,
                Err(error) => return Err(error),
            },
        };
        number += 1;
        spools.push(keep(scratch.as_deref(), key, bytes, number)?);
        if spools.len() == AT_ONCE {
            number += 1;
            let scratch = scratch.clone();
            let merged = blocking("merging lists", move || {
                merge_into_one(&spools, scratch.as_deref(), number)
            });
            spools = vec![merged.await?];
        }
    }
    let bytes = spools.iter().map(Spool::bytes_in_memory).sum();
    // Each is read to its end once before any blob is judged: a list that is damaged has to be known before.
    on_bytes("reading lists", bytes, move || {
        for spool in &spools {
            for id in spool.open()? {
                id?;
            }
        }
        Live::merge(&spools)
    })
    .await
}

fn keep(scratch: Option<&Path>, key: String, bytes: Bytes, number: usize) -> Result<Spool> {
    let Some(folder) = scratch else {
        return Ok(Spool::Memory(key, bytes));
    };
    let path = folder.join(format!("refs-{number}.bin"));
    let mut file = File::create(&path).of("write", &path)?;
    file.write_all(&bytes).of("write", &path)?;
    Ok(Spool::File(key, path))
}

fn merge_into_one(spools: &[Spool], scratch: Option<&Path>, number: usize) -> Result<Spool> {
    let mut ids = Live::merge(spools)?.collect::<Result<Vec<_>>>()?;
    for spool in spools {
        if let Spool::File(_, path) = spool {
            std::fs::remove_file(path).of("remove", path)?;
        }
    }
    let bytes = refs::write(&mut ids);
    keep(scratch, "merged lists".to_owned(), bytes.into(), number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> BlobId {
        BlobId::new([byte; 32], 0)
    }

    fn list(bytes: &[u8]) -> Spool {
        let mut ids = bytes.iter().map(|byte| id(*byte)).collect();
        Spool::Memory("refs".into(), refs::write(&mut ids).into())
    }

    #[test]
    fn lists_are_merged_sorted_and_each_blob_once() {
        let live = Live::merge(&[list(&[1, 4, 9]), list(&[]), list(&[1, 2, 9, 10])]).unwrap();
        let ids: Vec<_> = live.map(Result::unwrap).collect();
        assert_eq!(ids, [1, 2, 4, 9, 10].map(id));
    }

    #[test]
    fn many_lists_become_one_with_the_same_blobs() {
        let folder = tempfile::tempdir().unwrap();
        for scratch in [None, Some(folder.path())] {
            let merged = merge_into_one(&[list(&[1, 3]), list(&[2, 3])], scratch, 1).unwrap();
            let ids: Vec<_> = Live::merge(&[merged])
                .unwrap()
                .map(Result::unwrap)
                .collect();
            assert_eq!(ids, [1, 2, 3].map(id));
        }
    }
}
