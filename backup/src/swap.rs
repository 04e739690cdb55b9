//! Puts restored tables in the place of those that are there, and back: by renames, so that it takes no space, and may be
//! stopped anywhere.
//!
//! A table is in one of three states: the old one is in place and the new one staged; nothing is in place; the new one is
//! in place and the old one put aside. What is to be swapped is written down before the first move, so that a run that goes
//! on moves what the first one meant, and not what it finds.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::error::{Error, OfFile as _, Result};

/// What a node keeps of its own when its data comes back in its own place: who it and its peers are.
pub const IN_PLACE_KEEPS: &[&str] = &[
    "system.local",
    "system.peers",
    "system.peers_v2",
    "system.peer_events",
    "system.peer_events_v2",
];

/// A data directory, and a folder on the same file system. Cassandra does not run.
#[derive(Debug, Clone)]
pub struct Swap {
    data_dir: PathBuf,
    staged: PathBuf,
    aside: PathBuf,
    list: PathBuf,
}

/// What is swapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tables {
    /// Folders of tables that come, as `<keyspace>/<table>-<id>`.
    come: BTreeSet<String>,
    /// Folders of tables that go.
    go: BTreeSet<String>,
}

/// Which tables go that have no counterpart in the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others<'a> {
    /// None: a part of the backup is restored.
    Stay,
    /// All but those of these tables, as `keyspace.table`: the node becomes what it was.
    GoExcept(&'a [&'a str]),
}

impl Swap {
    /// Of a data directory, with what was restored for it in `<work>/staged`. What is replaced goes to `<work>/aside`.
    pub fn new(data_dir: &Path, work: &Path) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            staged: work.join("staged"),
            aside: work.join("aside"),
            list: work.join("tables.json"),
        }
    }

    /// Swaps. What was begun is finished, whatever is asked for now.
    pub fn run(&self, others: Others<'_>) -> Result<()> {
        let tables = match self.written()? {
            Some(tables) => tables,
            None => self.write(others)?,
        };
        let (live, staged, aside) = (&self.data_dir, &self.staged, &self.aside);
        for table in tables.go.union(&tables.come) {
            let is_old = !tables.come.contains(table) || staged.join(table).exists();
            if is_old && live.join(table).exists() {
                step(live, aside, table)?;
            }
        }
        for table in &tables.come {
            if staged.join(table).exists() {
                step(staged, live, table)?;
            }
        }
        Ok(())
    }

    /// Puts everything back as it was before [`Self::run`], however far that came.
    pub fn undo(&self) -> Result<()> {
        let Some(tables) = self.written()? else {
            return Ok(());
        };
        let (live, staged, aside) = (&self.data_dir, &self.staged, &self.aside);
        for table in &tables.come {
            if live.join(table).exists() && !staged.join(table).exists() {
                step(live, staged, table)?;
            }
        }
        for table in tables.go.union(&tables.come) {
            if aside.join(table).exists() {
                step(aside, live, table)?;
            }
        }
        fs::remove_file(&self.list).of("remove", &self.list)
    }

    /// Removes what was put aside: from here on there is no way back.
    pub fn discard(&self) -> Result<()> {
        for folder in [&self.aside, &self.staged] {
            match fs::remove_dir_all(folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other.of("remove", folder)?,
            }
        }
        match fs::remove_file(&self.list) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.of("remove", &self.list),
        }
    }

    fn written(&self) -> Result<Option<Tables>> {
        match fs::read(&self.list) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => {
                let bytes = other.of("read", &self.list)?;
                let key = self.list.display().to_string();
                serde_json::from_slice(&bytes)
                    .map(Some)
                    .map_err(|error| Error::damaged(&key, error.to_string()))
            }
        }
    }

    fn write(&self, others: Others<'_>) -> Result<Tables> {
        let come = tables_of(&self.staged)?;
        if come.is_empty() {
            return Err(Error::EmptySnapshot);
        }
        let go = match others {
            Others::Stay => BTreeSet::new(),
            Others::GoExcept(kept) => {
                let mut live = tables_of(&self.data_dir)?;
                live.retain(|table| !come.contains(table) && !is_of(table, kept));
                live
            }
        };
        let tables = Tables { come, go };
        let json = serde_json::to_vec(&tables).map_err(|_| Error::Internal {
            what: "the list of tables could not be written as JSON",
        })?;
        let new = self.list.with_extension("new");
        fs::write(&new, json).of("write", &new)?;
        File::open(&new)
            .and_then(|file| file.sync_all())
            .of("write", &new)?;
        fs::rename(&new, &self.list).of("write", &self.list)?;
        flush(&self.list)?;
        Ok(tables)
    }
}

/// Moves a table's folder from one place to another, where it must not be yet.
fn step(from: &Path, to: &Path, table: &str) -> Result<()> {
    let (from, to) = (from.join(table), to.join(table));
    if to.exists() {
        return Err(Error::Occupied { path: to });
    }
    if let Some(keyspace) = to.parent() {
        fs::create_dir_all(keyspace).of("make", keyspace)?;
    }
    fs::rename(&from, &to).of("move", &from)?;
    flush(&from)?;
    flush(&to)
}

/// Makes a rename last.
fn flush(path: &Path) -> Result<()> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .of("write to the disk", folder)
}

/// Folders of tables below a folder of keyspaces. What has no id is no table.
fn tables_of(root: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for (keyspace, path) in folders(root)? {
        for (table, _) in folders(&path)? {
            if table.contains('-') {
                found.insert(format!("{keyspace}/{table}"));
            }
        }
    }
    Ok(found)
}

fn folders(path: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let items = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        other => other.of("list", path)?,
    };
    for item in items {
        let item = item.of("list", path)?;
        if item.file_type().of("look at", &item.path())?.is_dir() {
            found.push((item.file_name().to_string_lossy().into_owned(), item.path()));
        }
    }
    Ok(found)
}

/// Whether a folder is that of one of these tables: of exactly this name in exactly this keyspace.
fn is_of(folder: &str, tables: &[&str]) -> bool {
    let name = folder.split_once('/').and_then(|(keyspace, table)| {
        let (table, _) = table.rsplit_once('-')?;
        Some(format!("{keyspace}.{table}"))
    });
    name.is_some_and(|name| tables.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Node {
        disk: tempfile::TempDir,
    }

    impl Node {
        fn new() -> Self {
            let node = Self {
                disk: tempfile::tempdir().unwrap(),
            };
            for table in [
                "shop/a-1",
                "shop/b-2",
                "system/local-3",
                "system/peers-4",
                "shop/peers_of_user-5",
            ] {
                node.put(&format!("data/{table}"), "old");
            }
            for table in ["shop/a-1", "shop/new-6"] {
                node.put(&format!("work/staged/{table}"), "new");
            }
            node
        }

        fn put(&self, folder: &str, content: &str) {
            let folder = self.disk.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("f"), content).unwrap();
        }

        fn swap(&self) -> Swap {
            Swap::new(
                &self.disk.path().join("data"),
                &self.disk.path().join("work"),
            )
        }

        /// What is in place.
        fn live(&self) -> Vec<(String, String)> {
            let data = self.disk.path().join("data");
            tables_of(&data)
                .unwrap()
                .into_iter()
                .map(|table| {
                    let content = fs::read_to_string(data.join(&table).join("f")).unwrap();
                    (table, content)
                })
                .collect()
        }

        /// Lets the move of this number fail, by putting something in its way.
        fn block(&self, at: &str) -> PathBuf {
            let path = self.disk.path().join(at);
            fs::create_dir_all(&path).unwrap();
            path
        }
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(table, content)| ((*table).to_owned(), (*content).to_owned()))
            .collect()
    }

    const ALL: Others<'_> = Others::GoExcept(IN_PLACE_KEEPS);

    fn swapped() -> Vec<(String, String)> {
        pairs(&[
            ("shop/a-1", "new"),
            ("shop/new-6", "new"),
            ("system/local-3", "old"),
            ("system/peers-4", "old"),
        ])
    }

    #[test]
    fn a_whole_restore_leaves_the_backups_tables_and_what_the_node_keeps() {
        let node = Node::new();
        node.swap().run(ALL).unwrap();
        assert_eq!(node.live(), swapped());
    }

    #[test]
    fn a_restore_of_some_tables_leaves_the_others_alone() {
        let node = Node::new();
        let others = node.live().len() - 1;
        node.swap().run(Others::Stay).unwrap();
        let live = node.live();
        assert_eq!(
            live.iter().filter(|(_, content)| content == "old").count(),
            others
        );
        assert_eq!(
            live.iter().filter(|(_, content)| content == "new").count(),
            2
        );
    }

    #[test]
    fn what_is_stopped_at_any_move_goes_on_and_can_be_undone() {
        let blocks = [
            "work/aside/shop/a-1",
            "work/aside/shop/b-2",
            "work/aside/shop/peers_of_user-5",
        ];
        for at in blocks {
            for undo in [false, true] {
                let node = Node::new();
                let before = node.live();
                // It has written down what it means to do before anything is in its way.
                node.swap().write(ALL).unwrap();
                let way = node.block(at);
                assert_eq!(
                    node.swap().run(ALL).unwrap_err().reason(),
                    "TargetOccupied",
                    "{at}"
                );
                fs::remove_dir(way).unwrap();
                if undo {
                    node.swap().undo().unwrap();
                    assert_eq!(node.live(), before, "{at}");
                    node.swap().undo().unwrap();
                }
                node.swap().run(ALL).unwrap();
                assert_eq!(node.live(), swapped(), "{at}");
            }
        }
    }

    #[test]
    fn what_is_stopped_between_going_and_coming_goes_on_and_can_be_undone() {
        for stopped in [&["shop/new-6"][..], &["shop/a-1", "shop/new-6"][..]] {
            for undo in [false, true] {
                let node = Node::new();
                let before = node.live();
                node.swap().run(ALL).unwrap();
                for table in stopped {
                    let root = node.disk.path();
                    let staged = root.join("work/staged").join(table);
                    fs::rename(root.join("data").join(table), staged).unwrap();
                }
                if undo {
                    node.swap().undo().unwrap();
                    assert_eq!(node.live(), before);
                }
                node.swap().run(ALL).unwrap();
                assert_eq!(node.live(), swapped());
            }
        }
    }

    #[test]
    fn what_is_done_is_undone_until_it_is_discarded() {
        let node = Node::new();
        let before = node.live();
        node.swap().run(ALL).unwrap();
        node.swap().run(ALL).unwrap();
        node.swap().undo().unwrap();
        assert_eq!(node.live(), before);
        node.swap().run(ALL).unwrap();
        node.swap().discard().unwrap();
        node.swap().undo().unwrap();
        assert_eq!(node.live(), swapped());
    }

    #[test]
    fn nothing_staged_is_an_error_and_no_empty_node() {
        let node = Node::new();
        fs::remove_dir_all(node.disk.path().join("work/staged")).unwrap();
        let before = node.live();
        assert_eq!(node.swap().run(ALL).unwrap_err().reason(), "SnapshotEmpty");
        assert_eq!(node.live(), before);
    }
}
