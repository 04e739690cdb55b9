//! Version `v1alpha1` of the kinds.
#![allow(
    unreachable_pub,
    reason = "KubeSchema copies each struct into a function, with its `pub`"
)]

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;

#[cfg(feature = "garde")]
mod checks;
mod cluster;
mod cluster_status;
mod member;
mod member_status;
mod operation;
mod pod_settings;
mod replication;
mod resources;
mod syntax;
mod toleration;

#[cfg(feature = "garde")]
pub use checks::Scope;
pub use cluster::{
    AccessMode, Broadcast, CassandraCluster, CassandraClusterSpec, Network, Rack, Storage,
};
pub use cluster_status::{
    Blocked, CassandraClusterStatus, Founder, MOST_BLOCKED, OperationReport, Phase, RackStatus,
    Record, RecordedOperation,
};
pub use member::{
    CassandraMember, CassandraMemberSpec, ClusterReference, Refresh, Start, StartMode, Workload,
};
pub use member_status::{
    Bootstrapped, CassandraMemberStatus, MemberState, Peer, PeerState, VolumeStatus,
};
pub use operation::{
    Job, JobArguments, JobKind, Operation, OperationKind, OperationState, OperationStatus,
};
pub use pod_settings::{AntiAffinity, Config, ImagePullPolicy, ImagePullSecret, Jvm, Placement};
pub use replication::{MOST_KEYSPACES, Replication};
pub use resources::{ResourceAmounts, Resources};
pub use toleration::Toleration;

/// The CustomResourceDefinitions of all kinds, as `crds/` has them.
pub fn definitions() -> Vec<CustomResourceDefinition> {
    vec![CassandraCluster::crd(), CassandraMember::crd()]
}
