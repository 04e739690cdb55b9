//! A node's files from a backup of Medusa's.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use md5::{Digest as _, Md5};
use serde::Serialize;

use super::layout::{self, Object, Section};
use crate::{
    error::{Error, OfFile as _, Result},
    repository::blocking,
    store::Store,
    transfer::{Transfer, download::Selection},
};

/// How much of a file is asked for at once.
const PIECE: u64 = 16 << 20;

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// Files that are there now.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files of which only the length could be proved.
    pub unproved: u64,
}

/// Fetches a node's files as `<keyspace>/<table>-<id>/…`. What is there already is kept if it is right. A backup or a
/// node that is not there is an error.
pub async fn restore(
    store: &Store,
    transfer: &Transfer,
    backup: &str,
    node: &str,
    selection: &Selection,
    into: &Path,
) -> Result<Restored> {
    let key = layout::manifest(node, backup);
    let manifest = store.get(&key).await.map_err(|error| {
        if error.is_not_found() {
            return Error::Refused {
                detail: format!("backup {backup} has nothing of node {node} that is finished"),
            };
        }
        error
    })?;
    let sections: Vec<Section> = serde_json::from_slice(&manifest)
        .map_err(|error| Error::damaged(&key, format!("it is no manifest of Medusa's: {error}")))?;
    let mut files = Vec::new();
    for section in &sections {
        if !selection.takes_table(&section.keyspace, section.table()) {
            continue;
        }
        for object in &section.objects {
            let (key, path) = object.places(node, backup, section)?;
            files.push((key, into.join(path), object));
        }
    }
    if files.is_empty() {
        return Err(Error::Refused {
            detail: format!("backup {backup} of node {node} has no such file"),
        });
    }
    let bytes = files.iter().map(|(_, _, object)| object.size).sum();
    transfer.progress.found(files.len() as u64, bytes);
    transfer.progress.all_is_found();
    let restored = Restored {
        files: files.len() as u64,
        bytes,
        unproved: files
            .iter()
            .filter(|(_, _, object)| object.md5().is_none())
            .count() as u64,
    };
    stream::iter(files)
        .map(|(key, path, object)| file(store, transfer, key, path, object))
        .buffer_unordered(transfer.window)
        .try_collect::<()>()
        .await?;
    Ok(restored)
}

async fn file(
    store: &Store,
    transfer: &Transfer,
    key: String,
    path: PathBuf,
    object: &Object,
) -> Result<()> {
    let (size, md5) = (object.size, object.md5());
    let there = path.clone();
    if blocking("looking at a file", move || is_right(&there, size, md5)).await? {
        transfer.progress.done(1, size);
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).of("make", folder)?;
    }
    let mut partial = path.clone().into_os_string();
    partial.push(".part");
    let partial = PathBuf::from(partial);
    let mut hasher = Md5::new();
    let mut file = File::create(&partial).of("write", &partial)?;
    let mut at = 0;
    while at < size {
        let end = size.min(at + PIECE);
        let room = transfer.budget.room(end - at).await?;
        let _worker = transfer.workers.acquire().await;
        transfer.rate.wait(end - at).await;
        let piece = store.get_range(&key, at..end).await?;
        let name = partial.clone();
        (file, hasher) = blocking("writing a file", move || {
            file.write_all(&piece).of("write", &name)?;
            hasher.update(&piece);
            drop(room);
            Ok((file, hasher))
        })
        .await?;
        transfer.progress.moved(end - at);
        at = end;
    }
    // A stored object that is longer than the manifest says is another file.
    let stored = store.head(&key).await?;
    let same_length = stored.is_some_and(|stored| stored.bytes == size);
    if !same_length || md5.is_some_and(|md5| md5 != hasher.finalize().as_slice()) {
        return Err(Error::DamagedFile { file: key });
    }
    file.sync_all().of("write", &partial)?;
    fs::rename(&partial, &path).of("complete", &path)?;
    transfer.progress.done(1, size);
    Ok(())
}

fn is_right(path: &Path, size: u64, md5: Option<[u8; 16]>) -> Result<bool> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other.of("open", path)?,
    };
    if file.metadata().of("look at", path)?.len() != size {
        return Ok(false);
    }
    let Some(md5) = md5 else {
        return Ok(true);
    };
    let mut hasher = Md5::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        let length = file.read(&mut buffer).of("read", path)?;
        match buffer.get(..length) {
            Some([]) | None => return Ok(md5 == hasher.finalize().as_slice()),
            Some(part) => hasher.update(part),
        }
    }
}
