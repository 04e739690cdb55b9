//! What is there and is nobody's: two sorted lists side by side, that of the store and that of the living, a shard at a
//! time.

use std::{cmp::Ordering, iter::Peekable};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use super::{Live, Report};
use crate::{error::Result, ids::BlobId, keys, repository::Repository, store::Stored};

/// Shards that are listed at once.
const LISTS: usize = 32;
/// Keys of a request that deletes.
const BATCH: usize = 1000;

pub(super) async fn run(
    repository: &Repository,
    live: Live,
    cutoff: Timestamp,
    dry_run: bool,
) -> Result<Report> {
    let mut report = Report::default();
    let mut live = live.peekable();
    let mut garbage = Vec::new();
    let mut shards = stream::iter(0..=255)
        .map(|shard: u8| async move {
            let found = repository.store().list(&keys::shard(shard)).await?;
            Ok::<_, crate::Error>((shard, found))
        })
        .buffered(LISTS);
    while let Some((shard, found)) = shards.try_next().await? {
        garbage.extend(judge(shard, &found, &mut live, cutoff, &mut report)?);
        while garbage.len() >= BATCH && !dry_run {
            let rest = garbage.split_off(BATCH);
            repository
                .store()
                .delete(std::mem::replace(&mut garbage, rest))
                .await?;
        }
    }
    if !dry_run {
        repository.store().delete(garbage).await?;
    }
    // To their ends, which prove the lists.
    for id in live {
        id?;
        report.live += 1;
        report.missing += 1;
    }
    Ok(report)
}

/// The keys of a shard that are garbage.
fn judge(
    shard: u8,
    found: &[Stored],
    live: &mut Peekable<Live>,
    cutoff: Timestamp,
    report: &mut Report,
) -> Result<Vec<String>> {
    // What is no blob of ours is not ours to judge.
    let mut present: Vec<(BlobId, &Stored)> = found
        .iter()
        .filter_map(|object| Some((keys::parse_blob(&object.key)?, object)))
        .collect();
    present.sort_unstable_by_key(|(id, _)| *id);
    let mut garbage = Vec::new();
    for (id, object) in present {
        let is_live = walk_to(id, live, report)?;
        if is_live || object.written >= cutoff {
            report.young += u64::from(!is_live);
            report.kept_bytes += object.bytes;
        } else {
            report.deleted += 1;
            report.deleted_bytes += object.bytes;
            garbage.push(object.key.clone());
        }
    }
    // The rest of this shard's living is not there.
    while let Some(next) = live.next_if(|id| id.as_ref().is_ok_and(|id| id.shard() <= shard)) {
        next?;
        report.live += 1;
        report.missing += 1;
    }
    Ok(garbage)
}

/// Whether a blob is among the living. Those before it are not there.
fn walk_to(id: BlobId, live: &mut Peekable<Live>, report: &mut Report) -> Result<bool> {
    loop {
        let order = match live.peek() {
            None => return Ok(false),
            Some(Ok(next)) => next.cmp(&id),
            Some(Err(_)) => Ordering::Less,
        };
        match order {
            Ordering::Greater => return Ok(false),
            Ordering::Equal => {
                live.next().transpose()?;
                report.live += 1;
                return Ok(true);
            }
            Ordering::Less => {
                live.next().transpose()?;
                report.live += 1;
                report.missing += 1;
            }
        }
    }
}
