//! What the member does beside being observed: its part in the cluster's operation, and its jobs.
//!
//! The rule in words:
//!
//! * **An operation** (`spec.operation`) is carried out by the bootstrapper and by Cassandra, for the kinds there are
//!   now. The agent only watches it, and says how it stands from what is true. It is `Done` when the marker says so, and
//!   never `Failed` on a guess. It needs no journal: nothing is begun here.
//! * **A job** (`spec.jobs`) is carried out by the agent, one at a time, in a task of its own: the pass that observes
//!   never waits for it, and the agent's liveness does not hang on it. Jobs give way: while the member has a part in an
//!   operation, none is begun.
//! * Before a job is begun, the journal on the volume says so; when it has ended, the journal says so before anybody is
//!   told. What is begun and has no end, after a crash or because Cassandra did not answer in time, is `Unknown`. It is
//!   looked at first: the job's kind says from a fresh look at Cassandra whether it is done, has failed, or may be begun
//!   again, since doing it again does no harm. It is never begun again without that look, and at most
//!   [`next::MOST_ATTEMPTS`] times.
//! * A journal that can't be read is an error that is told, and nothing is begun. It is never taken for an empty one.
//!
//! * [`journal`]: what was begun and what came of it; [`next`]: what to do next, pure; [`standing`]: how each job stands,
//!   pure; [`runner`]: the task;
//! * [`kinds`]: a file for each kind of operation and job, with its pure functions. Drain, Decommission, Snapshot and
//!   Cleanup will be files there.

pub mod journal;
pub mod kinds;
pub mod next;
pub mod runner;
pub mod standing;

use cassandra_api::v1alpha1::{CassandraMember, Job, Operation};

/// What the member's spec asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// The member's part in the cluster's operation.
    pub operation: Option<Operation>,
    /// Its jobs.
    pub jobs: Vec<Job>,
}

impl Orders {
    /// What this member's spec asks for.
    pub fn of(member: &CassandraMember) -> Self {
        Self {
            operation: member.spec.operation.clone(),
            jobs: member.spec.jobs.clone(),
        }
    }
}

/// What came of carrying a job out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done(String),
    /// It has ended otherwise, for this reason.
    Failed(String),
    /// It may be done, or still be going on.
    Unknown(String),
}
