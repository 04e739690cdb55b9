//! Labels and annotations. The recommended Kubernetes labels say what an object is; our own say which
//! member it belongs to. Selectors use only labels that never change.

use std::collections::BTreeMap;

/// `app.kubernetes.io/name`: what runs here, always [`APP`].
pub const NAME: &str = "app.kubernetes.io/name";
/// `app.kubernetes.io/managed-by`: who owns the object, [`OPERATOR`] for ours.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// `app.kubernetes.io/instance`: the CassandraCluster's name.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// The CassandraCluster's name.
pub const CLUSTER: &str = "cassandra-operator.rs/cluster";
/// The CassandraCluster's UID. A cluster that was deleted and made again has another one.
pub const CLUSTER_UID: &str = "cassandra-operator.rs/cluster-uid";
/// The rack's name.
pub const RACK: &str = "cassandra-operator.rs/rack";
/// The CassandraMember's name.
pub const MEMBER: &str = "cassandra-operator.rs/member";
/// The member's ordinal within its rack.
pub const ORDINAL: &str = "cassandra-operator.rs/ordinal";

/// Annotation on a pod template: which change of the StatefulSet's spec it was written with, as Kubernetes counts them.
pub const GENERATION: &str = "cassandra-operator.rs/generation";

/// Annotation on a pod: UID of the ServiceAccount that it was made with. Tokens of an account that was deleted are refused,
/// also when another one of its name is there.
pub const SERVICE_ACCOUNT_UID: &str = "cassandra-operator.rs/service-account-uid";

/// Annotation on a volume claim: the host id of the Cassandra node whose data it holds.
pub const HOST_ID: &str = "cassandra-operator.rs/host-id";
/// Annotation on a volume claim: the Cassandra image that its member was last made from. A Member that is made again for
/// this data starts from it, and not from a later one that the spec asks for meanwhile.
pub const IMAGE: &str = "cassandra-operator.rs/image";
/// Annotation on a volume claim: UID of the cluster that it was adopted from.
pub const ADOPTED_FROM: &str = "cassandra-operator.rs/adopted-from";
/// Annotation on a pod: UID of the Member that it was made for. Its agent reports to no other one.
pub const MEMBER_UID: &str = "cassandra-operator.rs/member-uid";
/// Annotation on a pod: digest of the template that it was made from.
pub const TEMPLATE_DIGEST: &str = "cassandra-operator.rs/template-digest";

/// Value of [`NAME`].
pub const APP: &str = "cassandra";
/// Value of [`MANAGED_BY`].
pub const OPERATOR: &str = "cassandra-operator";

/// Label selector for everything that the operator owns.
pub const MANAGED_SELECTOR: &str = "app.kubernetes.io/managed-by=cassandra-operator";

/// Labels of every object of the cluster.
pub fn of_cluster(cluster: &str, uid: &str) -> BTreeMap<String, String> {
    let mut labels = selecting_cluster(cluster);
    labels.insert(INSTANCE.into(), cluster.into());
    labels.insert(CLUSTER_UID.into(), uid.into());
    labels
}

/// Labels of every object of one member.
pub fn of_member(cluster: &str, uid: &str, rack: &str, member: &str) -> BTreeMap<String, String> {
    let mut labels = of_cluster(cluster, uid);
    labels.insert(RACK.into(), rack.into());
    labels.insert(MEMBER.into(), member.into());
    labels
}

/// Selects the pods of a cluster's members, and nothing else of the cluster.
pub fn selecting_cluster(cluster: &str) -> BTreeMap<String, String> {
    [(NAME, APP), (MANAGED_BY, OPERATOR), (CLUSTER, cluster)]
        .map(|(key, value)| (key.into(), value.into()))
        .into()
}

/// Selects the pod of one member.
pub fn selecting_member(cluster: &str, member: &str) -> BTreeMap<String, String> {
    let mut labels = selecting_cluster(cluster);
    labels.insert(MEMBER.into(), member.into());
    labels
}
