//! Makes a backup exist: one object, written once, when all that it names is known to be there.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    catalogue::{self, State},
    error::{Error, Result},
    format::{
        commit::{Commit, NodePart},
        document::FORMAT,
        intent::Intent,
        manifest::Reader,
    },
    ids::{Attempt, BackupId, HostId},
    keys,
    node_backup::proved,
    repository::{Repository, blocking},
};

/// A backup that is to exist.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which.
    pub backup: BackupId,
    /// What people call it.
    pub name: String,
    /// What they say about it.
    pub description: String,
    /// The nodes' parts.
    pub nodes: Vec<NodePart>,
    /// Members that have nothing in it, by name: whether that is enough is not decided here.
    pub absent: Vec<String>,
    /// The cluster's objects, schema and topology.
    pub cluster: Option<Value>,
    /// Now.
    pub now: Timestamp,
}

/// Commits a backup. One that is committed already, with the same parts, is success.
pub async fn run(repository: &Repository, request: Request) -> Result<Commit> {
    let id = &request.backup;
    match catalogue::state(repository, id).await? {
        State::Deleted => return Err(Error::Deleted { id: id.clone() }),
        State::Committed => return same(catalogue::read(repository, id).await?, &request),
        State::Uncommitted => {}
    }
    if request.nodes.is_empty() {
        return Err(Error::Incomplete {
            members: "there is none at all".to_owned(),
        });
    }
    for part in &request.nodes {
        check(repository, id, part, request.now).await?;
    }
    let until = request
        .nodes
        .iter()
        .map(|part| part.until)
        .min()
        .unwrap_or(Timestamp::MIN);
    let cluster = match &request.cluster {
        None => None,
        Some(objects) => Some(put_cluster(repository, id, objects).await?),
    };
    let commit = Commit {
        format: FORMAT,
        backup: id.clone(),
        name: request.name.clone(),
        description: request.description.clone(),
        cluster_uid: repository.description().cluster_uid.clone(),
        cluster_name: repository.description().cluster_name.clone(),
        committed_at: request.now,
        tool: concat!("cassandra-backup ", env!("CARGO_PKG_VERSION")).to_owned(),
        nodes: request.nodes.clone(),
        absent: request.absent.clone(),
        cluster,
    };
    match repository.put_document(&keys::commit(id), &commit).await {
        Ok(()) => {}
        // Somebody was faster, or we were, before we were stopped.
        Err(Error::AlreadyWritten { .. }) => {
            return same(catalogue::read(repository, id).await?, &request);
        }
        Err(error) => return Err(error),
    }
    in_time(repository, &request, until).await?;
    Ok(commit)
}

/// If we were held up between the look at the attempts and the write, what they used may be gone: then the backup is
/// taken back. Until that is done nobody takes it for a base ([`catalogue::is_base`]).
async fn in_time(repository: &Repository, request: &Request, until: Timestamp) -> Result<()> {
    let id = &request.backup;
    let latest = catalogue::latest_commit(until, repository.description().safety_seconds);
    let written = repository
        .store()
        .head(&keys::commit(id))
        .await?
        .map(|object| object.written);
    if written.is_some_and(|written| written <= latest) {
        return Ok(());
    }
    catalogue::delete(repository, id, "it was committed too late").await?;
    match request.nodes.first() {
        Some(part) => Err(Error::Expired {
            attempt: part.attempt.clone(),
        }),
        None => Err(Error::Internal {
            what: "a backup without nodes",
        }),
    }
}

fn same(commit: Commit, request: &Request) -> Result<Commit> {
    if commit.nodes == request.nodes {
        return Ok(commit);
    }
    Err(Error::AlreadyWritten {
        key: keys::commit(&commit.backup),
    })
}

/// That a part is all there, and that its attempt still counts: what it used has been kept until now.
async fn check(
    repository: &Repository,
    id: &BackupId,
    part: &NodePart,
    now: Timestamp,
) -> Result<()> {
    let attempt = &part.attempt;
    if attempt.backup != *id {
        return Err(Error::Refused {
            detail: format!(
                "{} has no part of backup {id}, but of {}",
                part.member, attempt.backup
            ),
        });
    }
    let objects = repository.store().list(&keys::attempt(attempt)).await?;
    for reference in [&part.manifest, &part.refs] {
        let found = objects.iter().find(|object| object.key == reference.key);
        let detail = match found {
            None => "it is missing",
            Some(object) if object.bytes != reference.bytes => "its length is another",
            Some(_) => continue,
        };
        return Err(Error::damaged(&reference.key, detail));
    }
    let intent = keys::intent(attempt);
    if now > part.until || !objects.iter().any(|object| object.key == intent) {
        return Err(Error::Expired {
            attempt: attempt.clone(),
        });
    }
    Ok(())
}

/// The parts that nodes have uploaded of a backup that is not committed yet: of each node the last attempt that is
/// finished. They are made of what the manifests say, so that nobody has to carry them from the nodes.
pub async fn find_parts(repository: &Repository, id: &BackupId) -> Result<Vec<NodePart>> {
    let mut finished: BTreeMap<HostId, (Attempt, Timestamp)> = BTreeMap::new();
    let mut begun: BTreeMap<Attempt, Timestamp> = BTreeMap::new();
    for object in repository.store().list(keys::NODES).await? {
        let Ok((attempt, name)) = keys::parse_attempt(&object.key) else {
            continue;
        };
        if attempt.backup != *id {
            continue;
        }
        if name == "intent.json" {
            begun.insert(attempt, object.written);
        } else if name == "manifest.jsonl.zst"
            && let Some(begun) = begun.get(&attempt)
        {
            // Sorted by attempt as text: of numbers with two digits a smaller one may come later.
            let last = finished
                .entry(attempt.host_id.clone())
                .or_insert_with(|| (attempt.clone(), *begun));
            if last.0.number <= attempt.number {
                *last = (attempt, *begun);
            }
        }
    }
    let mut parts = Vec::new();
    for (attempt, begun) in finished.into_values() {
        parts.push(part_of(repository, attempt, begun).await?);
    }
    Ok(parts)
}

/// A part of what its manifest says.
pub(crate) async fn part_of(
    repository: &Repository,
    attempt: Attempt,
    begun: Timestamp,
) -> Result<NodePart> {
    let intent: Intent = repository.get_document(&keys::intent(&attempt)).await?;
    let manifest = repository.reference_to(&keys::manifest(&attempt)).await?;
    let refs = repository.reference_to(&keys::refs(&attempt)).await?;
    let content = repository.get_object(&manifest).await?;
    let key = manifest.key.clone();
    let (node, totals) = blocking("reading a manifest", move || {
        let totals = proved(&key, content.as_slice())?;
        let node = Reader::new(&key, content.as_slice())?.head().node.clone();
        Ok((node, totals))
    })
    .await?;
    Ok(NodePart {
        attempt,
        member: node.member,
        datacenter: node.datacenter,
        rack: node.rack,
        cassandra: node.cassandra,
        partitioner: node.partitioner,
        tokens: node.tokens,
        snapshot_at: node.snapshot_at,
        until: end(begun, &intent),
        manifest,
        refs,
        totals,
    })
}

/// When an attempt is over, by the clock of the store.
pub(crate) fn end(written: Timestamp, intent: &Intent) -> Timestamp {
    let seconds = i64::try_from(intent.seconds).unwrap_or(i64::MAX / 4);
    written
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}

async fn put_cluster(
    repository: &Repository,
    id: &BackupId,
    objects: &Value,
) -> Result<crate::format::commit::ObjectRef> {
    let key = keys::cluster(id);
    let packed = serde_json::to_vec(objects)
        .ok()
        .and_then(|json| zstd::encode_all(json.as_slice(), 3).ok())
        .ok_or(Error::Internal {
            what: "the cluster's objects could not be written as JSON",
        })?;
    match repository.put_object(&key, packed).await {
        // An earlier try got so far. Both saw the same cluster.
        Err(Error::AlreadyWritten { .. }) => repository.reference_to(&key).await,
        other => other,
    }
}

/// What a backup holds beside the nodes' data.
pub async fn cluster(repository: &Repository, commit: &Commit) -> Result<Option<Value>> {
    let Some(reference) = &commit.cluster else {
        return Ok(None);
    };
    let packed = repository.get_object(reference).await?;
    let damaged = |detail: String| Error::damaged(&reference.key, detail);
    let json = zstd::decode_all(packed.as_slice()).map_err(|error| damaged(error.to_string()))?;
    serde_json::from_slice(&json)
        .map(Some)
        .map_err(|error| damaged(error.to_string()))
}
