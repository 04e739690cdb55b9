//! `backup` and `commit`.

use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use backup::{
    catalogue::{self, State},
    commit,
    crypto::{self, DataKey},
    error::{Error, Result},
    format::commit::{Commit as Committed, NodePart},
    ids::{Attempt, BackupId, HostId},
    node_backup,
    plan::scan,
    repository::Repository,
    store::Store,
};
use jiff::Timestamp;
use serde_json::json;

use super::{
    node::Cassandra,
    options::{Backup, Commit, Options},
    output::{say, size},
    progress::shown,
    transfer,
};

pub(crate) async fn run(options: &Options, store: Store, request: &Backup) -> Result<()> {
    make(&request.state)?;
    let repository = Repository::open(store, None).await?;
    let repository = repository.with_identities(options.identities()?);
    let kept = kept_key(&repository, &request.state)?;
    let repository = repository.for_writing(kept).await?;
    keep_key(&repository, &request.state)?;
    let cassandra = Cassandra::new(&request.node);
    let id = match &request.id {
        Some(id) => id.clone(),
        None => unfinished_or_new(&repository, &cassandra, request).await?,
    };
    let facts = cassandra.facts().await?;
    let host_id = facts.host_id.clone();
    let tag = tag(&id);
    let mut folders = scan::snapshot(&request.data_dirs, &tag)?;
    if folders.is_empty() {
        cassandra.snapshot(&tag).await?;
        folders = scan::snapshot(&request.data_dirs, &tag)?;
    }
    let node = facts.into_node(
        repository.description().cluster_uid.clone(),
        host_id.to_string(),
        &tag,
    );
    let transfer = transfer(options, &repository);
    let work = node_backup::Request {
        attempt: Attempt {
            host_id: host_id.clone(),
            backup: id.clone(),
            number: request.attempt,
        },
        node,
        folders,
        state: request.state.clone(),
        base: catalogue::newest_of(&repository, &host_id, Some(&id)).await?,
        seconds: request.seconds,
    };
    let progress = std::sync::Arc::clone(&transfer.progress);
    // The snapshot stays if this fails: it is where the next run goes on.
    let part = shown(
        options,
        "backup",
        progress,
        node_backup::run(&repository, &transfer, work),
    )
    .await?;
    if request.no_commit {
        let text = format!("{id} of node {host_id} is uploaded and not committed");
        say(
            options,
            &json!({ "backup": id, "committed": false, "node": part }),
            &text,
        );
        return Ok(());
    }
    let committed = commit::run(
        &repository,
        commit::Request {
            backup: id.clone(),
            name: request.name.clone(),
            description: request.description.clone(),
            nodes: vec![part.clone()],
            absent: Vec::new(),
            cluster: None,
            now: Timestamp::now(),
        },
    )
    .await?;
    cassandra.clear_snapshot(&tag).await?;
    over(&request.state, &part)?;
    told(options, &repository, &committed);
    Ok(())
}

pub(crate) async fn commit(options: &Options, store: Store, request: &Commit) -> Result<()> {
    let repository = Repository::open(store, None).await?;
    let repository = repository.with_identities(options.identities()?);
    let repository = repository.for_writing(None).await?;
    let parts = commit::find_parts(&repository, &request.id).await?;
    if parts.len() < request.nodes {
        return Err(Error::Incomplete {
            members: format!("{} of {} nodes are ready", parts.len(), request.nodes),
        });
    }
    let committed = commit::run(
        &repository,
        commit::Request {
            backup: request.id.clone(),
            name: request.name.clone(),
            description: request.description.clone(),
            nodes: parts,
            absent: Vec::new(),
            cluster: None,
            now: Timestamp::now(),
        },
    )
    .await?;
    told(options, &repository, &committed);
    Ok(())
}

fn told(options: &Options, repository: &Repository, committed: &Committed) {
    let totals = committed.totals();
    let text = format!(
        "{} is committed: {} in {} files of {} nodes, {} of them new",
        committed.backup,
        size(totals.bytes),
        totals.files,
        committed.nodes.len(),
        size(totals.new_bytes)
    );
    let value = json!({
        "backup": committed.backup,
        "committed": true,
        "totals": totals,
        "requests": repository.store().requests().total(),
    });
    say(options, &value, &text);
}

fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|source| Error::File {
        what: "make",
        path: folder.to_owned(),
        source,
    })
}

fn tag(id: &BackupId) -> String {
    format!("backup-{id}")
}

/// The name of a backup that was begun here and not finished, so that running the same command again goes on with it. One
/// that can't be finished any more is cleared away.
async fn unfinished_or_new(
    repository: &Repository,
    cassandra: &Cassandra,
    request: &Backup,
) -> Result<BackupId> {
    let Some(id) = last_begun(&request.state) else {
        return new_id();
    };
    let state = catalogue::state(repository, &id).await?;
    if goes_on(state, &id, request, Timestamp::now()) {
        return Ok(id);
    }
    if let Err(error) = cassandra.clear_snapshot(&tag(&id)).await {
        tracing::warn!(error = error.in_full(), %id, "the snapshot of an earlier backup may be left");
    }
    node_backup::tidy(&request.state, None)?;
    new_id()
}

fn goes_on(state: State, id: &BackupId, request: &Backup, now: Timestamp) -> bool {
    let age = u64::try_from(now.as_millisecond())
        .unwrap_or(0)
        .saturating_sub(id.millis());
    match state {
        State::Deleted => false,
        // Only the snapshot is left to be cleared, if that is ours to do.
        State::Committed => !request.no_commit,
        State::Uncommitted => age / 1000 < request.seconds,
    }
}

fn last_begun(state: &Path) -> Option<BackupId> {
    let items = fs::read_dir(state).into_iter().flatten();
    let names = items.filter_map(|item| item.ok()?.file_name().into_string().ok());
    names
        .filter_map(|name| {
            name.strip_suffix(".journal")?
                .split_once('.')?
                .0
                .parse()
                .ok()
        })
        .max()
}

/// A new name.
pub(crate) fn new_id() -> Result<BackupId> {
    let random = u128::from_be_bytes(crypto::random()?);
    let millis = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default();
    Ok(BackupId::new(millis, random))
}

/// What the next backup needs stays, the rest goes.
fn over(state: &Path, part: &NodePart) -> Result<()> {
    node_backup::tidy(state, Some(&part.attempt))
}

const KEY: &str = "data-key";

/// The data key of this node, if it has one: without it everything would be uploaded anew.
fn kept_key(repository: &Repository, state: &Path) -> Result<Option<DataKey>> {
    if !repository.is_encrypted() {
        return Ok(None);
    }
    let path = state.join(KEY);
    match fs::read(&path) {
        Ok(bytes) => Ok(bytes.try_into().ok().map(DataKey::from_bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::File {
            what: "read",
            path,
            source,
        }),
    }
}

fn keep_key(repository: &Repository, state: &Path) -> Result<()> {
    let Some(key) = repository.writing_key() else {
        return Ok(());
    };
    let path = state.join(KEY);
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(key.to_bytes()));
    written.map_err(|source| Error::File {
        what: "write",
        path,
        source,
    })
}

/// The node that is meant: the one that was named, or the only one.
pub(crate) fn the_node<'a>(
    commit: &'a Committed,
    host_id: Option<&HostId>,
) -> Result<&'a NodePart> {
    match (host_id, commit.nodes.as_slice()) {
        (Some(host_id), _) => commit.node(host_id).ok_or_else(|| Error::NoSuchNode {
            id: commit.backup.clone(),
            host_id: host_id.to_string(),
        }),
        (None, [only]) => Ok(only),
        (None, nodes) => {
            let names: Vec<_> = nodes
                .iter()
                .map(|part| part.attempt.host_id.to_string())
                .collect();
            Err(Error::Refused {
                detail: format!("say which node, by --host-id: {}", names.join(", ")),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::program::Command;

    fn request(more: &[&str]) -> Backup {
        let line = [
            "cassandra-backup",
            "--store",
            "file:///x",
            "backup",
            "--seconds",
            "60",
        ];
        let Command::Backup(request) = Options::parse_from(line.iter().chain(more)).command else {
            panic!("it is not a backup");
        };
        request
    }

    #[test]
    fn what_was_begun_goes_on_while_it_can_be_finished() {
        let id = BackupId::new(1_000_000, 0);
        let at = |second| Timestamp::from_second(second).unwrap();
        let one = request(&[]);
        assert!(goes_on(State::Uncommitted, &id, &one, at(1_059)));
        assert!(!goes_on(State::Uncommitted, &id, &one, at(1_060)));
        assert!(!goes_on(State::Deleted, &id, &one, at(1_001)));
        assert!(goes_on(State::Committed, &id, &one, at(9_999)));
        assert!(!goes_on(
            State::Committed,
            &id,
            &request(&["--no-commit"]),
            at(1_001)
        ));
    }
}
