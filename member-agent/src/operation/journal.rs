//! The journal on the member's volume: which jobs were begun, and what came of them.
//!
//! It is replaced as a whole, and on the disk before a job is begun and before its end is told. Values here are new
//! journals: which one is on the disk is the runner's to know.

use std::path::{Path, PathBuf};

use cassandra_api::v1alpha1::{Job, OperationState, OperationStatus};
use cassandra_management::versioned_file::{Error, VersionedFile};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{Deserialize, Serialize};

use super::Orders;

/// The newest version of the file's layout.
pub const VERSION: u32 = 1;
const FILE: VersionedFile = VersionedFile {
    name: "operations.json",
    what: "a journal of operations",
    newest: VERSION,
};

/// What was begun, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Journal {
    version: u32,
    /// Whose jobs these are. Another Member on the same volume has other ones, whatever their ids.
    member_uid: String,
    entries: Vec<Entry>,
}

/// One job that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The job, as it was begun.
    pub job: Job,
    /// How often it was begun.
    pub attempts: u32,
    /// When it was begun first.
    pub begun_at: Option<Time>,
    /// Its end. None: it was begun, and nothing more is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
}

/// The end of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct End {
    /// How it ended.
    pub how: How,
    /// What came of it.
    pub message: String,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// It is done.
    Done,
    /// It ended otherwise.
    Failed,
    /// What came of it is not known, and it was begun often enough.
    GivenUp,
}

impl How {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "Done",
            Self::Failed => "Failed",
            Self::GivenUp => "GivenUp",
        }
    }
}

/// What is wrong with the journal, in one word for machines.
pub fn reason(error: &Error) -> &'static str {
    match error {
        Error::Read { .. } => "JournalUnreadable",
        Error::Parse { .. } => "JournalInvalid",
        Error::Version { .. } => "JournalTooNew",
        Error::Write { .. } => "JournalNotWritten",
    }
}

impl Journal {
    /// A journal of a member that has begun nothing.
    pub fn new(member_uid: impl Into<String>) -> Self {
        Self {
            version: VERSION,
            member_uid: member_uid.into(),
            entries: Vec::new(),
        }
    }

    /// What was found on the volume, for this member: an earlier one's is not its own.
    pub fn found(found: Option<Self>, member_uid: &str) -> Self {
        found
            .filter(|journal| journal.member_uid == member_uid)
            .unwrap_or_else(|| Self::new(member_uid))
    }

    /// The journal's path below a data folder.
    pub fn path(data: &Path) -> PathBuf {
        FILE.path(data)
    }

    /// Reads the journal of a data folder. None: there is none. One that is there and can't be read is an error: what
    /// was begun is not known.
    pub fn load(data: &Path) -> Result<Option<Self>, Error> {
        FILE.load(data)
    }

    /// Replaces the journal of a data folder. When this returns, it has reached the disk.
    pub fn store(&self, data: &Path) -> Result<(), Error> {
        FILE.store(data, self)
    }

    /// Everything that was begun, in that order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What is known of a job. None: it was not begun.
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.job.id == id)
    }

    /// What was begun and has no end.
    pub fn open(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.end.is_none())
    }

    /// The journal that says that this job is begun, once more or for the first time.
    #[must_use]
    pub fn begun(mut self, job: &Job, now: Time) -> Self {
        match self.entries.iter_mut().find(|e| e.job.id == job.id) {
            Some(entry) => entry.attempts = entry.attempts.saturating_add(1),
            None => self.entries.push(Entry {
                job: job.clone(),
                attempts: 1,
                begun_at: Some(now),
                end: None,
            }),
        }
        self
    }

    /// The journal that says that a job has ended.
    #[must_use]
    pub fn ended(mut self, id: &str, end: End) -> Self {
        let found = self.entries.iter_mut().find(|entry| entry.job.id == id);
        if let Some(entry) = found {
            entry.end = Some(end);
        }
        self
    }

    /// The journal without these jobs.
    #[must_use]
    pub fn without(mut self, ids: &[String]) -> Self {
        self.entries.retain(|entry| !ids.contains(&entry.job.id));
        self
    }

    /// The journal with what only the member's status knows: a volume that was lost took its journal with it. What was
    /// said to be done is not done again, and what was begun is looked at.
    #[must_use]
    pub fn recovered(mut self, orders: &Orders, reported: &[OperationStatus]) -> Self {
        for job in &orders.jobs {
            let known = self.entry(&job.id).is_some();
            let Some(said) = reported.iter().find(|said| !known && said.id == job.id) else {
                continue;
            };
            let end = |how| {
                Some(End {
                    how,
                    message: said.message.clone(),
                })
            };
            let end = match said.state {
                OperationState::Waiting => continue,
                OperationState::Running | OperationState::Unknown => None,
                OperationState::Done => end(How::Done),
                OperationState::Failed => end(How::Failed),
            };
            self.entries.push(Entry {
                job: job.clone(),
                attempts: 1,
                begun_at: said.started_at.clone(),
                end,
            });
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::fixtures::{at, flush};

    fn journal() -> Journal {
        Journal::new("m-1").begun(&flush("a"), at(1))
    }

    fn done() -> End {
        End {
            how: How::Done,
            message: "flushed".into(),
        }
    }

    #[test]
    fn what_was_stored_is_loaded() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(Journal::load(data.path()).unwrap(), None);
        journal().store(data.path()).unwrap();
        assert_eq!(Journal::load(data.path()).unwrap(), Some(journal()));
        let ended = journal().ended("a", done());
        ended.store(data.path()).unwrap();
        assert_eq!(Journal::load(data.path()).unwrap(), Some(ended));
    }

    #[test]
    fn a_file_that_is_no_journal_is_an_error_and_not_an_empty_journal() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(Journal::path(data.path()).parent().unwrap()).unwrap();
        let unknown_kind = r#"{"version":1,"memberUid":"m","entries":[{"job":{"id":"a","kind":"Dance"},"attempts":1,"begunAt":null}]}"#;
        for (text, reason) in [
            ("", "JournalInvalid"),
            ("{\"version\":1}", "JournalInvalid"),
            (unknown_kind, "JournalInvalid"),
            ("{\"version\":2,\"newer\":true}", "JournalTooNew"),
        ] {
            fs::write(Journal::path(data.path()), text).unwrap();
            let error = Journal::load(data.path()).unwrap_err();
            assert_eq!(super::reason(&error), reason);
        }
    }

    #[test]
    fn a_job_that_is_begun_again_keeps_its_beginning_and_counts() {
        let again = journal().begun(&flush("a"), at(9));
        let entry = again.entry("a").unwrap();
        assert_eq!((entry.attempts, &entry.begun_at), (2, &Some(at(1))));
        assert_eq!(again.open().count(), 1);
        assert_eq!(again.ended("a", done()).open().count(), 0);
    }

    #[test]
    fn jobs_of_an_earlier_member_on_the_same_volume_are_not_this_ones() {
        assert_eq!(Journal::found(Some(journal()), "m-1"), journal());
        assert_eq!(Journal::found(Some(journal()), "m-2"), Journal::new("m-2"));
        assert_eq!(Journal::found(None, "m-1"), Journal::new("m-1"));
    }

    #[test]
    fn a_lost_journal_is_made_good_by_what_was_reported() {
        let orders = Orders {
            operation: None,
            jobs: vec![flush("a"), flush("b"), flush("c"), flush("d")],
        };
        let said = |id: &str, state| OperationStatus {
            id: id.into(),
            state,
            progress: None,
            message: "as said".into(),
            started_at: Some(at(5)),
        };
        let reported = [
            said("a", OperationState::Done),
            said("b", OperationState::Running),
            said("c", OperationState::Waiting),
            said("x", OperationState::Done),
        ];
        let recovered = Journal::new("m-1").recovered(&orders, &reported);
        let end = |id: &str| recovered.entry(id).map(|entry| entry.end.clone());
        assert_eq!(end("a").unwrap().unwrap().how, How::Done);
        assert_eq!(end("b"), Some(None), "begun, and looked at");
        assert_eq!((end("c"), end("d"), end("x")), (None, None, None));
        // The journal knows better.
        let kept = journal().recovered(&orders, &reported);
        assert_eq!(kept.entry("a").unwrap().end, None);
    }
}
