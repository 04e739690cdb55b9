//! How far it has come, to be read while it goes on.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one operation.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes in files that are known of by now.
    pub bytes_total: AtomicU64,
    /// Bytes of those that are done: moved, or found to need no move.
    pub bytes_done: AtomicU64,
    /// Bytes of those that were moved.
    pub bytes_moved: AtomicU64,
    /// Files that are known of by now.
    pub files_total: AtomicU64,
    /// Files that are done.
    pub files_done: AtomicU64,
    /// 1 when the totals are final.
    pub planned: AtomicU64,
}

/// What the counters said at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// As [`Progress::bytes_total`].
    pub bytes_total: u64,
    /// As [`Progress::bytes_done`].
    pub bytes_done: u64,
    /// As [`Progress::bytes_moved`].
    pub bytes_moved: u64,
    /// As [`Progress::files_total`].
    pub files_total: u64,
    /// As [`Progress::files_done`].
    pub files_done: u64,
    /// Whether the totals are final.
    pub planned: bool,
}

impl Progress {
    /// What the counters say.
    pub fn snapshot(&self) -> Snapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            bytes_total: read(&self.bytes_total),
            bytes_done: read(&self.bytes_done),
            bytes_moved: read(&self.bytes_moved),
            files_total: read(&self.files_total),
            files_done: read(&self.files_done),
            planned: read(&self.planned) == 1,
        }
    }

    pub(crate) fn found(&self, files: u64, bytes: u64) {
        self.files_total.fetch_add(files, Ordering::Relaxed);
        self.bytes_total.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn done(&self, files: u64, bytes: u64) {
        self.files_done.fetch_add(files, Ordering::Relaxed);
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn moved(&self, bytes: u64) {
        self.bytes_moved.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn all_is_found(&self) {
        self.planned.store(1, Ordering::Relaxed);
    }
}
