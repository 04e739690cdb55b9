//! What is true of a cluster. Written by the controller alone.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OperationKind;
use crate::rules::Rule;

/// At most so many waits are listed in [`CassandraClusterStatus::blocked`]; the counts tell the rest.
pub const MOST_BLOCKED: usize = 20;

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
    /// What the operator goes by: who founded the ring, who belongs to it, what is being done to it. Written by
    /// compare-and-swap alone, before anything is done on the strength of it.
    #[serde(default, skip_serializing_if = "Record::is_empty")]
    pub record: Record,
    /// The operation that has the ring's one slot, as it stands. Absent: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationReport>,
    /// Each rack's members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub racks: Vec<RackStatus>,
    /// What is held up, and by which rule. At most 20 are listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_BLOCKED))]
    pub blocked: Vec<Blocked>,
    /// Members that run with an older image or configuration than the spec asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restart_pending: Vec<String>,
}

/// The cluster's state in one word. `Invalid`: the spec can't be carried out. `Paused`: `spec.paused` is set.
/// `Creating`: the ring does not serve yet. `Progressing`: it serves, and not all members have joined. `Blocked`: nothing goes on until somebody acts.
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
    Progressing,
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
            Self::Progressing => "Progressing",
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

/// What the operator goes by, over restarts and from replica to replica.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The member that founded the ring, or the cluster that the ring was adopted from. Set once and never changed:
    /// nobody else ever starts a ring of this cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub founder: Option<Founder>,
    /// The next ordinal of each rack. It only rises, so that no name is used twice.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub next_ordinals: BTreeMap<String, i32>,
    /// The ordinals of the members of each rack, sorted. There may be holes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub members: BTreeMap<String, Vec<i32>>,
    /// The one operation that may disturb the ring. Absent: the slot is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<RecordedOperation>,
}

impl Record {
    /// Whether nothing is on record.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An operation that has the ring's slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedOperation {
    /// Its id, the same in the Members that take part.
    pub id: String,
    /// What is done.
    pub kind: OperationKind,
    /// The members that take part.
    pub members: Vec<String>,
    /// When it took the slot.
    pub started_at: Time,
    /// What asked for it: `spec`, or `recovered` if it was found under way and was not on record.
    pub cause: String,
}

/// An operation as it stands, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationReport {
    /// Its id.
    pub id: String,
    /// What is done.
    pub kind: OperationKind,
    /// The members that take part.
    pub members: Vec<String>,
    /// When it took the slot.
    pub started_at: Time,
    /// The step that it is at, in one word.
    pub step: String,
    /// Since when it is at this step.
    pub since: Time,
    /// What it waits for.
    pub waits_for: String,
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
