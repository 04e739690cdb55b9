//! A node's files from the store: each chunk proved, in any order, written where it belongs.
//!
//! What is on the disk already is looked at before it is fetched: files that an earlier run left behind, whole or in
//! part, and files of a data directory that are still what they were. They are known by their digests, so that no journal
//! is needed, and none can be wrong.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::{OnceCell, mpsc};

use super::{
    Transfer,
    files::{complete, digest_of_part, is_same, partial, remove, room_for},
};
use crate::{
    error::{Error, OfFile as _, Result},
    format::{
        commit::NodePart,
        digest::{Digest, FileDigest},
        manifest::{Component, Entry, Place, Reader},
    },
    ids::BlobId,
    node_backup::proved,
    repository::{Content, Repository, blocking},
};

/// Packs that are kept for the neighbours of the one that asked. They are small, and beside the budget.
const KEPT_PACKS: usize = 4;
const LARGEST_KEPT_PACK: usize = 5 << 20;
const QUEUE: usize = 64;

/// Which part of a backup is wanted.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Keyspaces (`shop`) or tables (`shop.orders`). Empty: all.
    pub only: Vec<String>,
    /// Tables (`system.local`) that are not wanted, whatever else is said.
    pub except: Vec<String>,
    /// Whether files beside SSTables (`schema.cql`, `manifest.json`) are wanted too.
    pub beside: bool,
}

impl Selection {
    /// Whether an entry is wanted.
    pub fn takes(&self, entry: &Entry) -> bool {
        if entry.sstable.is_empty() && !self.beside {
            return false;
        }
        self.takes_table(&entry.keyspace, &entry.table)
    }

    pub(crate) fn takes_table(&self, keyspace: &str, table: &str) -> bool {
        let is_it = |name: &String| *name == format!("{keyspace}.{table}");
        if self.except.iter().any(is_it) {
            return false;
        }
        let wanted = |only: &String| match only.split_once('.') {
            None => *only == keyspace,
            Some((its_keyspace, its_table)) => its_keyspace == keyspace && its_table == table,
        };
        self.only.is_empty() || self.only.iter().any(wanted)
    }
}

/// Where the files go.
#[derive(Debug, Clone)]
pub struct Target {
    /// Folders that get `<keyspace>/<table>-<id>/…`, one for each data directory. If there were more, they share.
    pub folders: Vec<PathBuf>,
    /// Data directories whose files are linked where they are the same, on the same file system.
    pub local: Vec<PathBuf>,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fetched {
    /// Files that are there now.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that had to be fetched.
    pub fetched_bytes: u64,
    /// Bytes that were linked from a data directory.
    pub linked_bytes: u64,
}

impl Fetched {
    fn plus(self, other: Self) -> Self {
        Self {
            files: self.files + other.files,
            bytes: self.bytes + other.bytes,
            fetched_bytes: self.fetched_bytes + other.fetched_bytes,
            linked_bytes: self.linked_bytes + other.linked_bytes,
        }
    }
}

/// Fetches a node's part. When it returns, everything is whole and on the disk.
pub async fn run(
    repository: &Repository,
    transfer: &Transfer,
    part: &NodePart,
    selection: &Selection,
    target: &Target,
) -> Result<Fetched> {
    if target.folders.is_empty() {
        return Err(Error::Refused {
            detail: "there is no folder to fetch into".to_owned(),
        });
    }
    for folder in &target.folders {
        fs::create_dir_all(folder).of("make", folder)?;
    }
    let manifest: Arc<[u8]> = repository.get_object(&part.manifest).await?.into();
    let (sender, receiver) = mpsc::channel(QUEUE);
    let entries = {
        let (manifest, selection) = (Arc::clone(&manifest), selection.clone());
        let (key, progress) = (part.manifest.key.clone(), Arc::clone(&transfer.progress));
        tokio::task::spawn_blocking(move || -> Result<()> {
            // All of it, before anything of it is believed.
            proved(&key, manifest.as_ref())?;
            for entry in Reader::new(&key, manifest.as_ref())? {
                let entry = entry?;
                if !selection.takes(&entry) {
                    continue;
                }
                let bytes = entry
                    .components
                    .iter()
                    .map(|component| component.bytes)
                    .sum();
                progress.found(entry.components.len() as u64, bytes);
                if sender.blocking_send(entry).is_err() {
                    return Ok(());
                }
            }
            progress.all_is_found();
            Ok(())
        })
    };
    let chunk_bytes = repository.description().chunk_bytes;
    let job = Arc::new(Fetch {
        repository: repository.clone(),
        transfer: transfer.clone(),
        target: target.clone(),
        chunk_bytes,
        packs: Mutex::default(),
    });
    let fetched = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|entry| (entry, receiver))
    })
    .map(|entry| job.entry(entry))
    .buffer_unordered(transfer.window)
    .try_fold(
        Fetched::default(),
        |sum, one| async move { Ok(sum.plus(one)) },
    )
    .await?;
    entries.await.map_err(|_| Error::Internal {
        what: "the reader of the manifest",
    })??;
    let folders = target.folders.clone();
    blocking("writing to the disk", move || {
        folders.iter().try_for_each(|folder| flush(folder))
    })
    .await?;
    Ok(fetched)
}

/// Everything of the file system to the disk: one call instead of one for each file.
fn flush(folder: &Path) -> Result<()> {
    let opened = File::open(folder).of("open", folder)?;
    rustix::fs::syncfs(&opened)
        .map_err(io::Error::from)
        .of("write to the disk", folder)
}

/// A pack that several entries may ask for at once.
type Pack = Arc<OnceCell<Arc<Content>>>;

struct Fetch {
    repository: Repository,
    transfer: Transfer,
    target: Target,
    chunk_bytes: u64,
    packs: Mutex<VecDeque<(BlobId, Pack)>>,
}

impl Fetch {
    async fn entry(self: &Arc<Self>, entry: Entry) -> Result<Fetched> {
        let (first, others) = self.target.folders.split_first().ok_or(Error::Internal {
            what: "the folders to fetch into",
        })?;
        let count = 1 + others.len();
        let number = entry.data_dir as usize % count;
        let root = number
            .checked_sub(1)
            .and_then(|at| others.get(at))
            .unwrap_or(first);
        let folder = root.join(entry.table_folder());
        fs::create_dir_all(&folder).of("make", &folder)?;
        let mut sum = Fetched::default();
        let mut packed: BTreeMap<BlobId, Vec<(Component, PathBuf, u64)>> = BTreeMap::new();
        for component in &entry.components {
            let name = entry.file_name(component);
            let path = folder.join(&name);
            sum.files += 1;
            sum.bytes += component.bytes;
            let below = Path::new(&entry.table_folder()).join(&name);
            if let Some(linked) = self.at_hand(component, &path, below).await? {
                sum.linked_bytes += linked;
                self.transfer.progress.done(1, component.bytes);
                continue;
            }
            sum.fetched_bytes += component.bytes;
            match &component.place {
                Place::Chunks(ids) => self.chunks(component, ids, path).await?,
                Place::Pack(id, offset) => {
                    let of_pack = packed.entry(*id).or_default();
                    of_pack.push((component.clone(), path, *offset));
                    continue;
                }
            }
            self.transfer.progress.done(1, component.bytes);
        }
        for (id, files) in packed {
            self.pack(id, files).await?;
        }
        Ok(sum)
    }

    /// Whether the file is there already. If it was linked from a data directory, how many bytes it has.
    async fn at_hand(
        &self,
        component: &Component,
        path: &Path,
        below: PathBuf,
    ) -> Result<Option<u64>> {
        let (component, path) = (component.clone(), path.to_owned());
        let (local, chunk_bytes) = (self.target.local.clone(), self.chunk_bytes);
        blocking("looking at local files", move || {
            if is_same(&path, &component, chunk_bytes)? {
                return Ok(Some(0));
            }
            remove(&path)?;
            for candidate in local.iter().map(|root| root.join(&below)) {
                if is_same(&candidate, &component, chunk_bytes)?
                    && fs::hard_link(&candidate, &path).is_ok()
                {
                    return Ok(Some(component.bytes));
                }
            }
            Ok(None)
        })
        .await
    }

    async fn chunks(
        self: &Arc<Self>,
        component: &Component,
        ids: &[BlobId],
        path: PathBuf,
    ) -> Result<()> {
        let partial = partial(&path);
        let file = Arc::new(room_for(&partial, component.bytes)?);
        let digests: Vec<Digest> = stream::iter((0..).zip(ids.to_vec()))
            .map(|(number, id)| {
                let (job, file) = (Arc::clone(self), Arc::clone(&file));
                let (partial, bytes) = (partial.clone(), component.bytes);
                async move { job.chunk(&file, &partial, bytes, number, id).await }
            })
            .buffered(self.transfer.window)
            .try_collect()
            .await?;
        let mut digest = FileDigest::new(component.bytes);
        for one in &digests {
            digest.add(one);
        }
        if digest.finish() != component.digest {
            return Err(Error::DamagedFile {
                file: path.display().to_string(),
            });
        }
        complete(&file, &partial, &path, component)
    }

    async fn chunk(
        &self,
        file: &Arc<File>,
        path: &Path,
        file_bytes: u64,
        number: u64,
        id: BlobId,
    ) -> Result<Digest> {
        let offset = number * self.chunk_bytes;
        let bytes = self.chunk_bytes.min(file_bytes.saturating_sub(offset));
        let room = self.transfer.budget.room(bytes).await?;
        let _worker = self.transfer.workers.acquire().await;
        let there = {
            let (file, path, repository) =
                (Arc::clone(file), path.to_owned(), self.repository.clone());
            blocking("looking at a chunk", move || {
                let digest = digest_of_part(&file, offset, bytes).of("read", &path)?;
                Ok(digest.filter(|digest| repository.is_named(digest, &id)))
            })
            .await?
        };
        if let Some(digest) = there {
            return Ok(digest);
        }
        self.transfer.rate.wait(bytes).await;
        let content = self
            .repository
            .get_blob(&id, &path.display().to_string())
            .await?;
        if content.bytes().len() as u64 != bytes {
            return Err(Error::DamagedFile {
                file: path.display().to_string(),
            });
        }
        self.transfer.progress.moved(bytes);
        let (file, path) = (Arc::clone(file), path.to_owned());
        blocking("writing a chunk", move || {
            file.write_all_at(content.bytes(), offset)
                .of("write", &path)?;
            drop(room);
            Ok(content.digest)
        })
        .await
    }

    async fn pack(&self, id: BlobId, files: Vec<(Component, PathBuf, u64)>) -> Result<()> {
        let needed_by = files.first().map(|(_, path, _)| path.display().to_string());
        let needed_by = needed_by.unwrap_or_default();
        let extent = files
            .iter()
            .map(|(component, _, offset)| offset + component.bytes)
            .max();
        let pack = self.whole_pack(id, extent.unwrap_or(0), &needed_by).await?;
        let progress = Arc::clone(&self.transfer.progress);
        blocking("writing files of a pack", move || {
            for (component, path, offset) in files {
                let part = usize::try_from(offset)
                    .ok()
                    .zip(usize::try_from(component.bytes).ok());
                let part =
                    part.and_then(|(at, bytes)| pack.bytes().get(at..at.checked_add(bytes)?));
                let whole = part.filter(|part| FileDigest::of_small(part) == component.digest);
                let Some(bytes) = whole else {
                    return Err(Error::DamagedFile {
                        file: path.display().to_string(),
                    });
                };
                let partial = partial(&path);
                fs::write(&partial, bytes).of("write", &partial)?;
                let file = OpenOptions::new()
                    .write(true)
                    .open(&partial)
                    .of("open", &partial)?;
                complete(&file, &partial, &path, &component)?;
                progress.done(1, component.bytes);
            }
            Ok(())
        })
        .await
    }

    async fn whole_pack(&self, id: BlobId, extent: u64, needed_by: &str) -> Result<Arc<Content>> {
        let cell = {
            let mut packs = self.packs.lock().unwrap_or_else(PoisonError::into_inner);
            let known = packs
                .iter()
                .find(|(known, _)| *known == id)
                .map(|(_, cell)| Arc::clone(cell));
            known.unwrap_or_else(|| {
                let cell = Pack::default();
                packs.push_back((id, Arc::clone(&cell)));
                if packs.len() > KEPT_PACKS {
                    packs.pop_front();
                }
                cell
            })
        };
        let fetch = || async {
            let room = self
                .transfer
                .budget
                .room(extent.max(LARGEST_KEPT_PACK as u64))
                .await?;
            let _worker = self.transfer.workers.acquire().await;
            self.transfer.rate.wait(extent).await;
            let content = self.repository.get_blob(&id, needed_by).await?;
            drop(room);
            self.transfer.progress.moved(content.bytes().len() as u64);
            Ok::<_, Error>(Arc::new(content))
        };
        let content = Arc::clone(cell.get_or_try_init(fetch).await?);
        if content.bytes().len() > LARGEST_KEPT_PACK {
            let mut packs = self.packs.lock().unwrap_or_else(PoisonError::into_inner);
            packs.retain(|(known, _)| *known != id);
        }
        Ok(content)
    }
}
