//! What is true of one Cassandra node. Written by its agent alone, but for the condition Waiting: that one is the
//! operator's, which knows of more than the node.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OperationStatus, Refresh, Replication};
use crate::{
    conditions,
    rules::{Rule, Waiting},
};

/// What is true of the member, as its agent sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CassandraMemberStatus {
    /// The generation of the spec that the agent has seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The member's state in one word.
    #[serde(default)]
    pub state: MemberState,
    /// `Ready`, by the agent. `Waiting`, by the operator, while the member waits: the reason is the name of the rule, the
    /// message says what you can do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The Cassandra node's host id. Kept when the node can't be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// The address that other nodes and clients use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Cassandra's own operation mode, for instance NORMAL or JOINING. Absent when it can't be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Whether the node serves CQL.
    #[serde(default)]
    pub native_transport: bool,
    /// Every node of the ring as this one sees it, itself included, sorted by host id. Empty when the node
    /// can't be asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ring_view: Vec<Peer>,
    /// The schema version of this node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<String>,
    /// How the ring's keyspaces are replicated, as this node knows it. Looked at again when the schema changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replication: Vec<Replication>,
    /// Digest of the node's sorted tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_digest: Option<String>,
    /// The Cassandra release that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_version: Option<String>,
    /// The release of the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// The configuration that Cassandra was started with, the name of an immutable ConfigMap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_in_use: Option<String>,
    /// Size of the data on disk, rounded up to a power of two, for instance `64MiB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<String>,
    /// What the marker on the volume says. Absent until the bootstrapper has looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<VolumeStatus>,
    /// That the node has joined the ring. Set once per volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrapped: Option<Bootstrapped>,
    /// The start epoch that the running or starting Cassandra was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_epoch: Option<i64>,
    /// Seeds in use, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<String>,
    /// The last request for a fresh look that was answered, with everything else in this status read after it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh: Option<Refresh>,
    /// How the operation that the spec names stands. Absent: the agent has not taken it up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationStatus>,
    /// How the jobs that the spec names stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".into()]))]
    pub jobs: Vec<OperationStatus>,
}

impl CassandraMemberStatus {
    /// Why the member waits, as the operator says. None: it does not, or by a rule that is not known here.
    pub fn waiting(&self) -> Option<Waiting> {
        let condition = conditions::find(&self.conditions, conditions::WAITING)?;
        Some(Waiting {
            rule: Rule::of_name(&condition.reason)?,
            message: condition.message.clone(),
        })
    }

    /// What the agent reports: all but the operator's condition.
    #[must_use]
    pub fn of_agent(&self) -> Self {
        let mut status = self.clone();
        status
            .conditions
            .retain(|condition| condition.type_ != conditions::WAITING);
        status
    }
}

/// The member's state in one word. `Unknown`: the agent has not looked yet. `Waiting`: for the permit to start.
/// `Refused`: the volume is not this member's, or the configuration can't be used. `Starting`: Cassandra is
/// starting. `Joining`: it is bootstrapping. `JoinFailed`: it bootstrapped in vain and is not in the ring. `Ready`: Normal
/// and serving CQL. `Leaving`: it hands its data to others to leave the ring, and serves until that is done. `Moving`: it
/// takes other tokens, and serves. `DecommissionFailed`: it could not leave, and is still in the ring. `Decommissioned`: it
/// has left the ring. `NotServing`: Normal without CQL, or in a mode that this release does not know. `NotAnswering`: the
/// process is there and does not answer. `Draining`: on the way down. `Stopped`: Cassandra is not running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "CRD schemas drop variant docs; the enum's own says what each is"
)]
pub enum MemberState {
    #[default]
    Unknown,
    Waiting,
    Refused,
    Starting,
    Joining,
    JoinFailed,
    Ready,
    Leaving,
    Moving,
    DecommissionFailed,
    Decommissioned,
    NotServing,
    NotAnswering,
    Draining,
    Stopped,
}

impl MemberState {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Waiting => "Waiting",
            Self::Refused => "Refused",
            Self::Starting => "Starting",
            Self::Joining => "Joining",
            Self::JoinFailed => "JoinFailed",
            Self::Ready => "Ready",
            Self::Leaving => "Leaving",
            Self::Moving => "Moving",
            Self::DecommissionFailed => "DecommissionFailed",
            Self::Decommissioned => "Decommissioned",
            Self::NotServing => "NotServing",
            Self::NotAnswering => "NotAnswering",
            Self::Draining => "Draining",
            Self::Stopped => "Stopped",
        }
    }
}

/// A node of the ring, as one member sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    /// The peer's host id.
    pub host_id: String,
    /// The peer's address.
    pub address: String,
    /// Whether gossip holds it up.
    pub state: PeerState,
    /// Its schema version, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Its datacenter, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacenter: Option<String>,
    /// Its rack, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<String>,
}

/// Whether gossip holds a node up. `Unknown` is not `Down`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[allow(
    missing_docs,
    reason = "CRD schemas drop variant docs; the enum's own says what each is"
)]
pub enum PeerState {
    Up,
    Down,
    Unknown,
}

/// What the marker on a member's volume says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeStatus {
    /// UID of the claim, as the pod was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pvc_uid: Option<String>,
    /// UID of the cluster whose data this is. Absent: the volume is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_uid: Option<String>,
    /// The member whose data this is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The host id of the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// Whether the node has joined a ring with this data.
    #[serde(default)]
    pub joined: bool,
    /// Why the bootstrapper refuses this volume or configuration. Absent: it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Waiting>,
}

/// That a node has joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bootstrapped {
    /// The volume claim that it joined with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pvc_uid: Option<String>,
    /// When the agent first saw it Normal.
    pub at: Time,
}
