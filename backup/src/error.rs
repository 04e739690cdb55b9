//! What can go wrong, named for what failed.

use std::{io, path::PathBuf};

use crate::{
    ids::{Attempt, BackupId, BlobId, InvalidName},
    store::StoreError,
};

/// What an error calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// Somebody else wrote first: look again.
    Conflict,
    /// It may pass: try again, later and later.
    Transient,
    /// The store asks for patience.
    Throttled,
    /// We are not allowed to: somebody has to act.
    Forbidden,
    /// What was asked for can't be done: somebody has to act.
    Invalid,
    /// Bytes are not those that were written: in the store, or on the disk.
    Corrupt,
    /// The disk is full, or does not do what it is asked.
    Disk,
    /// A defect of ours.
    Bug,
}

/// What could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not do what it was asked.
    #[error("failed to {what} {key}")]
    Store {
        /// What was tried.
        what: &'static str,
        /// The object's key.
        key: String,
        /// Why.
        source: StoreError,
    },
    /// The settings of a store are not complete, or contradict each other.
    #[error("the settings of the store are wrong: {detail}")]
    StoreSettings {
        /// What is wrong.
        detail: String,
    },
    /// There is no repository at this place of the store.
    #[error("there is no repository here: {key} is missing")]
    NoRepository {
        /// The object that would be there.
        key: String,
    },
    /// The repository is another cluster's.
    #[error("the repository belongs to cluster {found}, not to {expected}")]
    ForeignRepository {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// Something was written by a newer version.
    #[error("{key} has format {found}; this version reads up to {known}")]
    NewerFormat {
        /// What has it.
        key: String,
        /// Its format.
        found: u32,
        /// The newest one that is known.
        known: u32,
    },
    /// There is no such backup.
    #[error("there is no backup {id}")]
    NoBackup {
        /// Which.
        id: BackupId,
    },
    /// The backup is being deleted.
    #[error("backup {id} is deleted")]
    Deleted {
        /// Which.
        id: BackupId,
    },
    /// The backup has nothing of this node.
    #[error("backup {id} has nothing of node {host_id}")]
    NoSuchNode {
        /// Which backup.
        id: BackupId,
        /// Which node.
        host_id: String,
    },
    /// An object that is written once is there, with other content.
    #[error("{key} is there already, and is not the same")]
    AlreadyWritten {
        /// The object's key.
        key: String,
    },
    /// An object is not what was written, or not what it is said to be.
    #[error("{key} is damaged: {detail}")]
    DamagedObject {
        /// The object's key.
        key: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A blob that a backup needs is not there.
    #[error("blob {id} is missing; {needed_by} needs it")]
    MissingBlob {
        /// Which.
        id: BlobId,
        /// What can't be restored without it.
        needed_by: String,
    },
    /// A file did not come back as it was.
    #[error("{file} is not what was backed up: its digest differs")]
    DamagedFile {
        /// Which.
        file: String,
    },
    /// A name can't be a part of a key.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A file or folder could not be read or written.
    #[error("failed to {what} {}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the snapshot is not as long as it was when it was listed: it is being written, or truncated.
    #[error("{} changed while it was read: {expected} bytes were expected", path.display())]
    FileChanged {
        /// Which.
        path: PathBuf,
        /// How long it was.
        expected: u64,
    },
    /// The snapshot has no file at all.
    #[error("the snapshot is empty: no table has a file in it")]
    EmptySnapshot,
    /// The time that the attempt gave itself is over; what it uploaded may be collected.
    #[error("the deadline of attempt {attempt} has passed")]
    Expired {
        /// Which.
        attempt: Attempt,
    },
    /// Members that are needed have nothing in this backup.
    #[error("the backup lacks members: {members}")]
    Incomplete {
        /// Which, by name.
        members: String,
    },
    /// A data key is needed and nobody here can unwrap it.
    #[error("data key {id} can't be unwrapped: {detail}")]
    NoKey {
        /// Which.
        id: String,
        /// Why.
        detail: String,
    },
    /// A key, recipient or identity can't be read.
    #[error("{what} is not a key that can be used: {detail}")]
    BadKey {
        /// What was given.
        what: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// A path in a manifest would leave its folder.
    #[error("{path:?} is not a path below a table's folder")]
    UnsafePath {
        /// What is in the manifest.
        path: String,
    },
    /// What is to be put in place is already there.
    #[error("{} is already there", path.display())]
    Occupied {
        /// Which.
        path: PathBuf,
    },
    /// What was asked for can't be had from this backup.
    #[error("{detail}")]
    Refused {
        /// Why.
        detail: String,
    },
    /// The work was stopped on request.
    #[error("cancelled")]
    Cancelled,
    /// A task of ours ended without an answer.
    #[error("a task ended without an answer: {what}")]
    Internal {
        /// Which.
        what: &'static str,
    },
}

/// What a function of this crate gives.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// One word, the same in conditions, events, metrics and JSON output.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Store { source, .. } => source.reason(),
            Self::StoreSettings { .. } => "StoreSettingsInvalid",
            Self::NoRepository { .. } => "NoRepository",
            Self::ForeignRepository { .. } => "ForeignRepository",
            Self::NewerFormat { .. } => "NewerFormat",
            Self::NoBackup { .. } => "BackupNotFound",
            Self::Deleted { .. } => "BackupDeleted",
            Self::NoSuchNode { .. } => "NodeNotInBackup",
            Self::AlreadyWritten { .. } => "AlreadyWritten",
            Self::DamagedObject { .. } => "ObjectDamaged",
            Self::MissingBlob { .. } => "BlobMissing",
            Self::DamagedFile { .. } => "FileDamaged",
            Self::Name(_) => "NameInvalid",
            Self::File { source, .. } if is_full(source) => "DiskFull",
            Self::File { .. } => "FileFailed",
            Self::FileChanged { .. } => "FileChanged",
            Self::EmptySnapshot => "SnapshotEmpty",
            Self::Expired { .. } => "DeadlineExceeded",
            Self::Incomplete { .. } => "MembersMissing",
            Self::NoKey { .. } => "KeyMissing",
            Self::BadKey { .. } => "KeyInvalid",
            Self::UnsafePath { .. } => "PathUnsafe",
            Self::Occupied { .. } => "TargetOccupied",
            Self::Refused { .. } => "Refused",
            Self::Cancelled => "Cancelled",
            Self::Internal { .. } => "InternalError",
        }
    }

    /// What it calls for.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Store { source, .. } => source.class(),
            Self::AlreadyWritten { .. } => ErrorClass::Conflict,
            Self::DamagedObject { .. }
            | Self::MissingBlob { .. }
            | Self::DamagedFile { .. }
            | Self::FileChanged { .. } => ErrorClass::Corrupt,
            Self::File { .. } => ErrorClass::Disk,
            Self::StoreSettings { .. }
            | Self::NoRepository { .. }
            | Self::ForeignRepository { .. }
            | Self::NewerFormat { .. }
            | Self::NoBackup { .. }
            | Self::Deleted { .. }
            | Self::NoSuchNode { .. }
            | Self::Name(_)
            | Self::EmptySnapshot
            | Self::Expired { .. }
            | Self::Incomplete { .. }
            | Self::NoKey { .. }
            | Self::BadKey { .. }
            | Self::UnsafePath { .. }
            | Self::Occupied { .. }
            | Self::Refused { .. }
            | Self::Cancelled => ErrorClass::Invalid,
            Self::Internal { .. } => ErrorClass::Bug,
        }
    }

    /// Whether the object that was looked for is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(
            self,
            Self::Store {
                source: StoreError::NotFound,
                ..
            }
        )
    }

    /// An object that is damaged in this way.
    pub(crate) fn damaged(key: &str, detail: impl Into<String>) -> Self {
        Self::DamagedObject {
            key: key.to_owned(),
            detail: detail.into(),
        }
    }

    /// The message with all that caused it.
    pub fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Says what was tried with which file.
pub(crate) trait OfFile<T> {
    /// The error with its circumstances.
    fn of(self, what: &'static str, path: &std::path::Path) -> Result<T>;
}

impl<T> OfFile<T> for io::Result<T> {
    fn of(self, what: &'static str, path: &std::path::Path) -> Result<T> {
        self.map_err(|source| Error::File {
            what,
            path: path.to_owned(),
            source,
        })
    }
}
