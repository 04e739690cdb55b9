//! What is uploaded together: a large file in chunks of its own, all small files of an SSTable in one pack, and SSTables
//! that are very small in a pack with their neighbours.

use std::path::PathBuf;

use super::{
    compare::unchanged,
    scan::{Found, FoundFile},
};
use crate::format::{
    manifest::{Component, Entry},
    repository::PACK_THRESHOLD,
};

/// An SSTable of which less than this is new shares a pack with its neighbours.
const SHARED_BELOW: u64 = 256 << 10;
/// A shared pack is closed when it has this much: one that is needed for one SSTable is read whole.
const SHARED_PACK: u64 = 4 << 20;

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Which file.
    pub path: PathBuf,
    /// How long the file is.
    pub file_bytes: u64,
    /// When it was changed last.
    pub modified: i64,
    /// Where the part begins.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
}

/// A blob that is to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlobPlan {
    /// What is in it, in order.
    pub segments: Vec<Segment>,
}

impl BlobPlan {
    /// How much is in it.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }
}

/// A file, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlannedFile {
    /// It is in the base.
    Reused(Component),
    /// It is empty.
    Empty(FoundFile),
    /// It is in these blobs, one after the other.
    Chunks(FoundFile, std::ops::Range<usize>),
    /// It is a segment of this blob, which begins at this byte.
    Packed {
        /// The file.
        file: FoundFile,
        /// Which blob.
        blob: usize,
        /// Which of its segments.
        segment: usize,
        /// Where it begins.
        offset: u64,
    },
}

/// An entry of the manifest to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedEntry {
    /// The entry, without its files.
    pub entry: Entry,
    /// Its files.
    pub files: Vec<PlannedFile>,
}

/// Neighbouring entries, and the blobs that are made for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit {
    /// The entries, in order.
    pub entries: Vec<PlannedEntry>,
    /// The blobs.
    pub blobs: Vec<BlobPlan>,
}

/// Makes units of what was found, in order.
#[derive(Debug)]
pub struct Planner {
    chunk_bytes: u64,
    open: Unit,
    /// How much is in the shared pack of the open unit, which is its first blob.
    shared: u64,
}

impl Planner {
    /// With chunks of this size.
    pub fn new(chunk_bytes: u64) -> Self {
        Self {
            chunk_bytes,
            open: Unit::default(),
            shared: 0,
        }
    }

    /// The next SSTable. Gives the unit that is complete now, if one is.
    pub fn add(&mut self, found: &Found, base: Option<&Entry>) -> Option<Unit> {
        let reused = |file: &FoundFile| base.and_then(|base| unchanged(file, found, base)).cloned();
        let files: Vec<_> = found
            .files
            .iter()
            .map(|file| (file, reused(file)))
            .collect();
        let new: u64 = files
            .iter()
            .filter(|(_, reused)| reused.is_none())
            .map(|(file, _)| file.bytes)
            .sum();
        let limit = SHARED_PACK.min(self.chunk_bytes);
        if new < SHARED_BELOW.min(limit) {
            // Nothing is new in most of them: they join whatever is open.
            let full = self.shared + new > limit || self.open.entries.len() >= 1024;
            let ended = if full { self.take() } else { None };
            place(&mut self.open, found, files, self.chunk_bytes);
            self.shared += new;
            return ended;
        }
        // It has blobs of its own. What is open has to end before it, to keep the order.
        let ended = self.take();
        place(&mut self.open, found, files, self.chunk_bytes);
        // A pack that is full, so that nothing joins it.
        self.shared = limit + 1;
        ended
    }

    /// What is left at the end.
    pub fn take(&mut self) -> Option<Unit> {
        self.shared = 0;
        let unit = std::mem::take(&mut self.open);
        (!unit.entries.is_empty()).then_some(unit)
    }
}

fn place(
    unit: &mut Unit,
    found: &Found,
    files: Vec<(&FoundFile, Option<Component>)>,
    chunk_bytes: u64,
) {
    let mut planned = Vec::with_capacity(files.len());
    for (file, reused) in files {
        planned.push(match reused {
            Some(component) => PlannedFile::Reused(component),
            None if file.bytes == 0 => PlannedFile::Empty(file.clone()),
            None if file.bytes > PACK_THRESHOLD.min(chunk_bytes) => chunks(unit, file, chunk_bytes),
            None => packed(unit, file, chunk_bytes),
        });
    }
    unit.entries.push(PlannedEntry {
        entry: Entry {
            keyspace: found.keyspace.clone(),
            table: found.table.clone(),
            table_id: found.table_id.clone(),
            folder: found.folder.clone(),
            sstable: found.sstable.clone(),
            data_dir: found.data_dir,
            crc: found.crc.clone(),
            components: Vec::new(),
        },
        files: planned,
    });
}

fn chunks(unit: &mut Unit, file: &FoundFile, chunk_bytes: u64) -> PlannedFile {
    let first = unit.blobs.len();
    let mut offset = 0;
    while offset < file.bytes {
        let bytes = chunk_bytes.min(file.bytes - offset);
        unit.blobs.push(BlobPlan {
            segments: vec![segment(file, offset, bytes)],
        });
        offset += bytes;
    }
    PlannedFile::Chunks(file.clone(), first..unit.blobs.len())
}

fn packed(unit: &mut Unit, file: &FoundFile, chunk_bytes: u64) -> PlannedFile {
    let is_open = |blob: &BlobPlan| {
        let pack = blob
            .segments
            .iter()
            .all(|segment| segment.bytes == segment.file_bytes);
        let small = blob
            .segments
            .iter()
            .all(|segment| segment.bytes <= PACK_THRESHOLD);
        pack && small && blob.bytes() + file.bytes <= chunk_bytes
    };
    let blob = unit.blobs.iter().rposition(is_open).unwrap_or_else(|| {
        unit.blobs.push(BlobPlan::default());
        unit.blobs.len() - 1
    });
    let mut offset = 0;
    let mut number = 0;
    if let Some(pack) = unit.blobs.get_mut(blob) {
        offset = pack.bytes();
        number = pack.segments.len();
        pack.segments.push(segment(file, 0, file.bytes));
    }
    PlannedFile::Packed {
        file: file.clone(),
        blob,
        segment: number,
        offset,
    }
}

fn segment(file: &FoundFile, offset: u64, bytes: u64) -> Segment {
    Segment {
        path: file.path.clone(),
        file_bytes: file.bytes,
        modified: file.modified,
        offset,
        bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: u64 = 64 << 20;

    fn found(sstable: &str, sizes: &[u64]) -> Found {
        let files = sizes.iter().enumerate().map(|(number, bytes)| FoundFile {
            name: format!("{number}.db"),
            bytes: *bytes,
            modified: 1,
            path: format!("{sstable}-{number}").into(),
        });
        Found {
            keyspace: "ks".into(),
            table_id: "1".into(),
            table: "t".into(),
            folder: String::new(),
            sstable: sstable.into(),
            data_dir: 0,
            files: files.collect(),
            crc: None,
        }
    }

    fn plan(all: &[Found]) -> Vec<Unit> {
        let mut planner = Planner::new(CHUNK);
        let mut units: Vec<_> = all
            .iter()
            .filter_map(|one| planner.add(one, None))
            .collect();
        units.extend(planner.take());
        units
    }

    #[test]
    fn a_small_sstable_is_one_blob() {
        let units = plan(&[
            found("a", &[1_000_000, 5, 10]),
            found("b", &[1_000_000, 5, 10]),
        ]);
        assert_eq!(units.len(), 2);
        assert!(
            units
                .iter()
                .all(|unit| unit.blobs.len() == 1 && unit.blobs[0].bytes() == 1_000_015)
        );
    }

    #[test]
    fn a_large_file_is_cut_and_its_neighbours_are_packed() {
        let units = plan(&[found("a", &[10, CHUNK * 2 + 1, 20])]);
        let sizes: Vec<_> = units[0].blobs.iter().map(BlobPlan::bytes).collect();
        assert_eq!(sizes, [30, CHUNK, CHUNK, 1]);
        assert_eq!(units[0].blobs[3].segments[0].offset, CHUNK * 2);
    }

    #[test]
    fn very_small_sstables_share_a_pack_of_bounded_size() {
        let all: Vec<_> = (0..100)
            .map(|n| found(&format!("{n:03}"), &[100_000]))
            .collect();
        let units = plan(&all);
        assert_eq!(
            units.iter().map(|unit| unit.entries.len()).sum::<usize>(),
            100
        );
        assert_eq!(units.len(), 3);
        assert!(units.iter().all(|unit| unit.blobs.len() == 1));
        assert!(
            units
                .iter()
                .all(|unit| unit.blobs[0].bytes() <= SHARED_PACK)
        );
    }

    #[test]
    fn order_is_kept_whatever_the_sizes() {
        let sizes = [10, 20_000_000, 10, 1_000_000, 10, 10, 300_000_000];
        let all: Vec<_> = (0..)
            .zip(sizes)
            .map(|(n, bytes): (u32, u64)| found(&format!("{n}"), &[bytes]))
            .collect();
        let order: Vec<_> = plan(&all)
            .into_iter()
            .flat_map(|unit| unit.entries)
            .map(|entry| entry.entry.sstable)
            .collect();
        assert_eq!(order, ["0", "1", "2", "3", "4", "5", "6"]);
    }

    #[test]
    fn packs_of_an_sstable_with_many_components_stay_below_a_chunk() {
        let units = plan(&[found("a", &[8 << 20; 20])]);
        assert!(units[0].blobs.iter().all(|blob| blob.bytes() <= CHUNK));
        assert_eq!(units[0].blobs.len(), 3);
    }
}
