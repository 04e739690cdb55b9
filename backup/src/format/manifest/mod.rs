//! What a node had, and where it is: JSON Lines in zstd, sorted, read and written bit by bit.
//!
//! One line about the node, one line for each SSTable, one line that sums it up and proves the lines before it. Without
//! that last line it is not a manifest.

mod reader;
mod writer;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use reader::Reader;
pub use writer::Writer;

use super::digest::Digest;
use crate::{
    error::{Error, Result},
    ids::{Attempt, BlobId, ClusterUid, Uuid},
};

/// Who wrote the manifest, and of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// Of this object.
    pub format: u32,
    /// In which repository.
    pub repository: Uuid,
    /// Whose, and which.
    pub attempt: Attempt,
    /// What is known of the node.
    #[serde(flatten)]
    pub node: Node,
    /// Whose blobs were used again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Attempt>,
    /// How large a chunk is.
    pub chunk_bytes: u64,
}

/// What is known of a node when its snapshot is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Its cluster.
    pub cluster_uid: ClusterUid,
    /// That cluster's name.
    pub cluster_name: String,
    /// Its datacenter.
    pub datacenter: String,
    /// Its rack.
    pub rack: String,
    /// Its name, to be read by people.
    pub member: String,
    /// Cassandra's version.
    pub cassandra: String,
    /// The partitioner's class.
    pub partitioner: String,
    /// Its tokens.
    pub tokens: Vec<String>,
    /// The schema's version.
    pub schema_version: String,
    /// The snapshot's name.
    pub snapshot_tag: String,
    /// When it was taken.
    pub snapshot_at: Timestamp,
}

/// An SSTable, or a file beside SSTables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The keyspace.
    #[serde(rename = "ks")]
    pub keyspace: String,
    /// The table's name.
    #[serde(rename = "tbl")]
    pub table: String,
    /// The table's id, as it is in the folder's name.
    #[serde(rename = "tid")]
    pub table_id: String,
    /// The folder below the table's, for indexes that have one.
    #[serde(rename = "idx", default, skip_serializing_if = "String::is_empty")]
    pub folder: String,
    /// What the names of its files begin with: version, id and format. Empty for a file beside SSTables.
    #[serde(rename = "sid", default, skip_serializing_if = "String::is_empty")]
    pub sstable: String,
    /// Which of the data directories it is in.
    #[serde(rename = "dir", default)]
    pub data_dir: u32,
    /// What Cassandra wrote into Digest.crc32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc: Option<String>,
    /// Its files.
    #[serde(rename = "c")]
    pub components: Vec<Component>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// The rest of its name.
    #[serde(rename = "n")]
    pub name: String,
    /// Its length.
    #[serde(rename = "s")]
    pub bytes: u64,
    /// When it was changed last, in nanoseconds since 1970.
    #[serde(rename = "m")]
    pub modified: i64,
    /// Its digest ([`super::digest::FileDigest`]).
    #[serde(rename = "d")]
    pub digest: Digest,
    /// Where its bytes are. An empty file is nowhere.
    #[serde(flatten)]
    pub place: Place,
}

/// Where a file's bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// In chunks of its own, in order.
    #[serde(rename = "b")]
    Chunks(Vec<BlobId>),
    /// In a pack with others, from this byte on.
    #[serde(rename = "k")]
    Pack(BlobId, u64),
}

impl Component {
    /// The blobs that hold it.
    pub fn blobs(&self) -> &[BlobId] {
        match &self.place {
            Place::Chunks(ids) => ids,
            Place::Pack(id, _) => std::slice::from_ref(id),
        }
    }
}

impl Entry {
    /// What entries are sorted by.
    pub fn sort_key(&self) -> SortKey<'_> {
        SortKey {
            keyspace: &self.keyspace,
            table_id: &self.table_id,
            table: &self.table,
            folder: &self.folder,
            sstable: &self.sstable,
            data_dir: self.data_dir,
            // Files beside SSTables have an entry each.
            name: match (self.sstable.as_str(), self.components.first()) {
                ("", Some(component)) => &component.name,
                _ => "",
            },
        }
    }

    /// The name of a component's file.
    pub fn file_name(&self, component: &Component) -> String {
        if self.sstable.is_empty() {
            component.name.clone()
        } else {
            format!("{}-{}", self.sstable, component.name)
        }
    }

    /// The folder of its files, below a data directory.
    pub fn table_folder(&self) -> String {
        let table = format!("{}/{}-{}", self.keyspace, self.table, self.table_id);
        if self.folder.is_empty() {
            table
        } else {
            format!("{table}/{}", self.folder)
        }
    }

    fn check(&self, key: &str) -> Result<()> {
        let unsafe_path = |path: &str| {
            Err(Error::UnsafePath {
                path: path.to_owned(),
            })
        };
        for name in [&self.keyspace, &self.table, &self.table_id] {
            if !is_one_step(name) {
                return unsafe_path(name);
            }
        }
        if !self.folder.is_empty() && !self.folder.split('/').all(is_one_step) {
            return unsafe_path(&self.folder);
        }
        for component in &self.components {
            let name = self.file_name(component);
            if !is_one_step(&name) {
                return unsafe_path(&name);
            }
            let chunks = matches!(&component.place, Place::Chunks(ids) if ids.is_empty());
            if chunks != (component.bytes == 0) {
                return Err(Error::damaged(
                    key,
                    format!("{name} has bytes and no place for them"),
                ));
            }
        }
        Ok(())
    }
}

/// A name that stays in its folder.
fn is_one_step(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0'])
}

/// What entries are sorted by. The order of the fields is the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortKey<'a> {
    /// First.
    pub keyspace: &'a str,
    /// Then.
    pub table_id: &'a str,
    /// Then.
    pub table: &'a str,
    /// Then.
    pub folder: &'a str,
    /// Then.
    pub sstable: &'a str,
    /// Then.
    pub data_dir: u32,
    /// Last.
    pub name: &'a str,
}

/// How much it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// SSTables.
    pub sstables: u64,
    /// Files.
    pub files: u64,
    /// Bytes in files.
    pub bytes: u64,
    /// Bytes that were uploaded for it.
    pub new_bytes: u64,
    /// Blobs that were uploaded for it.
    pub new_blobs: u64,
}

impl Totals {
    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            sstables: self.sstables + other.sstables,
            files: self.files + other.files,
            bytes: self.bytes + other.bytes,
            new_bytes: self.new_bytes + other.new_bytes,
            new_blobs: self.new_blobs + other.new_blobs,
        }
    }

    fn add(&mut self, entry: &Entry) {
        self.sstables += u64::from(!entry.sstable.is_empty());
        self.files += entry.components.len() as u64;
        self.bytes += entry
            .components
            .iter()
            .map(|component| component.bytes)
            .sum::<u64>();
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct End {
    #[serde(flatten)]
    totals: Totals,
    digest: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "camelCase")]
enum Line {
    Head(Box<Head>),
    Sst(Entry),
    End(End),
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        format::document::FORMAT,
        ids::{BackupId, HostId},
    };

    pub(crate) fn head() -> Head {
        Head {
            format: FORMAT,
            repository: Uuid::from_random(1),
            attempt: Attempt {
                host_id: HostId::from_random(2),
                backup: BackupId::new(3, 4),
                number: 1,
            },
            node: Node {
                cluster_uid: Uuid::from_random(5),
                cluster_name: "c".into(),
                datacenter: "dc1".into(),
                rack: "r1".into(),
                member: "c-dc1-r1-0".into(),
                cassandra: "5.0.9".into(),
                partitioner: "org.apache.cassandra.dht.Murmur3Partitioner".into(),
                tokens: vec!["-1".into(), "5".into()],
                schema_version: "v".into(),
                snapshot_tag: "s".into(),
                snapshot_at: Timestamp::UNIX_EPOCH,
            },
            base: None,
            chunk_bytes: 64 << 20,
        }
    }

    fn entry(sstable: &str) -> Entry {
        Entry {
            keyspace: "shop".into(),
            table: "orders".into(),
            table_id: "1".repeat(32),
            folder: String::new(),
            sstable: sstable.into(),
            data_dir: 0,
            crc: Some("123".into()),
            components: vec![
                Component {
                    name: "Data.db".into(),
                    bytes: 5,
                    modified: 7,
                    digest: Digest::of(b"x"),
                    place: Place::Chunks(vec![BlobId::new([1; 32], 0)]),
                },
                Component {
                    name: "TOC.txt".into(),
                    bytes: 5,
                    modified: 7,
                    digest: Digest::of(b"x"),
                    place: Place::Pack(BlobId::new([2; 32], 9), 17),
                },
            ],
        }
    }

    fn written(entries: &[Entry]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), &head()).unwrap();
        for entry in entries {
            writer.add(entry.clone()).unwrap();
        }
        writer.finish(3, 1).unwrap().0
    }

    fn read(bytes: &[u8]) -> Result<(Vec<Entry>, Option<Totals>)> {
        let mut reader = Reader::new("manifest", bytes)?;
        let entries = reader.by_ref().collect::<Result<_>>()?;
        Ok((entries, reader.totals()))
    }

    #[test]
    fn a_manifest_comes_back_with_its_totals() {
        let entries = [entry("nb-1-big"), entry("nb-2-big")];
        let (read, totals) = read(&written(&entries)).unwrap();
        assert_eq!(read, entries);
        let expected = Totals {
            sstables: 2,
            files: 4,
            bytes: 20,
            new_bytes: 3,
            new_blobs: 1,
        };
        assert_eq!(totals, Some(expected));
    }

    #[test]
    fn each_cut_and_each_flipped_byte_is_found() {
        let bytes = written(&[entry("nb-1-big")]);
        for at in 0..bytes.len() {
            assert!(read(&bytes[..at]).is_err(), "cut at {at}");
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            let survived = read(&flipped).ok();
            assert!(
                survived.is_none_or(|(entries, _)| entries == [entry("nb-1-big")]),
                "{at}"
            );
        }
    }

    #[test]
    fn entries_out_of_order_are_refused() {
        assert!(read(&written(&[entry("nb-2-big"), entry("nb-1-big")])).is_err());
        assert!(read(&written(&[entry("nb-1-big"), entry("nb-1-big")])).is_err());
    }

    #[test]
    fn a_path_that_leaves_its_folder_is_refused() {
        for name in ["..", "a/b", ""] {
            let mut bad = entry("nb-1-big");
            bad.keyspace = name.into();
            assert_eq!(read(&written(&[bad])).unwrap_err().reason(), "PathUnsafe");
        }
        let mut bad = entry("nb-1-big");
        bad.folder = "../x".into();
        assert_eq!(read(&written(&[bad])).unwrap_err().reason(), "PathUnsafe");
        let mut bad = entry("");
        bad.components.truncate(1);
        bad.components[0].name = "../../x".into();
        assert_eq!(read(&written(&[bad])).unwrap_err().reason(), "PathUnsafe");
    }
}
