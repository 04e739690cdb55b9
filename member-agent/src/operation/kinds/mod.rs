//! The kinds of operations and jobs, a file each. Here it is only said which file a kind is in.

pub mod create_ring;
pub mod flush;
pub mod join;
pub mod restart;

use cassandra_api::{
    identity::Identity,
    v1alpha1::{Job, JobKind, MemberState, Operation, OperationKind},
};
use tokio::sync::watch;

use super::{
    Outcome,
    next::{self, Verdict},
};
use crate::{
    reading::{Operate, Reading},
    status::MarkerSeen,
};

/// The kinds of jobs that this agent knows.
#[derive(Clone, Copy, Debug)]
pub struct Kinds;

impl next::Kinds for Kinds {
    fn may_begin(&self, job: &Job, reading: &Reading) -> Result<(), String> {
        match job.kind {
            JobKind::Flush => flush::may_begin(reading),
            other => Err(not_known(other.as_str())),
        }
    }

    fn look(&self, job: &Job, reading: &Reading) -> Verdict {
        match job.kind {
            JobKind::Flush => flush::look(reading),
            other => Verdict::CannotTell(not_known(other.as_str())),
        }
    }
}

/// Carries a job out, and tells how far it is.
pub async fn carry_out(
    node: &impl Operate,
    job: &Job,
    progress: &watch::Sender<Option<String>>,
) -> Outcome {
    match job.kind {
        JobKind::Flush => flush::carry_out(node, &job.arguments.keyspaces, progress).await,
        other => Outcome::Failed(not_known(other.as_str())),
    }
}

fn not_known(kind: &str) -> String {
    format!("this release of the agent does not know {kind}")
}

/// What an operation that others carry out is seen by.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Who this is.
    pub identity: &'a Identity,
    /// The member's state.
    pub state: MemberState,
    /// What Cassandra has shown.
    pub reading: &'a Reading,
    /// What is on the volume.
    pub marker: &'a MarkerSeen,
}

/// How an operation stands that others carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stand {
    /// It goes on, and this is what is seen of it.
    Running(String),
    /// It is done.
    Done(String),
    /// What is on the volume can't be read, and that would tell.
    CannotTell,
}

/// How an operation stands.
pub fn watch(operation: &Operation, seen: Seen<'_>) -> Stand {
    match operation.kind {
        OperationKind::CreateRing => create_ring::watch(seen),
        OperationKind::Join => join::watch(seen),
        OperationKind::Restart => restart::watch(seen),
        other => Stand::Running(not_known(other.as_str())),
    }
}

impl Seen<'_> {
    /// Whether the node has taken its place in a ring, and the volume says so. None: that can't be told. Without our
    /// bootstrapper there is no marker, and Cassandra's word is all there is.
    fn has_joined(self) -> Option<bool> {
        match self.marker {
            MarkerSeen::Present(marker) => {
                Some(marker.joined && marker.member_uid == self.identity.member_uid)
            }
            MarkerSeen::Absent => Some(self.reading.normal_host_id().is_some()),
            MarkerSeen::Unknown => None,
        }
    }

    /// What is seen of a start.
    fn start(self) -> String {
        let mode = self.reading.facts().and_then(|facts| facts.mode.as_ref());
        match (mode, self.state) {
            (Some(mode), _) => format!("Cassandra is in mode {mode}"),
            (None, MemberState::Waiting) => "waits for the permit to start".into(),
            (None, MemberState::Refused) => "the bootstrapper refuses to start Cassandra".into(),
            (None, MemberState::NotAnswering) => "Cassandra does not answer".into(),
            (None, MemberState::Stopped) => "Cassandra is not running".into(),
            (None, _) => "Cassandra is starting".into(),
        }
    }
}
