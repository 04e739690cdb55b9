//! What is true of a cluster. Written by the controller alone.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules::Rule;

/// What is true of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CassandraClusterStatus {
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Available, Progressing, Degraded, Valid, Durable, RestartPending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The cluster's state in one word, for people. Programs read the conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Ready members of all members, for instance `2/3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<String>,
    /// Number of members that exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<i32>,
    /// Number of members that are ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_members: Option<i32>,
    /// Number of racks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rack_count: Option<i32>,
    /// The oldest Cassandra release that a member runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The configuration that the spec asks for, the name of an immutable ConfigMap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_revision: Option<String>,
    /// The member that founded the ring, or the cluster that the ring was adopted from. Set once, by
    /// compare-and-swap, and never changed: nobody else ever starts a ring of this cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub founder: Option<Founder>,
    /// The next ordinal of each rack. It only rises, so that no name is used twice.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub next_ordinals: BTreeMap<String, i32>,
    /// Each rack's members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub racks: Vec<RackStatus>,
    /// The one change of the ring that is under way. Claimed by compare-and-swap.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1))]
    pub in_progress: Vec<InProgress>,
    /// What is held up, and by which rule. At most 20 are listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub blocked: Vec<Blocked>,
    /// Members that run with an older image or configuration than the spec asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restart_pending: Vec<String>,
}

/// The cluster's state in one word. `Invalid`: the spec can't be carried out. `Paused`: `spec.paused` is set.
/// `Creating`: not all members have joined. `Blocked`: nothing goes on until somebody acts.
/// `Degraded`: a member that had joined is not serving. `Ready`: every member is serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "CRD schemas drop variant docs; the enum's own says what each is"
)]
pub enum Phase {
    Invalid,
    Paused,
    Creating,
    Blocked,
    Degraded,
    Ready,
}

impl Phase {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "Invalid",
            Self::Paused => "Paused",
            Self::Creating => "Creating",
            Self::Blocked => "Blocked",
            Self::Degraded => "Degraded",
            Self::Ready => "Ready",
        }
    }
}

/// Who began the ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Founder {
    /// The member that was chosen to found the ring. Absent if the ring was adopted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// UID of the earlier cluster whose ring this is. Absent if the ring was founded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopted_from: Option<String>,
}

/// One rack's members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RackStatus {
    /// The rack.
    pub name: String,
    /// Members that exist.
    pub members: i32,
    /// Members that are ready.
    pub ready_members: i32,
}

/// A change of the ring that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InProgress {
    /// The member that changes.
    pub member: String,
    /// What it does.
    pub action: Action,
    /// When its turn began.
    pub started_at: Time,
}

/// A change of the ring. `Found`: starts a new ring. `Join`: bootstraps into the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "CRD schemas drop variant docs; the enum's own says what each is"
)]
pub enum Action {
    Found,
    Join,
}

/// Something that is held up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Blocked {
    /// The member that is held up. Absent: the whole cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The rule's name; docs/waiting-rules.md explains each.
    pub rule: Rule,
    /// What is waited for, and what you can do.
    pub message: String,
    /// Since when.
    pub since: Time,
}
