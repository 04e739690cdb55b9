//! One node's part of a backup: intent, plan, blobs, references, manifest, in this order.
//!
//! Whoever stops in between goes on: with the same journal at the blob where it was, without it from the beginning of
//! the same attempt, where the store answers "already there".

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::{
    catalogue,
    commit::{end, part_of},
    error::{Error, OfFile as _, Result},
    format::{
        commit::{NodePart, ObjectRef},
        document::FORMAT,
        intent::Intent,
        manifest::{Component, Entry, Head, Node, Reader, Totals, Writer},
        refs,
    },
    ids::{Attempt, BlobId},
    keys,
    plan::{
        compare::Base,
        scan::{self, TableFolder},
        units::{Planner, Unit},
    },
    repository::{Repository, blocking},
    transfer::{
        Transfer,
        journal::{self, Journal},
        progress::Progress,
        upload::Uploader,
    },
};

/// Units that wait to be uploaded.
const QUEUE: usize = 16;

/// What is to be backed up.
#[derive(Debug, Clone)]
pub struct Request {
    /// Whose, and which.
    pub attempt: Attempt,
    /// What is known of the node.
    pub node: Node,
    /// The folders of the snapshot ([`scan::snapshot`]), sorted.
    pub folders: Vec<TableFolder>,
    /// Where journal and manifests are kept, on the node's volume.
    pub state: PathBuf,
    /// The part of an earlier backup whose blobs are used again.
    pub base: Option<NodePart>,
    /// How long the attempt may take until its backup is committed.
    pub seconds: u64,
}

/// Backs up a node. Nothing of it counts until the backup is committed.
pub async fn run(
    repository: &Repository,
    transfer: &Transfer,
    request: Request,
) -> Result<NodePart> {
    let files = Files::of(&request.state, &request.attempt);
    fs::create_dir_all(&request.state).of("make", &request.state)?;
    let (journal, header) = Journal::open(&files.journal, header(repository, &request))?;
    // What the first run knew of the node is what counts: the snapshot is that run's.
    let request = Request {
        node: header.node,
        ..request
    };
    let intent = header.intent;
    let intent_key = keys::intent(&request.attempt);
    repository.put_document(&intent_key, &intent).await?;
    let begun = repository
        .store()
        .head(&intent_key)
        .await?
        .ok_or_else(|| Error::Expired {
            attempt: request.attempt.clone(),
        })?;
    let until = end(begun.written, &intent);
    if journal.is_resumed()
        && let Some(part) = finished_before(repository, &request.attempt, begun.written).await?
    {
        return Ok(part);
    }
    let base = usable_base(repository, &request, &intent).await?;
    let uploader = Uploader::new(repository.clone(), transfer.clone(), journal, begun.written);
    let head = Head {
        format: FORMAT,
        repository: repository.description().uid.clone(),
        attempt: request.attempt.clone(),
        node: request.node.clone(),
        base: base.as_ref().and(intent.base),
        chunk_bytes: repository.description().chunk_bytes,
    };
    let (totals, ids) = upload(&uploader, transfer, &request, base, &head, &files.manifest).await?;
    let refs = put_refs(repository, &request.attempt, ids).await?;
    let manifest = fs::read(&files.manifest).of("read", &files.manifest)?;
    match repository
        .put_object(&keys::manifest(&request.attempt), manifest)
        .await
    {
        Ok(manifest) => Ok(part(&request, until, manifest, refs, totals)),
        // An earlier run had finished, and its journal was lost. It was of the same snapshot.
        Err(error @ Error::AlreadyWritten { .. }) => {
            match finished_before(repository, &request.attempt, begun.written).await {
                Ok(Some(part)) => Ok(part),
                // The key was lost with the journal: the next attempt makes another.
                Ok(None) | Err(Error::NoKey { .. }) => Err(error),
                Err(other) => Err(other),
            }
        }
        Err(error) => Err(error),
    }
}

struct Files {
    journal: PathBuf,
    manifest: PathBuf,
}

impl Files {
    fn of(state: &Path, attempt: &Attempt) -> Self {
        let name = format!("{}.{}", attempt.backup, attempt.number);
        Self {
            journal: state.join(format!("{name}.journal")),
            manifest: state.join(format!("{name}.manifest")),
        }
    }
}

/// Removes what the state folder holds of all attempts but those of `keep`, the next base: after a commit, or when an
/// attempt is given up.
pub fn tidy(state: &Path, keep: Option<&Attempt>) -> Result<()> {
    let kept = keep.map(|attempt| Files::of(state, attempt).manifest);
    for item in fs::read_dir(state).of("list", state)? {
        let path = item.of("list", state)?.path();
        let ours = path.extension().is_some_and(|extension| {
            ["journal", "manifest", "new"]
                .iter()
                .any(|known| extension == *known)
        });
        if ours && Some(&path) != kept.as_ref() {
            fs::remove_file(&path).of("remove", &path)?;
        }
    }
    Ok(())
}

fn header(repository: &Repository, request: &Request) -> journal::Header {
    journal::Header {
        intent: Intent {
            format: FORMAT,
            attempt: request.attempt.clone(),
            member: request.node.member.clone(),
            base: request.base.as_ref().map(|base| base.attempt.clone()),
            seconds: request.seconds,
        },
        node: request.node.clone(),
        repository: repository.description().uid.clone(),
        chunk_bytes: repository.description().chunk_bytes,
        key_id: repository.writing_key().map(|key| key.id().to_owned()),
    }
}

/// What an earlier run of this attempt had finished, if only its answer was lost.
async fn finished_before(
    repository: &Repository,
    attempt: &Attempt,
    begun: Timestamp,
) -> Result<Option<NodePart>> {
    if repository
        .store()
        .head(&keys::manifest(attempt))
        .await?
        .is_none()
    {
        return Ok(None);
    }
    part_of(repository, attempt.clone(), begun).await.map(Some)
}

fn part(
    request: &Request,
    until: Timestamp,
    manifest: ObjectRef,
    refs: ObjectRef,
    totals: Totals,
) -> NodePart {
    let node = &request.node;
    NodePart {
        attempt: request.attempt.clone(),
        member: node.member.clone(),
        datacenter: node.datacenter.clone(),
        rack: node.rack.clone(),
        cassandra: node.cassandra.clone(),
        partitioner: node.partitioner.clone(),
        tokens: node.tokens.clone(),
        snapshot_at: node.snapshot_at,
        until,
        manifest,
        refs,
        totals,
    }
}

/// Reads a manifest to its end, which proves it.
pub(crate) fn proved(key: &str, source: impl io::Read) -> Result<Totals> {
    let mut reader = Reader::new(key, source)?;
    for entry in reader.by_ref() {
        entry?;
    }
    reader
        .totals()
        .ok_or_else(|| Error::damaged(key, "it has no last line"))
}

/// The base's manifest as a file on the volume, if its blobs may be used: its backup exists now that the intent, which
/// names it, is durable. From here on no collection takes what it uses.
async fn usable_base(
    repository: &Repository,
    request: &Request,
    intent: &Intent,
) -> Result<Option<PathBuf>> {
    let Some(part) = request
        .base
        .as_ref()
        .filter(|part| Some(&part.attempt) == intent.base.as_ref())
    else {
        return Ok(None);
    };
    if !catalogue::is_base(repository, part).await? {
        return Ok(None);
    }
    let path = Files::of(&request.state, &part.attempt).manifest;
    if is_kept(&path, part).await? {
        return Ok(Some(path));
    }
    let content = match repository.get_object(&part.manifest).await {
        Ok(content) => content,
        // Without the key, or with a damaged base, everything is uploaded once more: a slow backup, and a good one.
        Err(error @ (Error::NoKey { .. } | Error::DamagedObject { .. })) => {
            tracing::warn!(
                error = error.in_full(),
                "the base can't be read: everything is new"
            );
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    fs::write(&path, content).of("write", &path)?;
    Ok(is_kept(&path, part).await?.then_some(path))
}

/// Whether the file is that manifest, whole.
async fn is_kept(path: &Path, part: &NodePart) -> Result<bool> {
    let (path, part) = (path.to_owned(), part.clone());
    blocking("reading a base", move || {
        let Ok(file) = File::open(&path) else {
            return Ok(false);
        };
        let file = BufReader::new(file);
        let Ok(mut reader) = Reader::new(&part.manifest.key, file) else {
            return Ok(false);
        };
        let same = reader.head().attempt == part.attempt;
        let whole = reader.by_ref().all(|entry| entry.is_ok());
        Ok(same && whole && reader.totals() == Some(part.totals))
    })
    .await
}

async fn upload(
    uploader: &Uploader,
    transfer: &Transfer,
    request: &Request,
    base: Option<PathBuf>,
    head: &Head,
    manifest: &Path,
) -> Result<(Totals, Vec<BlobId>)> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let planner = {
        let folders = request.folders.clone();
        let (progress, chunk_bytes) = (Arc::clone(&transfer.progress), head.chunk_bytes);
        tokio::task::spawn_blocking(move || {
            plan(&folders, base.as_deref(), chunk_bytes, &progress, &sender)
        })
    };
    let units = futures::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|unit| (unit, receiver))
    });
    let file = File::create(manifest).of("write", manifest)?;
    let mut writer = Writer::new(BufWriter::new(file), head).of("write", manifest)?;
    let mut ids = Vec::new();
    let (mut new_bytes, mut new_blobs) = (0, 0);
    let mut done = units
        .map(|unit| uploader.upload(unit))
        .buffered(transfer.window)
        .boxed();
    while let Some(done) = done.try_next().await? {
        new_bytes += done.new_bytes;
        new_blobs += done.new_blobs;
        for entry in done.entries {
            ids.extend(entry.components.iter().flat_map(Component::blobs));
            compact(&mut ids);
            writer.add(entry).of("write", manifest)?;
        }
    }
    drop(done);
    planner.await.map_err(|_| Error::Internal {
        what: "the planner",
    })??;
    let (mut file, totals) = writer.finish(new_bytes, new_blobs).of("write", manifest)?;
    file.flush().of("write", manifest)?;
    if totals.files == 0 {
        return Err(Error::EmptySnapshot);
    }
    Ok((totals, ids))
}

/// Most components name the blob of their neighbour.
fn compact(ids: &mut Vec<BlobId>) {
    let from = ids.len().saturating_sub(64);
    let mut tail = ids.split_off(from);
    tail.sort_unstable();
    tail.dedup();
    ids.append(&mut tail);
}

/// Walks disk and base side by side, on a thread of its own.
fn plan(
    folders: &[TableFolder],
    base: Option<&Path>,
    chunk_bytes: u64,
    progress: &Progress,
    sender: &mpsc::Sender<Unit>,
) -> Result<()> {
    let entries: Box<dyn Iterator<Item = Result<Entry>>> = match base {
        None => Box::new(std::iter::empty()),
        Some(path) => {
            let file = BufReader::new(File::open(path).of("open", path)?);
            let reader = Reader::new("the base's manifest", file)?;
            if reader.head().chunk_bytes == chunk_bytes {
                Box::new(reader)
            } else {
                Box::new(std::iter::empty())
            }
        }
    };
    let mut base = Base::new(entries);
    let mut planner = Planner::new(chunk_bytes);
    let same_table = |a: &TableFolder, b: &TableFolder| {
        (&a.keyspace, &a.table_id, &a.table) == (&b.keyspace, &b.table_id, &b.table)
    };
    for folders in folders.chunk_by(same_table) {
        for found in scan::table(folders)? {
            progress.found(
                found.files.len() as u64,
                found.files.iter().map(|file| file.bytes).sum(),
            );
            let entry = base.entry_for(&found)?;
            if let Some(unit) = planner.add(&found, entry.as_ref())
                && sender.blocking_send(unit).is_err()
            {
                // Nobody uploads any more; why, that one says.
                return Ok(());
            }
        }
    }
    progress.all_is_found();
    if let Some(unit) = planner.take() {
        let _ = sender.blocking_send(unit);
    }
    Ok(())
}

pub(crate) async fn put_refs(
    repository: &Repository,
    attempt: &Attempt,
    ids: Vec<BlobId>,
) -> Result<ObjectRef> {
    let key = keys::refs(attempt);
    let mut ids = ids;
    let bytes = refs::write(&mut ids);
    let reference = ObjectRef::of(key.clone(), &bytes);
    repository.store().put_once(&key, bytes.into()).await?;
    Ok(reference)
}
