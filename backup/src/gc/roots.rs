//! What keeps blobs alive: a pure decision.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::RefsOf;
use crate::{
    catalogue::State,
    commit::end,
    format::{commit::Commit, intent::Intent},
    ids::{Attempt, BackupId},
    keys,
    store::Stored,
};

/// The objects of an attempt.
#[derive(Debug, Clone)]
pub struct AttemptFolder {
    /// Which.
    pub attempt: Attempt,
    /// When its intent was written, if it is there.
    pub intent_written: Option<Timestamp>,
    /// The intent.
    pub intent: Option<Intent>,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// Whose blobs are kept.
    pub refs: Vec<RefsOf>,
    /// Blobs that were written from here on are kept.
    pub cutoff: Timestamp,
    /// Attempts that are over and that no backup names.
    pub over: Vec<Attempt>,
    /// Backups that are deleted and have no attempt that could still be committed.
    pub gone: Vec<BackupId>,
}

/// The folders of attempts, of a list of their objects.
pub(super) fn folders(objects: Vec<Stored>) -> Vec<AttemptFolder> {
    let mut folders: BTreeMap<Attempt, Option<Timestamp>> = BTreeMap::new();
    for object in objects {
        if let Ok((attempt, name)) = keys::parse_attempt(&object.key) {
            let written = folders.entry(attempt).or_default();
            if name == "intent.json" {
                *written = Some(object.written);
            }
        }
    }
    folders
        .into_iter()
        .map(|(attempt, intent_written)| AttemptFolder {
            attempt,
            intent_written,
            intent: None,
        })
        .collect()
}

/// Decides what is kept. `commits` are those of the backups that exist.
pub(super) fn decide(
    states: &BTreeMap<BackupId, State>,
    commits: &[Commit],
    attempts: Vec<AttemptFolder>,
    began: Timestamp,
    safety_seconds: u64,
) -> Roots {
    let safety = SignedDuration::from_secs(i64::try_from(safety_seconds).unwrap_or(i64::MAX / 4));
    let mut refs: Vec<_> = commits
        .iter()
        .flat_map(|commit| &commit.nodes)
        .map(|part| RefsOf::Committed(part.refs.clone()))
        .collect();
    let mut kept: BTreeSet<Attempt> = commits
        .iter()
        .flat_map(|commit| &commit.nodes)
        .map(|part| part.attempt.clone())
        .collect();
    let mut earliest = began;
    let mut active: BTreeSet<BackupId> = BTreeSet::new();
    for folder in &attempts {
        let Some((written, intent)) = folder.intent_written.zip(folder.intent.as_ref()) else {
            continue;
        };
        let over = end(written, intent)
            .checked_add(safety)
            .unwrap_or(Timestamp::MAX)
            < began;
        if over {
            continue;
        }
        earliest = earliest.min(written);
        active.insert(folder.attempt.backup.clone());
        if let Some(base) = &intent.base
            && kept.insert(base.clone())
        {
            refs.push(RefsOf::Base(keys::refs(base)));
        }
        kept.insert(folder.attempt.clone());
    }
    let over = attempts
        .into_iter()
        .map(|folder| folder.attempt)
        .filter(|attempt| !kept.contains(attempt))
        .collect();
    let gone = states
        .iter()
        .filter(|(id, state)| **state == State::Deleted && !active.contains(*id))
        .map(|(id, _)| id.clone())
        .collect();
    Roots {
        refs,
        cutoff: earliest.checked_sub(safety).unwrap_or(Timestamp::MIN),
        over,
        gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::HostId;

    const SAFETY: u64 = 1000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn attempt(backup: u64) -> Attempt {
        Attempt {
            host_id: HostId::from_random(1),
            backup: BackupId::new(backup, 0),
            number: 1,
        }
    }

    fn folder(backup: u64, written: i64, base: Option<u64>) -> AttemptFolder {
        AttemptFolder {
            attempt: attempt(backup),
            intent_written: Some(at(written)),
            intent: Some(Intent {
                format: 1,
                attempt: attempt(backup),
                member: "m".into(),
                base: base.map(attempt),
                seconds: 100,
            }),
        }
    }

    fn decided(attempts: Vec<AttemptFolder>, began: i64) -> Roots {
        decide(&BTreeMap::new(), &[], attempts, at(began), SAFETY)
    }

    #[test]
    fn an_attempt_that_is_not_over_keeps_its_base_and_all_that_was_written_since() {
        let roots = decided(vec![folder(2, 5000, Some(1))], 5050);
        assert_eq!(roots.refs, [RefsOf::Base(keys::refs(&attempt(1)))]);
        assert_eq!(roots.cutoff, at(4000));
        assert!(roots.over.is_empty());
    }

    #[test]
    fn an_attempt_is_over_when_its_time_and_the_safety_time_have_passed() {
        assert!(decided(vec![folder(2, 5000, None)], 6100).over.is_empty());
        let roots = decided(vec![folder(2, 5000, Some(1))], 6101);
        assert_eq!(roots.over, [attempt(2)]);
        assert_eq!(roots.cutoff, at(5101));
        assert!(roots.refs.is_empty());
    }

    #[test]
    fn a_base_keeps_its_folder() {
        let roots = decided(vec![folder(1, 0, None), folder(2, 5000, Some(1))], 5050);
        assert!(roots.over.is_empty());
    }

    #[test]
    fn a_deleted_backup_keeps_its_tombstone_while_it_could_still_be_committed() {
        let states = BTreeMap::from([(BackupId::new(2, 0), State::Deleted)]);
        let gone = |began| {
            decide(&states, &[], vec![folder(2, 5000, None)], at(began), SAFETY)
                .gone
                .len()
        };
        assert_eq!(gone(5050), 0);
        assert_eq!(gone(7000), 1);
    }
}
