//! Which files of the disk are those of the base: a merge join of two sorted lists, in constant memory, without asking
//! the store anything.

use std::cmp::Ordering;

use super::scan::{Found, FoundFile};
use crate::{
    error::Result,
    format::manifest::{Component, Entry, SortKey},
};

/// The file that Digest.crc32 speaks of.
const DATA: &str = "Data.db";

/// The entries of a base's manifest, walked along with the disk's.
#[derive(Debug)]
pub struct Base<I> {
    entries: I,
    next: Option<Entry>,
    ended: bool,
}

impl<I: Iterator<Item = Result<Entry>>> Base<I> {
    /// Of these entries, which are sorted.
    pub fn new(entries: I) -> Self {
        Self {
            entries,
            next: None,
            ended: false,
        }
    }

    /// The base's entry for what was found. Ask in order.
    pub fn entry_for(&mut self, found: &Found) -> Result<Option<Entry>> {
        let wanted = found.sort_key();
        loop {
            if self.next.is_none() && !self.ended {
                self.next = self.entries.next().transpose()?;
                self.ended = self.next.is_none();
            }
            let Some(next) = &self.next else {
                return Ok(None);
            };
            match next.sort_key().cmp(&wanted) {
                Ordering::Less => self.next = None,
                Ordering::Equal => return Ok(self.next.take()),
                Ordering::Greater => return Ok(None),
            }
        }
    }
}

impl Found {
    /// As [`Entry::sort_key`].
    pub fn sort_key(&self) -> SortKey<'_> {
        SortKey {
            keyspace: &self.keyspace,
            table_id: &self.table_id,
            table: &self.table,
            folder: &self.folder,
            sstable: &self.sstable,
            data_dir: self.data_dir,
            name: match (self.sstable.as_str(), self.files.first()) {
                ("", Some(file)) => &file.name,
                _ => "",
            },
        }
    }
}

/// The component of the base that a file still is. Length and time have to be the same, and for Data.db what Cassandra
/// wrote into Digest.crc32: the number of an SSTable may be given again when a folder was emptied.
pub fn unchanged<'a>(file: &FoundFile, found: &Found, base: &'a Entry) -> Option<&'a Component> {
    let component = base
        .components
        .iter()
        .find(|component| component.name == file.name)?;
    let same = component.bytes == file.bytes && component.modified == file.modified;
    let same_content = file.name != DATA || found.crc == base.crc;
    (same && same_content).then_some(component)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        format::{digest::Digest, manifest::Place},
        ids::BlobId,
    };

    fn found(sstable: &str, crc: &str) -> Found {
        Found {
            keyspace: "ks".into(),
            table_id: "1".into(),
            table: "t".into(),
            folder: String::new(),
            sstable: sstable.into(),
            data_dir: 0,
            files: ["Data.db", "Statistics.db"]
                .map(|name| FoundFile {
                    name: name.into(),
                    bytes: 5,
                    modified: 7,
                    path: "x".into(),
                })
                .into(),
            crc: Some(crc.into()),
        }
    }

    fn entry(sstable: &str, crc: &str) -> Entry {
        let found = found(sstable, crc);
        Entry {
            keyspace: found.keyspace,
            table: found.table,
            table_id: found.table_id,
            folder: found.folder,
            sstable: found.sstable,
            data_dir: 0,
            crc: found.crc,
            components: found
                .files
                .into_iter()
                .map(|file| Component {
                    name: file.name,
                    bytes: file.bytes,
                    modified: file.modified,
                    digest: Digest::of(b"x"),
                    place: Place::Pack(BlobId::new([1; 32], 0), 0),
                })
                .collect(),
        }
    }

    #[test]
    fn the_entry_of_the_same_sstable_is_found_whatever_lies_between() {
        let entries = ["nb-1-big", "nb-3-big", "nb-5-big"].map(|name| Ok(entry(name, "1")));
        let mut base = Base::new(entries.into_iter());
        let mut asked = |name| {
            base.entry_for(&found(name, "1"))
                .unwrap()
                .map(|entry| entry.sstable)
        };
        assert_eq!(asked("nb-2-big"), None);
        assert_eq!(asked("nb-3-big").as_deref(), Some("nb-3-big"));
        assert_eq!(asked("nb-4-big"), None);
        assert_eq!(asked("nb-5-big").as_deref(), Some("nb-5-big"));
        assert_eq!(asked("nb-6-big"), None);
    }

    #[test]
    fn a_file_with_another_length_or_time_is_new() {
        let (found, base) = (found("nb-1-big", "1"), entry("nb-1-big", "1"));
        let file = &found.files[1];
        assert!(unchanged(file, &found, &base).is_some());
        assert!(
            unchanged(
                &FoundFile {
                    bytes: 6,
                    ..file.clone()
                },
                &found,
                &base
            )
            .is_none()
        );
        assert!(
            unchanged(
                &FoundFile {
                    modified: 8,
                    ..file.clone()
                },
                &found,
                &base
            )
            .is_none()
        );
        assert!(
            unchanged(
                &FoundFile {
                    name: "New.db".into(),
                    ..file.clone()
                },
                &found,
                &base
            )
            .is_none()
        );
    }

    #[test]
    fn a_number_that_was_given_again_is_told_by_the_checksum_of_the_data() {
        let (found, base) = (found("nb-1-big", "2"), entry("nb-1-big", "1"));
        assert!(unchanged(&found.files[0], &found, &base).is_none());
    }
}
