//! Why a question was not answered.

use std::{io, time::Duration};

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not one that can be asked.
    #[error("{url} is not an http address with a host and a port")]
    Address {
        /// What was given.
        url: String,
    },
    /// Nobody listens: the process is not there, or has not come so far.
    #[error("{endpoint} refused the connection")]
    Refused {
        /// Who was asked.
        endpoint: String,
    },
    /// No answer in time. The process may be there and hang; what was asked may be done, or still be.
    #[error("{endpoint} did not answer within {limit:?}")]
    Timeout {
        /// Who was asked.
        endpoint: String,
        /// How long was waited.
        limit: Duration,
    },
    /// There was no connection, for another reason than refusal.
    #[error("failed to connect to {endpoint}")]
    Connect {
        /// Who was asked.
        endpoint: String,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke before the answer was complete. What was asked may be done.
    #[error("lost the connection to {endpoint}")]
    Lost {
        /// Who was asked.
        endpoint: String,
        /// What broke.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer has an HTTP status other than 200.
    #[error("{endpoint} answered with HTTP status {status}")]
    Status {
        /// Who was asked.
        endpoint: String,
        /// The status.
        status: u16,
    },
    /// Jolokia's policy does not permit the call.
    #[error("{call} is denied")]
    Denied {
        /// The attribute or operation.
        call: &'static str,
    },
    /// Java threw an exception.
    #[error("{call} failed with {class}: {message}")]
    Java {
        /// The attribute or operation.
        call: &'static str,
        /// The exception's class.
        class: String,
        /// What it says.
        message: String,
    },
    /// The answer is not what the protocol says.
    #[error("the answer to {call} can't be understood: {detail}")]
    Malformed {
        /// The attribute or operation.
        call: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// The drain ended, and Cassandra's mode is not DRAINED.
    #[error("the drain ended with mode {mode}")]
    NotDrained {
        /// The mode.
        mode: String,
    },
    /// Cassandra could not read its seeds, and keeps the ones that it had.
    #[error("the seeds could not be loaded")]
    SeedsNotLoaded,
}

impl Error {
    /// One word for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Address { .. } => "Address",
            Self::Refused { .. } => "Refused",
            Self::Timeout { .. } => "Timeout",
            Self::Connect { .. } => "Connect",
            Self::Lost { .. } => "Lost",
            Self::Status { .. } => "Status",
            Self::Denied { .. } => "Denied",
            Self::Java { .. } => "Java",
            Self::Malformed { .. } => "Malformed",
            Self::NotDrained { .. } => "NotDrained",
            Self::SeedsNotLoaded => "SeedsNotLoaded",
        }
    }

    /// Whether it is known that what was asked has not been done, or has failed. Otherwise it may be done, or still be
    /// going on: that has to be looked at.
    pub fn outcome_is_known(&self) -> bool {
        match self {
            Self::Address { .. }
            | Self::Refused { .. }
            | Self::Connect { .. }
            | Self::Denied { .. }
            | Self::Java { .. }
            | Self::NotDrained { .. }
            | Self::SeedsNotLoaded => true,
            Self::Timeout { .. }
            | Self::Lost { .. }
            | Self::Status { .. }
            | Self::Malformed { .. } => false,
        }
    }

    /// Whether nobody listens, so that the process is not there.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}
