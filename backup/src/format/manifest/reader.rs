//! Reads a manifest, and refuses what is not one.

use std::{
    cmp::Ordering,
    io::{BufRead, BufReader, Read},
};

use super::{End, Entry, Head, Line, Totals};
use crate::{
    error::{Error, Result},
    format::document::FORMAT,
};

/// The longest line that is read: a file of 2.5 TB has 40,000 chunks of 64 MiB.
const LONGEST_LINE: u64 = 64 << 20;

/// Reads a manifest line by line. What it has given is only proved when it has come to its end.
pub struct Reader<R: Read> {
    key: String,
    source: BufReader<zstd::Decoder<'static, BufReader<R>>>,
    head: Head,
    hasher: blake3::Hasher,
    counted: Totals,
    totals: Option<Totals>,
    last: Option<Entry>,
    line: Vec<u8>,
    failed: bool,
}

impl<R: Read> std::fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl<R: Read> Reader<R> {
    /// Reads the line about the node. `key` is for messages.
    pub fn new(key: &str, source: R) -> Result<Self> {
        let decoder = zstd::Decoder::new(source)
            .map_err(|error| Error::damaged(key, format!("it is no zstd: {error}")))?;
        let mut source = BufReader::new(decoder);
        let mut line = Vec::new();
        let mut hasher = blake3::Hasher::new();
        let Line::Head(head) = read_line(key, &mut source, &mut line)? else {
            return Err(Error::damaged(key, "it does not begin with a node"));
        };
        hasher.update(&line);
        if head.format > FORMAT {
            return Err(Error::NewerFormat {
                key: key.to_owned(),
                found: head.format,
                known: FORMAT,
            });
        }
        Ok(Self {
            key: key.to_owned(),
            source,
            head: *head,
            hasher,
            counted: Totals::default(),
            totals: None,
            last: None,
            line,
            failed: false,
        })
    }

    /// The node.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What the last line says. `None` until it was read and found right.
    pub fn totals(&self) -> Option<Totals> {
        self.totals
    }

    fn step(&mut self) -> Result<Option<Entry>> {
        match read_line(&self.key, &mut self.source, &mut self.line)? {
            Line::Head(_) => Err(self.damaged("it has two beginnings")),
            Line::Sst(entry) => {
                self.hasher.update(&self.line);
                entry.check(&self.key)?;
                if self
                    .last
                    .as_ref()
                    .is_some_and(|last| in_order(last, &entry) != Ordering::Less)
                {
                    return Err(self.damaged("it is not sorted"));
                }
                self.counted.add(&entry);
                self.last = Some(Entry {
                    components: entry.components.first().cloned().into_iter().collect(),
                    ..entry.clone()
                });
                Ok(Some(entry))
            }
            Line::End(End { totals, digest }) => {
                let counted = Totals {
                    new_bytes: totals.new_bytes,
                    new_blobs: totals.new_blobs,
                    ..self.counted
                };
                if digest != self.hasher.finalize().into() || totals != counted {
                    return Err(self.damaged("its last line does not prove the others"));
                }
                self.totals = Some(totals);
                Ok(None)
            }
        }
    }

    fn damaged(&self, detail: &str) -> Error {
        Error::damaged(&self.key, detail)
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        if self.failed || self.totals.is_some() {
            return None;
        }
        let step = self.step();
        self.failed = step.is_err();
        step.transpose()
    }
}

fn in_order(first: &Entry, second: &Entry) -> Ordering {
    first.sort_key().cmp(&second.sort_key())
}

fn read_line(key: &str, source: &mut impl BufRead, line: &mut Vec<u8>) -> Result<Line> {
    line.clear();
    source
        .take(LONGEST_LINE)
        .read_until(b'\n', line)
        .map_err(|error| Error::damaged(key, format!("it can't be read: {error}")))?;
    if line.last() != Some(&b'\n') {
        return Err(Error::damaged(key, "it has no last line"));
    }
    serde_json::from_slice(line)
        .map_err(|error| Error::damaged(key, format!("a line can't be read: {error}")))
}
