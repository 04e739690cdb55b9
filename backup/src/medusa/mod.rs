//! Backups that Medusa (0.1x to 0.31) has taken, as a source: list and restore. Nothing is written there.
//!
//! What Medusa knows of a file is its length and what the store said of it, which is its MD5 only for files that were
//! uploaded in one piece. So a file is proved where that is so, and counted as unproved where it is not.

mod download;
mod layout;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

pub use download::{Restored, restore};

use crate::{error::Result, store::Store};

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MedusaBackup {
    /// Its name.
    pub name: String,
    /// The nodes that have finished, by the name that Medusa knew them by, and when.
    pub finished: BTreeMap<String, Timestamp>,
    /// The nodes that began and have not finished.
    pub unfinished: BTreeSet<String>,
}

impl MedusaBackup {
    /// When the last node finished.
    pub fn at(&self) -> Option<Timestamp> {
        self.finished.values().max().copied()
    }
}

/// All backups, oldest first. Reads no manifest: one list, whatever their number.
pub async fn list(store: &Store) -> Result<Vec<MedusaBackup>> {
    let mut found: BTreeMap<String, MedusaBackup> = BTreeMap::new();
    for object in store.list(layout::INDEX).await? {
        let Some((name, mark)) = layout::parse_index(&object.key) else {
            continue;
        };
        let backup = found
            .entry(name.to_owned())
            .or_insert_with(|| MedusaBackup {
                name: name.to_owned(),
                finished: BTreeMap::new(),
                unfinished: BTreeSet::new(),
            });
        match mark {
            layout::Mark::Manifest(node) => {
                backup.finished.insert(node.to_owned(), object.written);
            }
            layout::Mark::Schema(node) => {
                backup.unfinished.insert(node.to_owned());
            }
        }
    }
    let mut backups: Vec<MedusaBackup> = found.into_values().collect();
    for backup in &mut backups {
        backup
            .unfinished
            .retain(|node| !backup.finished.contains_key(node));
    }
    backups.sort_by(|a, b| (a.at(), &a.name).cmp(&(b.at(), &b.name)));
    Ok(backups)
}
