//! What may be deleted, and when. A version goes only after it was replaced for longer than any read may take; the
//! blob of a write that nobody confirmed goes only after the write is fenced off, since it may still surface on a
//! replica that was away.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    record::{BlobRef, Content, Kind, Record, VersionId},
    time::{HOUR, Micros, SECOND},
};

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    /// What was replaced: longer than the longest read.
    pub replaced: Micros,
    /// A write that was begun: longer than the longest write.
    pub undecided: Micros,
    /// An upload that is done, so that a repeated request gets the same answer.
    pub done: Micros,
    /// An upload that is being completed by somebody who has not come back.
    pub completing: Micros,
    /// How much later than it was decided a write may get its timestamp.
    pub ghost: Micros,
}

impl Default for Grace {
    fn default() -> Self {
        Self {
            replaced: 6 * HOUR,
            undecided: 24 * HOUR,
            done: 24 * HOUR,
            completing: HOUR,
            ghost: 300 * SECOND,
        }
    }
}

/// Whom a blob is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// A version of an object.
    Object {
        /// The bucket.
        bucket: Uuid,
        /// The shard.
        shard: u16,
        /// The key.
        key: String,
    },
    /// A part of an upload.
    Part {
        /// The upload.
        upload: Uuid,
        /// The bucket.
        bucket: Uuid,
        /// The shard.
        shard: u16,
        /// The key.
        key: String,
        /// The part's number.
        number: u32,
    },
}

/// What is written down before the first byte of a blob, and removed when the blob is referred to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The blob.
    pub blob: BlobRef,
    /// When it was begun: the hour that the intent lies in.
    pub started: Micros,
    /// Whom it is for.
    pub purpose: Purpose,
    /// The version or attempt that will refer to it, once that was decided. Before, nothing can refer to it.
    pub decided: Option<VersionId>,
}

/// What becomes of the blob of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is too early to tell.
    Wait,
    /// Something refers to it: the intent goes, the blob stays.
    Keep,
    /// Nothing refers to it, but something might surface: fence at this timestamp, then delete.
    FenceThenDelete(VersionId, Micros),
    /// Nothing can refer to it.
    Delete,
}

/// What becomes of the blob of an intent; `is_referred` is what the store says now.
pub fn fate(intent: &Intent, is_referred: bool, now: Micros, grace: &Grace) -> Fate {
    let since = intent
        .decided
        .map_or(intent.started, |id| id.at().max(intent.started));
    match intent.decided {
        // Whatever the intent says: a first write of it may surface when all is decided.
        _ if is_referred => Fate::Keep,
        _ if now < since.saturating_add(grace.undecided) => Fate::Wait,
        Some(id) => Fate::FenceThenDelete(id, id.at().saturating_add(grace.ghost)),
        None => Fate::Delete,
    }
}

/// Versions of one key that are replaced for good: they are `null`, as is what replaced them, and the grace is over.
/// `versions` were read before `head`, so that the head is at least as new as each of them.
pub fn replaced(
    versions: &[Record],
    head: Option<&Record>,
    now: Micros,
    grace: &Grace,
) -> Vec<VersionId> {
    let mut nulls: Vec<&Record> = versions.iter().filter(|version| version.null).collect();
    nulls.sort_by_key(|version| version.id);
    let current = match head {
        Some(head) if head.null => Some(head.id),
        Some(_) | None => nulls.last().map(|version| version.id),
    };
    let head_at = head.map(|head| head.id.at());
    nulls
        .iter()
        .enumerate()
        .filter(|(_, version)| Some(version.id) != current)
        .filter(|(at, version)| {
            let by_next = nulls.get(at + 1).map(|next| next.id.at());
            let replaced_at = by_next.or(head_at).unwrap_or(now).max(version.id.at());
            now >= replaced_at.saturating_add(grace.replaced)
        })
        .map(|(_, version)| version.id)
        .collect()
}

/// Whether nothing is left of a key but that it was deleted, and that for long enough to forget it.
pub fn is_forgotten(versions: &[Record], head: &Record, now: Micros, grace: &Grace) -> bool {
    head.kind == Kind::Deleted
        && now >= head.id.at().saturating_add(grace.replaced)
        && versions.iter().all(|version| version.id == head.id)
}

/// The blobs that a record names itself.
pub fn named_blobs(record: &Record) -> Vec<BlobRef> {
    match record.object().map(|object| &object.content) {
        None | Some(Content::Inline | Content::Manifest { .. }) => Vec::new(),
        Some(Content::Blob(blob)) => vec![*blob],
        Some(Content::Parts(parts)) => parts.iter().map(|part| part.blob).collect(),
    }
}

/// The manifest that a record names, and how many pages it has.
pub fn named_manifest(record: &Record) -> Option<(Uuid, u32)> {
    match record.object().map(|object| &object.content) {
        Some(Content::Manifest { id, pages, .. }) => Some((*id, *pages)),
        Some(Content::Inline | Content::Blob(_) | Content::Parts(_)) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Grace = Grace {
        replaced: 100,
        undecided: 1000,
        done: 0,
        completing: 0,
        ghost: 50,
    };

    fn record(at: Micros, null: bool) -> Record {
        let kind = Kind::DeleteMarker {
            owner: String::new(),
        };
        Record {
            id: VersionId::new(at, 0),
            null,
            kind,
        }
    }

    fn goes(versions: &[Record], head: &Record, now: Micros) -> Vec<Micros> {
        replaced(versions, Some(head), now, &GRACE)
            .iter()
            .map(|id| id.at())
            .collect()
    }

    // P2 of the defects that this design excludes.
    #[test]
    fn p2_what_was_replaced_is_kept_until_no_read_can_still_need_it() {
        let versions = [record(20, true), record(10, true)];
        assert!(goes(&versions, &versions[0], 119).is_empty());
        assert_eq!(goes(&versions, &versions[0], 120), [10]);
    }

    #[test]
    fn versions_that_have_an_id_are_never_trimmed() {
        let versions = [record(30, false), record(20, false), record(10, true)];
        assert!(goes(&versions, &versions[0], 10_000).is_empty());
        let suspended = [record(40, true), record(30, false), record(10, true)];
        assert_eq!(goes(&suspended, &suspended[0], 10_000), [10]);
    }

    #[test]
    fn the_head_is_never_trimmed_even_if_another_version_has_a_higher_id() {
        let versions = [record(20, true), record(10, true)];
        assert_eq!(goes(&versions, &versions[1], 10_000), [20]);
    }

    #[test]
    fn a_key_that_is_written_all_the_time_is_trimmed_all_the_same() {
        let versions: Vec<_> = (0..10).rev().map(|n| record(n * 60, true)).collect();
        assert_eq!(
            goes(&versions, &versions[0], 540),
            [0, 60, 120, 180, 240, 300, 360]
        );
    }

    fn intent(decided: Option<Micros>) -> Intent {
        Intent {
            blob: BlobRef {
                id: Uuid::nil(),
                size: 1,
                chunk: 1,
            },
            started: 10,
            purpose: Purpose::Object {
                bucket: Uuid::nil(),
                shard: 0,
                key: "k".into(),
            },
            decided: decided.map(|at| VersionId::new(at, 7)),
        }
    }

    #[test]
    fn a_blob_that_is_being_written_is_left_alone() {
        assert_eq!(fate(&intent(None), false, 1009, &GRACE), Fate::Wait);
        assert_eq!(fate(&intent(Some(500)), false, 1499, &GRACE), Fate::Wait);
        assert_eq!(fate(&intent(None), false, 1010, &GRACE), Fate::Delete);
    }

    #[test]
    fn a_write_that_nobody_confirmed_is_fenced_before_its_blob_goes() {
        let id = VersionId::new(500, 7);
        assert_eq!(
            fate(&intent(Some(500)), false, 1500, &GRACE),
            Fate::FenceThenDelete(id, 550)
        );
        assert_eq!(fate(&intent(None), true, 5000, &GRACE), Fate::Keep);
        assert_eq!(fate(&intent(Some(500)), true, 1500, &GRACE), Fate::Keep);
    }

    #[test]
    fn a_key_is_forgotten_when_only_its_deletion_is_left() {
        let head = Record::deleted(VersionId::new(10, 0));
        assert!(is_forgotten(
            std::slice::from_ref(&head),
            &head,
            110,
            &GRACE
        ));
        assert!(!is_forgotten(
            std::slice::from_ref(&head),
            &head,
            109,
            &GRACE
        ));
        assert!(!is_forgotten(
            &[head.clone(), record(5, true)],
            &head,
            110,
            &GRACE
        ));
    }
}
