//! Condition types and reasons, and how a condition changes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// CassandraCluster: enough members serve for a QUORUM of three replicas.
pub const AVAILABLE: &str = "Available";
/// CassandraCluster: the operator or Kubernetes is on the way to what the spec asks for.
pub const PROGRESSING: &str = "Progressing";
/// CassandraCluster: a member that had joined the ring does not serve, or is cut off from it.
pub const DEGRADED: &str = "Degraded";
/// CassandraCluster: the spec is one that the operator can carry out.
pub const VALID: &str = "Valid";
/// CassandraCluster: data survives the loss of a pod. False with ephemeral storage.
pub const DURABLE: &str = "Durable";
/// CassandraCluster: members run with an older image or configuration than the spec asks for.
pub const RESTART_PENDING: &str = "RestartPending";
/// CassandraMember: Cassandra is Normal and serves CQL.
pub const READY: &str = "Ready";

/// CassandraMember: it waits, by the rule that is the reason. The operator's own condition, beside those of the member's
/// agent. Absent: it does not wait.
pub const WAITING: &str = "Waiting";

/// `True`, `False` or `Unknown`, as Kubernetes writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The condition holds.
    True,
    /// The condition does not hold.
    False,
    /// It can't be told.
    Unknown,
}

impl Status {
    /// The string in the object.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Status {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// What a condition should say now, before it is compared with what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// One of the constants of this module.
    pub type_: &'static str,
    /// Whether it holds.
    pub status: Status,
    /// One word in PascalCase for machines.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
}

impl Wanted {
    /// A condition with its reason and message.
    pub fn new(
        type_: &'static str,
        status: impl Into<Status>,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            type_,
            status: status.into(),
            reason: reason.into(),
            message: message.into(),
        }
    }

    /// The condition to write: `lastTransitionTime` stays unless the status flips
    /// (Kubernetes API conventions, "typical status properties").
    pub fn onto(self, old: &[Condition], generation: Option<i64>, now: &Time) -> Condition {
        let status = self.status.as_str();
        let since = old
            .iter()
            .find(|condition| condition.type_ == self.type_ && condition.status == status)
            .map_or_else(
                || now.clone(),
                |condition| condition.last_transition_time.clone(),
            );
        Condition {
            type_: self.type_.into(),
            status: status.into(),
            reason: self.reason,
            message: self.message,
            observed_generation: generation,
            last_transition_time: since,
        }
    }
}

/// The condition of this type, if there is one.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether the condition of this type is there and `True`.
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == "True")
}
