//! Which backups there are: those with a COMMIT and without a tombstone.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    format::{
        commit::{Commit, NodePart},
        document::FORMAT,
    },
    ids::{BackupId, HostId},
    keys,
    repository::Repository,
    store::Stored,
};

/// How far a backup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Something of it is there; it does not exist yet, or never will.
    Uncommitted,
    /// It exists.
    Committed,
    /// It is deleted; what it used will be collected.
    Deleted,
}

/// All backups of which a trace is there, in the order in which they were made.
pub async fn states(repository: &Repository) -> Result<BTreeMap<BackupId, State>> {
    let mut states = BTreeMap::new();
    for object in repository.store().list(keys::BACKUPS).await? {
        // What somebody else put here is not ours to judge.
        let Ok((id, name)) = keys::parse_backup(&object.key) else {
            continue;
        };
        let state = states.entry(id).or_insert(State::Uncommitted);
        *state = after(*state, name);
    }
    Ok(states)
}

fn after(state: State, object: &str) -> State {
    match (object, state) {
        ("DELETED", _) | (_, State::Deleted) => State::Deleted,
        ("COMMIT", _) | (_, State::Committed) => State::Committed,
        _ => State::Uncommitted,
    }
}

/// The state of one.
pub async fn state(repository: &Repository, id: &BackupId) -> Result<State> {
    let objects = repository.store().list(&keys::backup(id)).await?;
    Ok(state_of(&objects))
}

fn state_of(objects: &[Stored]) -> State {
    let names = objects
        .iter()
        .filter_map(|object| keys::parse_backup(&object.key).ok());
    names.fold(State::Uncommitted, |state, (_, name)| after(state, name))
}

/// Whether a part's blobs may be used again: its backup exists, and was committed in time. (One that was not is about to
/// be taken back, and what it names may be gone.)
pub async fn is_base(repository: &Repository, part: &NodePart) -> Result<bool> {
    let id = &part.attempt.backup;
    let objects = repository.store().list(&keys::backup(id)).await?;
    let commit = keys::commit(id);
    let latest = latest_commit(part.until, repository.description().safety_seconds);
    let in_time = objects
        .iter()
        .any(|object| object.key == commit && object.written <= latest);
    Ok(in_time && state_of(&objects) == State::Committed)
}

/// The last moment for a commit of attempts that count until then. A collection gives each of them the safety time on
/// top; half of it is for who commits.
pub(crate) fn latest_commit(until: Timestamp, safety_seconds: u64) -> Timestamp {
    let seconds = i64::try_from(safety_seconds / 2).unwrap_or(i64::MAX / 4);
    until
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}

/// One that exists.
pub async fn load(repository: &Repository, id: &BackupId) -> Result<Commit> {
    match state(repository, id).await? {
        State::Committed => read(repository, id).await,
        State::Uncommitted => Err(Error::NoBackup { id: id.clone() }),
        State::Deleted => Err(Error::Deleted { id: id.clone() }),
    }
}

/// The commit, whether it is deleted or not.
pub(crate) async fn read(repository: &Repository, id: &BackupId) -> Result<Commit> {
    let key = keys::commit(id);
    let commit: Commit = repository.get_document(&key).await?;
    if commit.backup != *id {
        return Err(Error::damaged(&key, "it is another backup's"));
    }
    if commit.cluster_uid != repository.description().cluster_uid {
        return Err(Error::damaged(&key, "it is another cluster's"));
    }
    Ok(commit)
}

/// All that exist, with their commits.
pub async fn list(repository: &Repository) -> Result<Vec<Commit>> {
    let mut commits = Vec::new();
    for (id, state) in states(repository).await? {
        if state == State::Committed {
            commits.push(read(repository, &id).await?);
        }
    }
    Ok(commits)
}

/// What the newest backup before this one has of a node: its base. Without one, of all.
pub async fn newest_of(
    repository: &Repository,
    host_id: &HostId,
    before: Option<&BackupId>,
) -> Result<Option<NodePart>> {
    for (id, state) in states(repository).await?.into_iter().rev() {
        if state != State::Committed || before.is_some_and(|before| id >= *before) {
            continue;
        }
        if let Some(part) = read(repository, &id).await?.node(host_id) {
            return Ok(Some(part.clone()));
        }
    }
    Ok(None)
}

/// Why and when a backup was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tombstone {
    /// Of this object.
    pub format: u32,
    /// Which.
    pub backup: BackupId,
    /// Why.
    pub reason: String,
}

/// Deletes a backup: from now on it does not exist. What only it used goes with the next collection.
pub async fn delete(repository: &Repository, id: &BackupId, reason: &str) -> Result<()> {
    let tombstone = Tombstone {
        format: FORMAT,
        backup: id.clone(),
        reason: reason.to_owned(),
    };
    let written = repository
        .put_document(&keys::tombstone(id), &tombstone)
        .await;
    match written {
        // Deleted for another reason is deleted all the same.
        Err(Error::AlreadyWritten { .. }) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tombstone_outweighs_a_commit_in_either_order() {
        for order in [["COMMIT", "DELETED"], ["DELETED", "COMMIT"]] {
            let state = order
                .iter()
                .fold(State::Uncommitted, |state, name| after(state, name));
            assert_eq!(state, State::Deleted);
        }
        assert_eq!(
            after(State::Uncommitted, "cluster.json.zst"),
            State::Uncommitted
        );
        assert_eq!(
            after(State::Committed, "cluster.json.zst"),
            State::Committed
        );
    }
}
