//! Collects what no backup names any more, while backups run.
//!
//! What is safe is decided by three rules, and all else follows:
//! - A blob is kept if a backup names it that exists, or the base of an attempt that is not over.
//! - A blob that nothing names is kept while it is young: written less than the safety time before this collection began,
//!   or before the earliest attempt began that is not over.
//! - A name is never used again. A blob's name has the epoch, half a safety time long, in which the attempt began that
//!   wrote it. Who writes a blob, or finds it there, has begun in its epoch; so it is young for every collection while that
//!   attempt goes on. And a deletion that comes late, from a list that is old or a request that was made again, meets
//!   nothing that is new.
//!
//! An attempt uses blobs of older epochs only of the base that its intent names, and looks whether that base exists after
//! the intent is durable; a collection looks at tombstones first and at intents after. So one of the two sees the other.
//! All times are those of the store's clock. Several collections at once do no harm.

mod mark;
mod roots;
mod sweep;

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use mark::{Live, Spool};
pub use roots::{AttemptFolder, Roots};

use crate::{
    catalogue::{self, State},
    error::{Error, Result},
    format::{commit::ObjectRef, document::FORMAT, intent::Intent},
    ids::BackupId,
    keys,
    repository::Repository,
};

/// The epoch of an attempt that began at this time.
pub(crate) fn epoch(begun: Timestamp, safety_seconds: u64) -> u32 {
    let length = i64::try_from(safety_seconds / 2).unwrap_or(i64::MAX).max(1);
    u32::try_from(begun.as_second() / length).unwrap_or(u32::MAX)
}

/// How a collection is to go.
#[derive(Debug, Clone)]
pub struct Options {
    /// The collection's own name: a ULID of now.
    pub id: BackupId,
    /// A folder for what does not have to be in memory. Without one it is in memory.
    pub scratch: Option<PathBuf>,
    /// Only say what would be deleted.
    pub dry_run: bool,
}

/// What a collection did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Of this object.
    pub format: u32,
    /// Blobs that are named by something.
    pub live: u64,
    /// Blobs that nothing names, and that are young.
    pub young: u64,
    /// Blobs that were deleted, or would have been.
    pub deleted: u64,
    /// Their bytes.
    pub deleted_bytes: u64,
    /// Bytes of all blobs that are kept.
    pub kept_bytes: u64,
    /// Blobs that backups name and that are not there. They are not the collection's doing, but have to be told.
    pub missing: u64,
    /// Attempts whose objects were deleted.
    pub attempts: u64,
    /// Backups whose objects were deleted.
    pub backups: u64,
}

/// Collects.
pub async fn run(repository: &Repository, options: &Options) -> Result<Report> {
    let began = begin(repository, &options.id).await?;
    let roots = find_roots(repository, began).await?;
    let live = mark::collect(repository, &roots.refs, options.scratch.clone()).await?;
    let mut report = sweep::run(repository, live, roots.cutoff, options.dry_run).await?;
    report.format = FORMAT;
    report.attempts = roots.over.len() as u64;
    report.backups = roots.gone.len() as u64;
    if !options.dry_run {
        remove_attempts(repository, &roots).await?;
        remove_backups(repository, &roots).await?;
    }
    end(repository, options, &report).await?;
    Ok(report)
}

#[derive(Serialize, Deserialize)]
struct Mark {
    format: u32,
}

/// Leaves a mark, whose time of writing is when the collection began.
async fn begin(repository: &Repository, id: &BackupId) -> Result<Timestamp> {
    let key = keys::collection(id);
    repository
        .put_document(&key, &Mark { format: FORMAT })
        .await?;
    let mark = repository.store().head(&key).await?;
    mark.map(|mark| mark.written)
        .ok_or_else(|| Error::damaged(&key, "it is not kept"))
}

/// Reads what decides. First the backups, then the attempts: the order is part of the safety.
async fn find_roots(repository: &Repository, began: Timestamp) -> Result<Roots> {
    let states = catalogue::states(repository).await?;
    let mut attempts = roots::folders(repository.store().list(keys::NODES).await?);
    for folder in &mut attempts {
        if folder.intent_written.is_some() {
            let key = keys::intent(&folder.attempt);
            folder.intent = match repository.get_document::<Intent>(&key).await {
                Ok(intent) => Some(intent),
                // Another collection was faster: it was over.
                Err(error) if error.is_not_found() => None,
                Err(error) => return Err(error),
            };
        }
    }
    let mut commits = Vec::new();
    for (id, state) in &states {
        if *state == State::Committed {
            commits.push(catalogue::read(repository, id).await?);
        }
    }
    Ok(roots::decide(
        &states,
        &commits,
        attempts,
        began,
        repository.description().safety_seconds,
    ))
}

async fn remove_attempts(repository: &Repository, roots: &Roots) -> Result<()> {
    for attempt in &roots.over {
        let intent = keys::intent(attempt);
        let objects = repository.store().list(&keys::attempt(attempt)).await?;
        let (last, first): (Vec<_>, Vec<_>) = objects
            .into_iter()
            .map(|object| object.key)
            .partition(|key| *key == intent);
        repository.store().delete(first).await?;
        repository.store().delete(last).await?;
    }
    Ok(())
}

/// The tombstone goes last: until then the backup is deleted, whatever is left of it.
async fn remove_backups(repository: &Repository, roots: &Roots) -> Result<()> {
    for id in &roots.gone {
        repository.store().delete(vec![keys::commit(id)]).await?;
        repository.store().delete(vec![keys::cluster(id)]).await?;
        repository.store().delete(vec![keys::tombstone(id)]).await?;
    }
    Ok(())
}

/// Says what was done, and removes what earlier collections said.
async fn end(repository: &Repository, options: &Options, report: &Report) -> Result<()> {
    let own = [
        keys::collection(&options.id),
        keys::collection_report(&options.id),
    ];
    let [mark, said] = &own;
    let earlier = repository.store().list(keys::COLLECTIONS).await?;
    let earlier: Vec<_> = earlier
        .into_iter()
        .map(|object| object.key)
        .filter(|key| key < mark && !own.contains(key))
        .collect();
    if options.dry_run {
        return repository.store().delete(vec![mark.clone()]).await;
    }
    repository.put_document(said, report).await?;
    let canaries = repository.store().list(keys::CANARIES).await?;
    let stale = canaries.into_iter().map(|object| object.key);
    let stale = stale.filter(|key| *key < keys::canary(&options.id));
    repository
        .store()
        .delete(earlier.into_iter().chain(stale).collect())
        .await
}

/// A list of references: one that a commit names, or that of a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefsOf {
    /// It has to be there, and to be this.
    Committed(ObjectRef),
    /// It may be gone, if its backup is.
    Base(String),
}
