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
        if matches!(self, Self::RecordNotKept { .. }) {
            return ErrorClass::Invalid;
        }
        if matches!(self, Self::Malformed { .. } | Self::Unreadable(_)) {
            return ErrorClass::Bug;
        }
        match self.answer().map(|status| status.code) {
            Some(409) => ErrorClass::Conflict,
            Some(429) => ErrorClass::Throttled,
            Some(401 | 403) => ErrorClass::Forbidden,
            Some(400 | 422) => ErrorClass::Invalid,
            _ => ErrorClass::Transient,
        }
    }

    /// Whether the same request may do without anybody's help.
    pub(super) fn may_pass(&self) -> bool {
        let passing = [
            ErrorClass::Conflict,
            ErrorClass::Transient,
            ErrorClass::Throttled,
        ];
        passing.contains(&self.class())
    }

    /// What the API server says of an object that it does not take. It will say so again until somebody acts.
    pub(super) fn refusal(&self) -> Option<&kube::core::Status> {
        let refused = matches!(self.class(), ErrorClass::Forbidden | ErrorClass::Invalid);
        self.answer_to_a_write().filter(|_| refused)
    }

    /// Whether what was to be written is not there.
    pub(super) fn is_not_found(&self) -> bool {
        self.answer_to_a_write()
            .is_some_and(kube::core::Status::is_not_found)
    }

    /// Whether something is under the name of what was to be created.
    pub(super) fn is_already_exists(&self) -> bool {
        self.answer_to_a_write()
            .is_some_and(kube::core::Status::is_already_exists)
    }

    /// Whether the namespace is being deleted: nothing can be made in it any more.
    pub(super) fn is_namespace_terminating(&self) -> bool {
        let details = self.answer_to_a_write().and_then(|it| it.details.as_ref());
        let mut causes = details.into_iter().flat_map(|details| &details.causes);
        causes.any(|cause| cause.reason == "NamespaceTerminating")
    }

    /// What the API server answered, if it did.
    fn answer(&self) -> Option<&kube::core::Status> {
        let (Self::Read { source, .. }
        | Self::Apply { source, .. }
        | Self::Delete { source, .. }
        | Self::Record { source, .. }
        | Self::Report { source, .. }) = self
        else {
            return None;
        };
        let kube::Error::Api(status) = source.as_ref() else {
            return None;
        };
        Some(status)
    }

    /// What it answered to an object that was to be created or put right.
    fn answer_to_a_write(&self) -> Option<&kube::core::Status> {
        self.answer().filter(|_| matches!(self, Self::Apply { .. }))
    }

    /// The error and all its causes in one line, each word once. Of an answer of the API server, its words.
    pub fn in_full(&self) -> String {
        let mut text = self.to_string();
        if let Some(status) = self.answer() {
            return format!("{text}: {}", refused::words(status));
        }
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let words = error.to_string();
            // Some errors have their cause's words in their own.
            if !text.contains(&words) {
                text = format!("{text}: {words}");
            }
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

#[cfg(test)]
mod tests {
    use std::io;

    use kube::core::Status;

    use super::Error;

    fn unread(source: kube::Error) -> Error {
        Error::Read {
            what: "read the ConfigMap",
            name: "orders-config".to_owned(),
            source: Box::new(source),
        }
    }

    #[test]
    fn an_answer_of_the_api_server_is_told_in_its_words_once() {
        let status = Status::failure("the server is busy", "ServiceUnavailable").with_code(503);
        assert_eq!(
            unread(kube::Error::Api(Box::new(status))).in_full(),
            "failed to read the ConfigMap orders-config: the server is busy"
        );
    }

    #[test]
    fn words_of_a_cause_are_told_once() {
        let broke = kube::Error::Service(Box::new(io::Error::other("the connection broke")));
        assert_eq!(
            unread(broke).in_full(),
            "failed to read the ConfigMap orders-config: ServiceError: the connection broke"
        );
    }
}
