//! One datacenter of a Cassandra ring, as the user wants it.

use std::borrow::Cow;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "garde")]
use super::checks::{self, Scope};
use super::{
    CassandraClusterStatus, Config, ImagePullPolicy, ImagePullSecret, Placement, Resources, syntax,
};
use crate::quantity::Quantity;

/// One datacenter of a Cassandra ring: its racks, their members, and what every member has in common.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "cassandra-operator.rs",
    version = "v1alpha1",
    kind = "CassandraCluster",
    namespaced,
    status = "CassandraClusterStatus",
    derive = "PartialEq",
    shortname = "cassc",
    category = "cassandra",
    doc = "One datacenter of a Cassandra ring: its racks, their members, and what every member has in common.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.ready"),
    printcolumn(name = "Members", type_ = "integer", json_path = ".status.members"),
    printcolumn(name = "Racks", type_ = "integer", json_path = ".status.rackCount"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Blocked-By", type_ = "string", json_path = ".status.blocked[0].rule"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')").message("metadata.name must be lower case letters, digits and hyphens, beginning with a letter and ending with a letter or digit: Services have the same name"),
    validation = Rule::new("size(self.metadata.name) <= 40 && self.spec.racks.all(r, size(self.metadata.name) + size(r.name) + 6 <= 52)").message("metadata.name has at most 40 characters, and with a rack's name at most 46: members are named <cluster>-<rack>-<ordinal>, and Kubernetes leaves 52 characters for that"),
)]
#[x_kube(
    validation = Rule::new("has(self.version) || has(self.image)").message("set spec.version (for instance 5.0.9) or spec.image"),
    validation = Rule::new("has(self.clusterName) == has(oldSelf.clusterName)").message("spec.clusterName is immutable: Cassandra refuses data of another cluster name"),
    validation = Rule::new("has(self.image) || !has(self.version) || self.version.matches('^(4\\\\.0|4\\\\.1|5\\\\.0)\\\\.[0-9]+$')").message("spec.version is one of 4.0.x, 4.1.x and 5.0.x; for any other set spec.image as well"),
    validation = Rule::new("!has(self.config.jvm.heap) || quantity(string(self.config.jvm.heap)).compareTo(quantity('0')) > 0").message("spec.config.jvm.heap must be more than 0"),
    validation = Rule::new("!has(self.config.jvm.heap) || !has(self.resources.limits.memory) || quantity(string(self.config.jvm.heap)).isLessThan(quantity(string(self.resources.limits.memory)))").message("spec.config.jvm.heap must be less than spec.resources.limits.memory: Cassandra needs memory beside its heap")
)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "garde",
    derive(garde::Validate),
    garde(allow_unvalidated),
    garde(context(Scope))
)]
pub struct CassandraClusterSpec {
    /// Cassandra's `cluster_name`. Default: the object's name. Immutable: Cassandra refuses data of another
    /// cluster name. Example: `orders`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(
        validation = syntax::CLUSTER_NAME.rule("spec.clusterName"),
        validation = Rule::new("self == oldSelf").message("spec.clusterName is immutable: Cassandra refuses data of another cluster name"),
    )]
    #[cfg_attr(
        feature = "garde",
        garde(inner(
            length(chars, min = 1, max = 128),
            custom(checks::written(&syntax::CLUSTER_NAME))
        ))
    )]
    pub cluster_name: Option<String>,
    /// The Cassandra datacenter that the members are in. Default: `dc1`. Immutable: replicas are placed by it.
    #[serde(default = "default_datacenter")]
    #[schemars(length(min = 1, max = 48))]
    #[x_kube(
        validation = syntax::DATACENTER.rule("spec.datacenter"),
        validation = Rule::new("self == oldSelf").message("spec.datacenter is immutable: replicas are placed by it"),
    )]
    #[cfg_attr(
        feature = "garde",
        garde(
            length(chars, min = 1, max = 48),
            custom(checks::written(&syntax::DATACENTER))
        )
    )]
    pub datacenter: String,
    /// The Cassandra release: 4.0.x, 4.1.x or 5.0.x. The image is `docker.io/library/cassandra:<version>` unless
    /// `image` is set. An earlier release line than members run is refused: Cassandra does not open later data. A change is
    /// shown as pending until members are restarted. Example: `5.0.9`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    #[cfg_attr(feature = "garde", garde(
            inner(length(chars, min = 1, max = 32)),
            custom(checks::release(self.image.is_some()))
        ))]
    pub version: Option<String>,
    /// The Cassandra image, laid out like the official one. Default: by `version`. A change is shown as pending
    /// until members are restarted. Example: `registry.example.com/cassandra:5.0.9`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = syntax::IMAGE.rule("spec.image"))]
    #[cfg_attr(
        feature = "garde",
        garde(inner(
            length(chars, min = 1, max = 512),
            custom(checks::written(&syntax::IMAGE))
        ))
    )]
    pub image: Option<String>,
    /// When images are pulled: Always, IfNotPresent or Never. Default: Kubernetes' own. A change is shown as
    /// pending until members are restarted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<ImagePullPolicy>,
    /// Secrets for pulling images, in the form that pods have. Default: none. A change is shown as pending until members are
    /// restarted. Example: `[{name: registry}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[cfg_attr(
        feature = "garde",
        garde(length(max = 8), dive, custom(secret_names_are_unique))
    )]
    pub image_pull_secrets: Vec<ImagePullSecret>,
    /// The racks. Cassandra puts the replicas of a row on different racks, so a rack should be what fails
    /// together, usually a zone. Racks can be added; removing one is refused for now. Members can be lowered as far as they have not
    /// begun to join.
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["name".into()]),
        validation = Rule::new("oldSelf.all(o, self.exists(n, n.name == o.name))").message("a rack can't be removed for now: its members would have to leave the ring first"),
        validation = Rule::new("oldSelf.all(o, self.all(n, n.name != o.name || (has(n.zone) == has(o.zone) && (!has(n.zone) || n.zone == o.zone))))").message("a rack's zone is immutable: its volumes are there"),
    )]
    #[cfg_attr(
        feature = "garde",
        garde(length(min = 1, max = 16), dive, custom(rack_names_are_unique))
    )]
    pub racks: Vec<Rack>,
    /// Where data is kept.
    #[cfg_attr(feature = "garde", garde(dive))]
    pub storage: Storage,
    /// Requests and limits of the Cassandra container. The heap follows the memory limit unless
    /// `config.jvm.heap` is set. A change is shown as pending until members are restarted.
    #[serde(default)]
    #[cfg_attr(feature = "garde", garde(dive))]
    pub resources: Resources,
    /// Cassandra's configuration: the image's default < the operator's default < a file of the ConfigMap <
    /// these fields < the keys that the operator owns. A change is shown as pending until members are restarted.
    #[serde(default)]
    #[cfg_attr(feature = "garde", garde(dive))]
    pub config: Config,
    /// Which nodes members may be on. A change is shown as pending until members are restarted.
    #[serde(default)]
    #[cfg_attr(feature = "garde", garde(dive))]
    pub placement: Placement,
    /// How members find each other.
    #[serde(default)]
    pub network: Network,
    /// Stops the operator from changing anything of this cluster; members run on and status is still
    /// reported. Default: false.
    #[serde(default)]
    pub paused: bool,
}

/// A rack of members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "garde",
    derive(garde::Validate),
    garde(allow_unvalidated),
    garde(context(Scope))
)]
pub struct Rack {
    /// The rack's name, in Cassandra and in the members' names. Unique in the cluster. Example: `r1`.
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(validation = syntax::RACK_NAME.rule("a rack's name"))]
    #[cfg_attr(
        feature = "garde",
        garde(
            length(chars, min = 1, max = 20),
            custom(checks::written(&syntax::RACK_NAME)),
            custom(checks::rack_name)
        )
    )]
    pub name: String,
    /// How many Cassandra nodes the rack has, at least 1. Raising it adds members one at a time; lowering it is
    /// refused for now. Use the same number in every rack, or some nodes hold more data than others.
    #[schemars(range(min = 1, max = 1000))]
    #[cfg_attr(feature = "garde", garde(range(min = 1, max = 1000)))]
    pub members: i32,
    /// The zone of the rack's members, a value of the node label `topology.kubernetes.io/zone`. Default: any.
    /// Immutable: volumes stay in their zone. Example: `eu-west-1a`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = syntax::LABEL_VALUE.rule("a rack's zone"))]
    #[cfg_attr(
        feature = "garde",
        garde(inner(
            length(chars, min = 1, max = 63),
            custom(checks::written(&syntax::LABEL_VALUE))
        ))
    )]
    pub zone: Option<String>,
}

/// Where data is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("self.ephemeral || has(self.size)").message("set spec.storage.size, for instance 100Gi"),
    validation = Rule::new("!has(self.size) || quantity(string(self.size)).compareTo(quantity('0')) > 0").message("spec.storage.size must be more than 0, for instance 100Gi"),
    validation = Rule::new("has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)").message("spec.storage.storageClassName is immutable: a volume can't change its class"),
    validation = Rule::new("self.ephemeral == oldSelf.ephemeral").message("spec.storage.ephemeral is immutable: data would be left behind"),
    validation = Rule::new("!has(oldSelf.size) || (has(self.size) && quantity(string(self.size)).compareTo(quantity(string(oldSelf.size))) >= 0)").message("spec.storage.size can only grow: a volume can't shrink"),
    validation = Rule::new("!self.ephemeral || !self.adoptRetained").message("spec.storage.adoptRetained needs volumes: it can't be set with spec.storage.ephemeral"),
)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "garde",
    derive(garde::Validate),
    garde(allow_unvalidated),
    garde(context(Scope))
)]
pub struct Storage {
    /// The size of each member's volume. Required unless `ephemeral`. It can grow, if the StorageClass allows
    /// expansion; no restart. A volume never shrinks: one that is larger stays as it is. Example: `100Gi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "garde", garde(custom(checks::size(self.ephemeral))))]
    pub size: Option<Quantity>,
    /// The StorageClass of the volumes. Default: the default class of the Kubernetes cluster. Immutable.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = syntax::OBJECT_NAME.rule("spec.storage.storageClassName"))]
    #[cfg_attr(
        feature = "garde",
        garde(inner(
            length(chars, min = 1, max = 253),
            custom(checks::written(&syntax::OBJECT_NAME))
        ))
    )]
    pub storage_class_name: Option<String>,
    /// Who may have a volume at once: `ReadWriteOnce`, the pods of one node; `ReadWriteOncePod`, one pod, so that
    /// Kubernetes itself keeps a second Cassandra off the data. The second needs a CSI driver that can do it. The
    /// operator locks the volume in either case. Default: ReadWriteOnce. It is for new volumes; those that are there
    /// keep theirs.
    #[serde(default)]
    pub access_mode: AccessMode,
    /// Keeps data on an emptyDir: **it is lost with the pod**. For tests only; the condition Durable warns.
    /// Default: false. Immutable.
    #[serde(default)]
    pub ephemeral: bool,
    /// Takes over the volumes that an earlier cluster of the same name has left in this namespace: the ring
    /// comes back with its host ids, tokens and data. Racks must be the same, with at least as many members.
    /// This is how to recover from the deletion of a cluster by mistake. Default: false, and such volumes
    /// block the cluster until you decide.
    #[serde(default)]
    #[cfg_attr(feature = "garde", garde(custom(checks::adoption(self.ephemeral))))]
    pub adopt_retained: bool,
}

/// `ReadWriteOnce`: the pods of one node may have a volume at once. `ReadWriteOncePod`: one pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(
    missing_docs,
    reason = "CRD schemas drop variant docs; the enum's own says what each is"
)]
pub enum AccessMode {
    #[default]
    ReadWriteOnce,
    ReadWriteOncePod,
}

/// How members find each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// The address that members tell each other and clients: MemberService or PodIP. Default: MemberService, the
    /// address of a Service of each member's own, which stays when the pod moves. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.network.broadcast is immutable: every member would change its address at once"))]
    #[serde(default)]
    pub broadcast: Broadcast,
}

/// `MemberService`: the ClusterIP of the member's own Service. `PodIP`: the pod's address, another one at every
/// start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(
    missing_docs,
    reason = "CRD schemas drop variant docs; the enum's own says what each is"
)]
pub enum Broadcast {
    #[default]
    MemberService,
    PodIP,
}

fn default_datacenter() -> String {
    "dc1".into()
}

impl CassandraClusterSpec {
    /// The Cassandra image to run, if the spec says which.
    pub fn cassandra_image(&self) -> Option<Cow<'_, str>> {
        match (&self.image, &self.version) {
            (Some(image), _) => Some(image.into()),
            (None, Some(version)) => Some(format!("docker.io/library/cassandra:{version}").into()),
            (None, None) => None,
        }
    }
}

#[cfg(feature = "garde")]
fn rack_names_are_unique(racks: &[Rack], _: &Scope) -> garde::Result {
    checks::unique("racks", racks.iter().map(|rack| rack.name.as_str()))
}

#[cfg(feature = "garde")]
fn secret_names_are_unique(secrets: &[ImagePullSecret], _: &Scope) -> garde::Result {
    checks::unique("secrets", secrets.iter().map(|secret| secret.name.as_str()))
}
