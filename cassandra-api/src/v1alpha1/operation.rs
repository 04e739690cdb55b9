//! Operations: what takes time, and what may disturb a ring. An operation that may disturb the ring takes the cluster's
//! one slot, in `status.record.operation`, and is ordered in `spec.operation` of its Members. A job disturbs nobody, takes
//! no slot, and is ordered in `spec.jobs`. Both are done by the member's agent, which reports how each stands.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of operation that may disturb the ring. `CreateRing`: the founder begins the ring. `Join`: a member bootstraps
/// into it. `Restart`: a member's pod is made again.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "CRD schemas drop variant docs; the enum's own says what each is"
)]
pub enum OperationKind {
    CreateRing,
    Join,
    Restart,
}

impl OperationKind {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateRing => "CreateRing",
            Self::Join => "Join",
            Self::Restart => "Restart",
        }
    }
}

/// The part of an operation that one member has to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// The operation's id, the same as in the cluster's record. Another id is another operation.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    /// What to do.
    pub kind: OperationKind,
}

/// Something that a member does beside its service, and that disturbs nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// The job's id. Another id is another job; one that is done is not done again.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    /// What to do.
    pub kind: JobKind,
    /// On what.
    #[serde(default)]
    pub arguments: JobArguments,
}

/// A kind of job. `Flush`: writes what the node has in memory to its disk, as `nodetool flush`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "CRD schemas drop variant docs; the enum's own says what each is"
)]
pub enum JobKind {
    Flush,
}

impl JobKind {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flush => "Flush",
        }
    }
}

/// What a job is done on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct JobArguments {
    /// The keyspaces, for `Flush`. Default: all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 48)))]
    pub keyspaces: Vec<String>,
}

/// How an operation or a job of one member stands, as its agent reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationStatus {
    /// The id of the operation or the job.
    pub id: String,
    /// How it stands.
    pub state: OperationState,
    /// How far it is, if that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub progress: Option<String>,
    /// What it does now, what came of it, or why it failed.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub message: String,
    /// When it was begun. Absent: it is not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
}

/// How an operation stands. `Waiting`: it is not begun yet, and the message says for what it waits. `Running`: it has
/// begun. `Done`: it came to its end. `Failed`: it ended otherwise, and the message says why. `Unknown`: it was begun and
/// what came of it is not known; it is looked at before anything is done again, and given up after three attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(
    missing_docs,
    reason = "CRD schemas drop variant docs; the enum's own says what each is"
)]
pub enum OperationState {
    Waiting,
    Running,
    Done,
    Failed,
    Unknown,
}
