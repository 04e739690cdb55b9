//! What can go wrong while a cluster is worked on. Waiting is not an error.

use std::{fmt::Display, future::Future, time::Duration};

use super::{kinds::Kind, refused};
use crate::runtime::{ErrorClass, Unreadable};

/// How long one request to the API server may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// What could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An object could not be read.
    #[error("failed to {what} {name}")]
    Read {
        /// What was tried.
        what: &'static str,
        /// The object's name.
        name: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// An object could not be created or put right.
    #[error("failed to write {kind:?} {name}")]
    Apply {
        /// The object's kind.
        kind: Kind,
        /// The object's name.
        name: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// An object could not be deleted.
    #[error("failed to delete {kind:?} {name}")]
    Delete {
        /// The object's kind.
        kind: Kind,
        /// The object's name.
        name: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// The record could not be written.
    #[error("failed to write the record into the status of {name}")]
    Record {
        /// The cluster's name.
        name: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// The record was written, and the API server kept nothing of it.
    #[error(
        "the API server does not keep the record in the status of {name}: its CRDs are older than this controller. Apply \
         those of this version"
    )]
    RecordNotKept {
        /// The cluster's name.
        name: String,
    },
    /// The status could not be written.
    #[error("failed to write the status of {name}")]
    Report {
        /// The cluster's name.
        name: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// The API server did not answer in time. Whether it did what it was asked is unknown.
    #[error("no answer to: {what} {name}")]
    Timeout {
        /// What was tried.
        what: &'static str,
        /// The object's name.
        name: String,
    },
    /// The cluster has no name, namespace or UID: a defect of ours.
    #[error("the API server returned a cluster without {missing}")]
    Malformed {
        /// What is missing.
        missing: &'static str,
    },
    /// What is kept of the operator's own objects can't be read: a defect of ours.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl Error {
    /// One word, the same in conditions, events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Read { .. } => "ReadFailed",
            Self::Apply { .. } => "ApplyFailed",
            Self::Delete { .. } => "DeleteFailed",
            Self::Record { .. } => "RecordFailed",
            Self::Report { .. } => "ReportFailed",
            Self::RecordNotKept { .. } => "RecordNotKept",
            Self::Timeout { .. } => "ApiServerTimeout",
            Self::Malformed { .. } | Self::Unreadable(_) => "InternalError",
        }
    }

    /// What it calls for.
    pub fn class(&self) -> ErrorClass {
        let source = match self {
            Self::Read { source, .. }
            | Self::Apply { source, .. }
            | Self::Delete { source, .. }
            | Self::Record { source, .. }
            | Self::Report { source, .. } => source,
            Self::RecordNotKept { .. } => return ErrorClass::Invalid,
            Self::Timeout { .. } => return ErrorClass::Transient,
            Self::Malformed { .. } | Self::Unreadable(_) => return ErrorClass::Bug,
        };
        let kube::Error::Api(status) = source.as_ref() else {
            return ErrorClass::Transient;
        };
        match status.code {
            409 => ErrorClass::Conflict,
            429 => ErrorClass::Throttled,
            401 | 403 => ErrorClass::Forbidden,
            400 | 422 => ErrorClass::Invalid,
            _ => ErrorClass::Transient,
        }
    }

    /// What the API server says of an object that it does not take. It will say so again until somebody acts.
    pub(super) fn refusal(&self) -> Option<&kube::core::Status> {
        let Self::Apply { source, .. } = self else {
            return None;
        };
        let refused = matches!(self.class(), ErrorClass::Forbidden | ErrorClass::Invalid);
        let kube::Error::Api(status) = source.as_ref() else {
            return None;
        };
        refused.then_some(&**status)
    }

    /// Whether what was to be written is not there.
    pub(super) fn is_not_found(&self) -> bool {
        let Self::Apply { source, .. } = self else {
            return false;
        };
        matches!(source.as_ref(), kube::Error::Api(status) if status.is_not_found())
    }

    /// Whether something is under the name of what was to be created.
    pub(super) fn is_already_exists(&self) -> bool {
        let Self::Apply { source, .. } = self else {
            return false;
        };
        matches!(source.as_ref(), kube::Error::Api(status) if status.is_already_exists())
    }

    /// Whether the namespace is being deleted: nothing can be made in it any more.
    pub(super) fn is_namespace_terminating(&self) -> bool {
        let Self::Apply { source, .. } = self else {
            return false;
        };
        let kube::Error::Api(status) = source.as_ref() else {
            return false;
        };
        let causes = status.details.iter().flat_map(|details| &details.causes);
        causes
            .into_iter()
            .any(|cause| cause.reason == "NamespaceTerminating")
    }

    /// The error and all its causes in one line. Of an answer of the API server, its words.
    pub fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            if let Some(kube::Error::Api(status)) = error.downcast_ref() {
                return format!("{text}: {}", refused::words(status));
            }
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}

/// A read that ends: with an answer, an error, or in time.
pub(super) async fn bounded<T>(
    what: &'static str,
    name: impl Display,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    let failed = |source| Error::Read {
        what,
        name: name.to_string(),
        source: Box::new(source),
    };
    in_time(what, name.to_string(), request)
        .await?
        .map_err(failed)
}

/// A request that ends in time.
pub(super) async fn in_time<T>(
    what: &'static str,
    name: String,
    request: impl Future<Output = T>,
) -> Result<T, Error> {
    tokio::time::timeout(REQUEST_TIMEOUT, request)
        .await
        .map_err(|_| Error::Timeout { what, name })
}
