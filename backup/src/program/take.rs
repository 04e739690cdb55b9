//! `backup` and `commit`.

use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use backup::{
    catalogue, commit,
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
    let id = match &request.id {
        Some(id) => id.clone(),
        None => resumed_or_new(&request.state)?,
    };
    let cassandra = Cassandra::new(&request.node);
    let facts = cassandra.facts().await?;
    let host_id = facts.host_id.clone();
    let tag = format!("backup-{id}");
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

/// The name of a backup that was begun and not finished, so that running the same command again goes on with it.
fn resumed_or_new(state: &Path) -> Result<BackupId> {
    let mut unfinished: Vec<BackupId> = fs::read_dir(state)
        .into_iter()
        .flatten()
        .filter_map(|item| {
            let name = item.ok()?.file_name().into_string().ok()?;
            name.strip_suffix(".journal")?
                .split_once('.')?
                .0
                .parse()
                .ok()
        })
        .collect();
    unfinished.sort();
    match unfinished.pop() {
        Some(id) => Ok(id),
        None => new_id(),
    }
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
