//! Ranges of bytes are computed: which blocks of which blobs hold them is arithmetic, never a search, so that a read
//! of one byte reads one block.

use super::record::BlobRef;

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// From a byte on, up to and with another.
    From(u64, Option<u64>),
    /// So many at the end.
    Last(u64),
}

/// The range does not touch the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSatisfiable;

impl Range {
    /// The bytes of an object of this size that are meant.
    pub fn resolve(self, size: u64) -> Result<std::ops::Range<u64>, NotSatisfiable> {
        match self {
            Self::From(first, last) if first < size => {
                let end = last.map_or(size, |last| last.saturating_add(1).min(size));
                if end > first {
                    Ok(first..end)
                } else {
                    Err(NotSatisfiable)
                }
            }
            Self::Last(count) if count > 0 && size > 0 => Ok(size - count.min(size)..size),
            Self::From(..) | Self::Last(_) => Err(NotSatisfiable),
        }
    }
}

/// A piece of one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The blob.
    pub blob: BlobRef,
    /// The block's number.
    pub block: u64,
    /// The bytes within the block.
    pub bytes: std::ops::Range<usize>,
}

/// The pieces that hold these bytes of one blob.
pub fn pieces(blob: BlobRef, bytes: &std::ops::Range<u64>) -> impl Iterator<Item = Piece> + use<> {
    let chunk = u64::from(blob.chunk.max(1));
    let (start, end) = (bytes.start.min(blob.size), bytes.end.min(blob.size));
    let blocks = if start < end {
        start / chunk..end.div_ceil(chunk)
    } else {
        0..0
    };
    blocks.map(move |block| {
        let base = block * chunk;
        let offset = |at: u64| usize::try_from(at.saturating_sub(base)).unwrap_or(usize::MAX);
        Piece {
            blob,
            block,
            bytes: offset(start)..offset(end.min(base + chunk)),
        }
    })
}

/// The blobs that hold these bytes of a row of blobs, each with the bytes within it.
pub fn blobs(
    row: impl IntoIterator<Item = BlobRef>,
    bytes: std::ops::Range<u64>,
) -> Vec<(BlobRef, std::ops::Range<u64>)> {
    let mut at = 0;
    let mut found = Vec::new();
    for blob in row {
        let (start, end) = (bytes.start.max(at), bytes.end.min(at + blob.size));
        if start < end {
            found.push((blob, start - at..end - at));
        }
        at += blob.size;
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn ranges_are_resolved_as_http_says() {
        let size = 10;
        assert_eq!(Range::From(0, Some(0)).resolve(size), Ok(0..1));
        assert_eq!(Range::From(5, None).resolve(size), Ok(5..10));
        assert_eq!(Range::From(5, Some(100)).resolve(size), Ok(5..10));
        assert_eq!(Range::Last(3).resolve(size), Ok(7..10));
        assert_eq!(Range::Last(30).resolve(size), Ok(0..10));
        for bad in [Range::From(10, None), Range::Last(0)] {
            assert_eq!(bad.resolve(size), Err(NotSatisfiable));
        }
        assert_eq!(Range::Last(1).resolve(0), Err(NotSatisfiable));
    }

    // P18 of the defects that this design excludes.
    #[test]
    fn p18_a_range_of_one_byte_at_the_end_reads_one_block() {
        let blob = BlobRef {
            id: Uuid::nil(),
            size: 1 << 30,
            chunk: 1 << 20,
        };
        let read: Vec<_> = pieces(blob, &((1 << 30) - 1..1 << 30)).collect();
        assert_eq!(read.len(), 1);
        assert_eq!(
            (read[0].block, read[0].bytes.clone()),
            (1023, (1 << 20) - 1..1 << 20)
        );
    }

    proptest! {
        #[test]
        fn pieces_cover_the_range_once_and_in_order(
            sizes in proptest::collection::vec(0_u64..50, 1..6), chunk in 1_u32..9, a in 0_u64..200, b in 0_u64..200,
        ) {
            let row: Vec<_> = sizes.iter().map(|size| BlobRef { id: Uuid::nil(), size: *size, chunk }).collect();
            let total: u64 = sizes.iter().sum();
            let range = a.min(b).min(total)..a.max(b).min(total);
            let mut covered = Vec::new();
            let starts = |nth: usize| sizes.iter().take(nth).sum::<u64>();
            let mut nth = 0;
            for (blob, bytes) in blobs(row.clone(), range.clone()) {
                while starts(nth) + bytes.start < range.start.max(starts(nth)) || row[nth].size != blob.size || row[nth].size == 0
                    || starts(nth + 1) <= range.start { nth += 1; }
                for piece in pieces(blob, &bytes) {
                    let base = starts(nth) + piece.block * u64::from(chunk);
                    covered.extend(piece.bytes.map(|at| base + at as u64));
                }
                nth += 1;
            }
            prop_assert_eq!(covered, range.collect::<Vec<_>>());
        }
    }
}
