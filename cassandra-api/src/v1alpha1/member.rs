//! One Cassandra node: what its agent and bootstrapper should make true.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CassandraMemberStatus, ImagePullPolicy, ImagePullSecret, Job, Operation, Placement, Resources,
};
use crate::rules::Waiting;

/// One Cassandra node. Its spec is what should be true, never a queue of commands; its agent makes it so
/// and reports what is true. The operator writes the spec, the member's own agent the status, but for the
/// condition Waiting, which is the operator's; nobody else writes anything. Another operator can write Members for its own pods and run the agent beside them.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "cassandra-operator.rs",
    version = "v1alpha1",
    kind = "CassandraMember",
    namespaced,
    status = "CassandraMemberStatus",
    derive = "PartialEq",
    shortname = "cassm",
    category = "cassandra",
    selectable = ".spec.cluster.name",
    doc = "One Cassandra node of a CassandraCluster: identity and wanted state in the spec, written by the operator; what is true in the status, written by the member's own agent.",
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.cluster.name"),
    printcolumn(name = "Rack", type_ = "string", json_path = ".spec.rack"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".status.mode"),
    printcolumn(
        name = "Version",
        type_ = "string",
        json_path = ".status.releaseVersion"
    ),
    printcolumn(name = "Load", type_ = "string", json_path = ".status.load"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Waiting\")].reason"
    ),
    printcolumn(
        name = "Host-ID",
        type_ = "string",
        json_path = ".status.hostId",
        priority = 1
    ),
    printcolumn(
        name = "Address",
        type_ = "string",
        json_path = ".status.address",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct CassandraMemberSpec {
    /// The cluster object that this member belongs to.
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.cluster is immutable: a member never changes its cluster"))]
    pub cluster: ClusterReference,
    /// Cassandra's `cluster_name`.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.clusterName is immutable: Cassandra refuses data of another cluster name"))]
    pub cluster_name: String,
    /// The Cassandra datacenter.
    #[schemars(length(min = 1, max = 48))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.datacenter is immutable: replicas are placed by it"))]
    pub datacenter: String,
    /// The Cassandra rack.
    #[schemars(length(min = 1, max = 48))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.rack is immutable: replicas are placed by it"))]
    pub rack: String,
    /// The member's number within its rack. Never used twice.
    #[schemars(range(min = 0, max = 9999))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.ordinal is immutable"))]
    pub ordinal: i32,
    /// What the pod is made of, frozen: a change of the cluster's spec reaches a running member only when
    /// the operator restarts it. Absent if something else than the operator makes the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
    /// The permit to start Cassandra, and how.
    #[serde(default)]
    pub start: Start,
    /// The address that other nodes and clients use, if it is not the pod's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub broadcast_address: Option<String>,
    /// UID of the earlier cluster whose volume this member may take over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub adopted_from: Option<String>,
    /// The host id that the member is known by since it has joined. A volume with another one is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub host_id: Option<String>,
    /// Asks the agent for a fresh look: it reads everything anew and then answers with the same id in
    /// `status.refresh`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh: Option<Refresh>,
    /// This member's part in the operation that has the cluster's slot. Absent: it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// What the member does beside its service. A job that is taken off this list is forgotten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".into()]))]
    pub jobs: Vec<Job>,
}

/// The cluster object of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterReference {
    /// Its name, in the member's namespace.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Its UID. A cluster that was deleted and made again is another one.
    #[schemars(length(min = 1, max = 64))]
    pub uid: String,
}

/// What a member's pod is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// The Cassandra image.
    #[schemars(length(min = 1, max = 512))]
    pub image: String,
    /// The image with agent and bootstrapper. Frozen too: an upgrade of the operator restarts no member.
    #[schemars(length(min = 1, max = 512))]
    pub operator_image: String,
    /// When images are pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<ImagePullPolicy>,
    /// Secrets for pulling images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub image_pull_secrets: Vec<ImagePullSecret>,
    /// The immutable ConfigMap with the configuration.
    #[schemars(length(min = 1, max = 63))]
    pub config_revision: String,
    /// Requests and limits of the Cassandra container.
    pub resources: Resources,
    /// The zone that the pod must be in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub zone: Option<String>,
    /// Where the pod may be.
    #[serde(default)]
    pub placement: Placement,
    /// Data on an emptyDir instead of a volume claim.
    #[serde(default)]
    pub ephemeral: bool,
}

/// The permit to start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// Rises with every change of the mode. The agent never goes back to a lower one.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub epoch: i64,
    /// Whether and how Cassandra may start.
    #[serde(default)]
    pub mode: StartMode,
    /// Addresses of the seeds, sorted. A member that has not joined is never in its own list, but for a
    /// founder's first start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub seeds: Vec<String>,
}

/// Whether and how Cassandra may start. `Hold`: not yet. `CreateRing`: begins a new ring, with itself as the
/// only seed. `Join`: bootstrap into the ring of the seeds. `Rejoin`: start again on the data that it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "CRD schemas drop variant docs; the enum's own says what each is"
)]
pub enum StartMode {
    #[default]
    Hold,
    CreateRing,
    Join,
    Rejoin,
}

/// A question to the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refresh {
    /// The question's id. Another id is another question.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
}

impl CassandraMember {
    /// Why the member waits, as the operator says. None: it does not, or by a rule that is not known here.
    pub fn waiting(&self) -> Option<Waiting> {
        self.status.as_ref()?.waiting()
    }
}
