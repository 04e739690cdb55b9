//! Whether a backup can be restored, at four levels of certainty and cost.
//!
//! 0: what the commit names is there and proves itself. 1: each blob is there. 2: each blob has the length that the
//! manifests say. 3: blobs are read and proved, all of them or a share that changes from time to time. (The fourth, a
//! restore, is not done here.)

use std::collections::BTreeMap;

use futures::{StreamExt as _, stream};
use serde::Serialize;

use crate::{
    error::{Error, Result},
    format::{
        commit::{Commit, NodePart},
        envelope,
        manifest::{Place, Reader},
        refs,
    },
    ids::BlobId,
    keys,
    node_backup::proved,
    repository::{Repository, blocking},
    transfer::Transfer,
};

/// Shards that are listed at once.
const LISTS: usize = 32;

/// How thorough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// 0 to 3.
    pub level: u8,
    /// At level 3: one blob of so many is read. 1: all.
    pub one_of: u32,
    /// At level 3: which of the shares. Count up from run to run, and all are read in `one_of` runs.
    pub share: u32,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Nodes that were looked at.
    pub nodes: u64,
    /// Blobs that they name.
    pub blobs: u64,
    /// Blobs that were read.
    pub read_blobs: u64,
    /// Bytes that were read.
    pub read_bytes: u64,
    /// What is wrong. None: it is good.
    pub problems: Vec<Problem>,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// One word.
    pub reason: &'static str,
    /// In words.
    pub message: String,
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        Self {
            reason: error.reason(),
            message: error.in_full(),
        }
    }
}

/// Verifies a backup. What is wrong with it is in the report; an error is that it could not be looked at.
pub async fn run(
    repository: &Repository,
    transfer: &Transfer,
    commit: &Commit,
    level: Level,
) -> Result<Report> {
    let mut report = Report::default();
    // Blobs, and how long they have to be: exactly, or at least.
    let mut blobs: BTreeMap<BlobId, Length> = BTreeMap::new();
    if let Some(cluster) = &commit.cluster {
        note(&mut report, repository.get_stored(cluster).await.map(drop))?;
    }
    for part in &commit.nodes {
        report.nodes += 1;
        let looked = node(repository, part, level.level).await;
        if let Some(found) = note(&mut report, looked)? {
            for (id, length) in found {
                let known = blobs.entry(id).or_insert(length);
                *known = known.and(length);
            }
        }
    }
    report.blobs = blobs.len() as u64;
    if level.level >= 1 {
        presence(repository, &blobs, level.level, &mut report).await?;
    }
    if level.level >= 3 {
        read(repository, transfer, &blobs, level, &mut report).await?;
    }
    Ok(report)
}

/// How long content has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Unknown,
    Exactly(u64),
    AtLeast(u64),
}

impl Length {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Exactly(bytes), _) | (_, Self::Exactly(bytes)) => Self::Exactly(bytes),
            (Self::AtLeast(one), Self::AtLeast(two)) => Self::AtLeast(one.max(two)),
            (Self::Unknown, known) | (known, Self::Unknown) => known,
        }
    }

    fn fits(self, content: u64) -> bool {
        match self {
            Self::Unknown => true,
            Self::Exactly(bytes) => content == bytes,
            Self::AtLeast(bytes) => content >= bytes,
        }
    }
}

/// Takes what is wrong with the backup into the report, and lets pass what is wrong with us or the store.
fn note<T>(report: &mut Report, result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(
            error @ (Error::DamagedObject { .. }
            | Error::MissingBlob { .. }
            | Error::UnsafePath { .. }
            | Error::NewerFormat { .. }),
        ) => {
            report.problems.push(Problem::from(&error));
            Ok(None)
        }
        Err(error) if error.is_not_found() => {
            report.problems.push(Problem {
                reason: "ObjectMissing",
                message: error.in_full(),
            });
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn node(
    repository: &Repository,
    part: &NodePart,
    level: u8,
) -> Result<Vec<(BlobId, Length)>> {
    let refs = repository.get_stored(&part.refs).await?;
    let stored = repository.get_stored(&part.manifest).await?;
    let content = match repository.open_object(&part.manifest.key, stored).await {
        Ok(content) => Some(content),
        // Without a key the digests are all that can be proved.
        Err(Error::NoKey { .. }) => None,
        Err(error) => return Err(error),
    };
    let part = part.clone();
    let chunk_bytes = repository.description().chunk_bytes;
    blocking("reading a manifest", move || {
        let reader = refs::Reader::new(&part.refs.key, refs.len() as u64, refs.as_ref())?;
        let named: Vec<BlobId> = reader.collect::<Result<_>>()?;
        let Some(content) = content else {
            return Ok(named.into_iter().map(|id| (id, Length::Unknown)).collect());
        };
        let key = &part.manifest.key;
        if proved(key, content.as_slice())? != part.totals {
            return Err(Error::damaged(
                key,
                "its totals are not those of the commit",
            ));
        }
        let lengths = lengths(key, &content, chunk_bytes)?;
        if !lengths.keys().eq(named.iter()) {
            return Err(Error::damaged(
                &part.refs.key,
                "it does not name what the manifest names",
            ));
        }
        let exact = level >= 2;
        Ok(lengths
            .into_iter()
            .map(|(id, length)| (id, if exact { length } else { Length::Unknown }))
            .collect())
    })
    .await
}

fn lengths(key: &str, content: &[u8], chunk_bytes: u64) -> Result<BTreeMap<BlobId, Length>> {
    let mut lengths: BTreeMap<BlobId, Length> = BTreeMap::new();
    let mut add = |id: BlobId, length: Length| {
        let known = lengths.entry(id).or_insert(length);
        *known = known.and(length);
    };
    for entry in Reader::new(key, content)? {
        for component in entry?.components {
            match component.place {
                Place::Pack(id, offset) => add(id, Length::AtLeast(offset + component.bytes)),
                Place::Chunks(ids) => {
                    let mut left = component.bytes;
                    for id in ids {
                        let bytes = left.min(chunk_bytes);
                        left -= bytes;
                        add(id, Length::Exactly(bytes));
                    }
                }
            }
        }
    }
    Ok(lengths)
}

async fn presence(
    repository: &Repository,
    blobs: &BTreeMap<BlobId, Length>,
    level: u8,
    report: &mut Report,
) -> Result<()> {
    let added = envelope::stored_bytes(0, repository.is_encrypted());
    let mut shards: Vec<u8> = blobs.keys().map(BlobId::shard).collect();
    shards.dedup();
    let mut lists = stream::iter(shards)
        .map(|shard| async move { (shard, repository.store().list(&keys::shard(shard)).await) })
        .buffered(LISTS);
    while let Some((shard, found)) = lists.next().await {
        let found: BTreeMap<BlobId, u64> = found?
            .into_iter()
            .filter_map(|object| Some((keys::parse_blob(&object.key)?, object.bytes)))
            .collect();
        let first = BlobId::new(first_of(shard), 0);
        for (id, length) in blobs
            .range(first..)
            .take_while(|(id, _)| id.shard() == shard)
        {
            let key = keys::blob(id);
            let problem = match found.get(id) {
                None => Some(("BlobMissing", format!("{key} is missing"))),
                Some(bytes) if level >= 2 && !length.fits(bytes.saturating_sub(added)) => Some((
                    "ObjectDamaged",
                    format!("{key} has {bytes} bytes, which can't be right"),
                )),
                Some(_) => None,
            };
            report
                .problems
                .extend(problem.map(|(reason, message)| Problem { reason, message }));
        }
    }
    Ok(())
}

fn first_of(shard: u8) -> [u8; 32] {
    let mut hash = [0; 32];
    if let Some(first) = hash.first_mut() {
        *first = shard;
    }
    hash
}

async fn read(
    repository: &Repository,
    transfer: &Transfer,
    blobs: &BTreeMap<BlobId, Length>,
    level: Level,
    report: &mut Report,
) -> Result<()> {
    let one_of = level.one_of.max(1);
    let chosen = blobs.iter().filter(|(id, _)| {
        let [_, a, b, c, d, ..] = *id.hash();
        u32::from_be_bytes([a, b, c, d]) % one_of == level.share % one_of
    });
    let chosen: Vec<(BlobId, Length)> = chosen.map(|(id, length)| (*id, *length)).collect();
    transfer.progress.found(chosen.len() as u64, 0);
    let mut readings = stream::iter(chosen)
        .map(|(id, length)| async move {
            let bytes = match length {
                Length::Exactly(bytes) => bytes,
                Length::AtLeast(_) | Length::Unknown => repository.description().chunk_bytes,
            };
            let room = transfer.budget.room(bytes).await?;
            let _worker = transfer.workers.acquire().await;
            transfer.rate.wait(bytes).await;
            let content = repository.get_blob(&id, "this backup").await;
            drop(room);
            transfer.progress.done(1, 0);
            Ok::<_, Error>((
                id,
                length,
                content.map(|content| content.bytes().len() as u64),
            ))
        })
        .buffer_unordered(transfer.window);
    while let Some(reading) = readings.next().await {
        let (id, length, content) = reading?;
        if let Some(bytes) = note(report, content)? {
            report.read_blobs += 1;
            report.read_bytes += bytes;
            if !length.fits(bytes) {
                report.problems.push(Problem {
                    reason: "ObjectDamaged",
                    message: format!(
                        "{} has {bytes} bytes, which can't be right",
                        keys::blob(&id)
                    ),
                });
            }
        }
    }
    Ok(())
}
