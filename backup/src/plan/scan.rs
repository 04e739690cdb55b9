//! What is on the disk. Every regular file is taken, whatever it is called: Cassandra's list of components grows with
//! each version.

use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::error::{OfFile as _, Result};

/// The file whose content is the checksum of Data.db.
const CHECKSUM: &str = "Digest.crc32";

/// The folder of one table's snapshot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableFolder {
    /// The keyspace.
    pub keyspace: String,
    /// The table's id.
    pub table_id: String,
    /// The table's name.
    pub table: String,
    /// Which of the data directories.
    pub data_dir: u32,
    /// Where it is.
    pub path: PathBuf,
}

/// An SSTable, or a file beside SSTables, as it lies there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The keyspace.
    pub keyspace: String,
    /// The table's id.
    pub table_id: String,
    /// The table's name.
    pub table: String,
    /// The folder below the table's.
    pub folder: String,
    /// What the names of its files begin with.
    pub sstable: String,
    /// Which of the data directories.
    pub data_dir: u32,
    /// Its files, sorted by name. First the names: a file beside SSTables is sorted by its own.
    pub files: Vec<FoundFile>,
    /// What is in Digest.crc32.
    pub crc: Option<String>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundFile {
    /// The rest of its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// When it was changed last, in nanoseconds since 1970.
    pub modified: i64,
    /// Where it is.
    pub path: PathBuf,
}

/// The folders of a snapshot in all data directories, sorted.
pub fn snapshot(data_dirs: &[PathBuf], tag: &str) -> Result<Vec<TableFolder>> {
    let mut found = Vec::new();
    for (number, data_dir) in (0..).zip(data_dirs) {
        for (keyspace, keyspace_path) in folders(data_dir)? {
            for (name, table_path) in folders(&keyspace_path)? {
                let path = table_path.join("snapshots").join(tag);
                if let Some((table, table_id)) = name.rsplit_once('-')
                    && path.is_dir()
                {
                    found.push(TableFolder {
                        keyspace: keyspace.clone(),
                        table_id: table_id.to_owned(),
                        table: table.to_owned(),
                        data_dir: number,
                        path,
                    });
                }
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn folders(path: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for item in fs::read_dir(path).of("list", path)? {
        let item = item.of("list", path)?;
        if item.file_type().of("look at", &item.path())?.is_dir() {
            found.push((item.file_name().to_string_lossy().into_owned(), item.path()));
        }
    }
    Ok(found)
}

/// What is in the folders of one table, sorted.
pub fn table(folders: &[TableFolder]) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for folder in folders {
        walk(folder, &folder.path, "", &mut found)?;
    }
    for one in &mut found {
        one.files.sort_unstable();
    }
    found.sort_unstable();
    Ok(found)
}

fn walk(table: &TableFolder, path: &Path, below: &str, into: &mut Vec<Found>) -> Result<()> {
    let first = into.len();
    let mut deeper = Vec::new();
    for item in fs::read_dir(path).of("list", path)? {
        let item = item.of("list", path)?;
        let (name, path) = (item.file_name().to_string_lossy().into_owned(), item.path());
        let metadata = item.metadata().of("look at", &path)?;
        if metadata.is_dir() {
            let folder = if below.is_empty() {
                name
            } else {
                format!("{below}/{name}")
            };
            deeper.push((folder, path));
        } else if metadata.is_file() {
            add(table, below, &name, path, &metadata, first, into)?;
        }
    }
    for (folder, path) in deeper {
        walk(table, &path, &folder, into)?;
    }
    Ok(())
}

fn add(
    table: &TableFolder,
    below: &str,
    name: &str,
    path: PathBuf,
    metadata: &Metadata,
    first: usize,
    into: &mut Vec<Found>,
) -> Result<()> {
    let (sstable, component) = split_name(name).unwrap_or(("", name));
    // A damaged one is backed up as it is; it only has to be told from another.
    let crc = if component == CHECKSUM {
        Some(
            String::from_utf8_lossy(&fs::read(&path).of("read", &path)?)
                .trim()
                .to_owned(),
        )
    } else {
        None
    };
    let file = FoundFile {
        name: component.to_owned(),
        bytes: metadata.len(),
        modified: metadata
            .mtime()
            .saturating_mul(1_000_000_000)
            .saturating_add(metadata.mtime_nsec()),
        path,
    };
    let known = into.get_mut(first..).unwrap_or_default();
    // The files of an SSTable come together more often than not: look from the end.
    let known = known
        .iter_mut()
        .rev()
        .find(|one| !sstable.is_empty() && one.sstable == sstable);
    if let Some(one) = known {
        one.crc = one.crc.take().or(crc);
        one.files.push(file);
        return Ok(());
    }
    into.push(Found {
        keyspace: table.keyspace.clone(),
        table_id: table.table_id.clone(),
        table: table.table.clone(),
        folder: below.to_owned(),
        sstable: sstable.to_owned(),
        data_dir: table.data_dir,
        files: vec![file],
        crc,
    });
    Ok(())
}

/// The SSTable's part of a file's name and the component's: `nb-1-big` and `Data.db`, `da-3gbv_1abc_0000-bti` and
/// `SAI+aa+idx+Meta.db`.
fn split_name(name: &str) -> Option<(&str, &str)> {
    let mut hyphens = name.match_indices('-').map(|(at, _)| at);
    let (first, _, third) = (hyphens.next()?, hyphens.next()?, hyphens.next()?);
    let version = name.get(..first)?;
    let is_version = version.len() == 2 && version.bytes().all(|byte| byte.is_ascii_lowercase());
    let component = name
        .get(third + 1..)
        .filter(|component| !component.is_empty())?;
    is_version.then_some((name.get(..third)?, component))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_for_every_format_and_component() {
        assert_eq!(
            split_name("nb-1-big-Data.db"),
            Some(("nb-1-big", "Data.db"))
        );
        let name = "da-3gbv_1abc_00002-bti-SAI+aa+idx+Meta.db";
        assert_eq!(
            split_name(name),
            Some(("da-3gbv_1abc_00002-bti", "SAI+aa+idx+Meta.db"))
        );
        assert_eq!(
            split_name("nb-1-big-SI_a-b.db"),
            Some(("nb-1-big", "SI_a-b.db"))
        );
        for name in [
            "manifest.json",
            "schema.cql",
            "nb-1-big",
            "a-b-c-d",
            "nb-1-big-",
        ] {
            assert_eq!(split_name(name), None, "{name}");
        }
    }

    #[test]
    fn all_files_are_taken_also_those_of_indexes_and_of_unknown_kinds() {
        let root = tempfile::tempdir().unwrap();
        let id = "0".repeat(32);
        let snapshot = root.path().join(format!("ks/t-{id}/snapshots/s1"));
        fs::create_dir_all(snapshot.join(".t_idx")).unwrap();
        for name in [
            "nb-1-big-Data.db",
            "nb-1-big-What.ever",
            "schema.cql",
            ".t_idx/nb-2-big-Data.db",
        ] {
            fs::write(snapshot.join(name), name).unwrap();
        }
        fs::write(snapshot.join("nb-1-big-Digest.crc32"), "123\n").unwrap();
        let other = root.path().join(format!("ks/t-{id}/snapshots/s10"));
        fs::create_dir_all(&other).unwrap();
        fs::write(other.join("nb-9-big-Data.db"), "x").unwrap();

        let folders = super::snapshot(&[root.path().into()], "s1").unwrap();
        let found = table(&folders).unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|one| {
                let files: Vec<_> = one.files.iter().map(|file| file.name.as_str()).collect();
                (one.folder.as_str(), one.sstable.as_str(), files)
            })
            .collect();
        assert_eq!(
            names,
            [
                ("", "", vec!["schema.cql"]),
                ("", "nb-1-big", vec!["Data.db", "Digest.crc32", "What.ever"]),
                (".t_idx", "nb-2-big", vec!["Data.db"]),
            ]
        );
        assert_eq!(found[1].crc.as_deref(), Some("123"));
    }
}
