//! The pod of a member: the agent beside, two steps before, Cassandra. All within the Restricted Pod Security
//! Standard. The Cassandra image is the official one, unmodified; its entrypoint is not used, since that would write
//! the node's own address into its seeds.
//!
//! Each part is a function that returns what Kubernetes calls it: a container, a mount, a volume. What is absent is
//! `None`, and not sent.

mod affinity;
mod containers;
mod volumes;

use cassandra_api::{
    identity::{Identity, Place},
    k8s_openapi::{
        api::core::v1::{
            LocalObjectReference, PodSecurityContext, PodSpec, PodTemplateSpec, SeccompProfile,
            Toleration,
        },
        apimachinery::pkg::apis::meta::v1::ObjectMeta,
    },
    labels, names,
    quantity::Quantity,
    v1alpha1::{CassandraMemberSpec, Workload},
};
use serde::Serialize;

use crate::cluster::validate::Validated;

/// Cassandra's user and group in the official image.
const USER: i64 = 999;
/// Longest drain, and what Kubernetes leaves for it.
const GRACE_SECONDS: i64 = 300;

/// What makes a pod the member's. Its template is made of this and of nothing else.
#[derive(Serialize)]
pub(super) struct Parts<'a> {
    cluster: (&'a str, &'a str),
    identity: Identity,
    place: Place,
    /// How much an emptyDir may hold, if that is what the data is on.
    size: Option<&'a Quantity>,
    workload: &'a Workload,
}

impl<'a> Parts<'a> {
    /// The pod of a member with this spec, on this volume.
    pub(super) fn new(
        cluster: &'a Validated<'_>,
        (member, member_uid): (&str, &str),
        pvc_uid: Option<String>,
        spec: &CassandraMemberSpec,
        workload: &'a Workload,
    ) -> Self {
        Self {
            cluster: (&cluster.name, &cluster.uid),
            size: cluster
                .spec
                .storage
                .size
                .as_ref()
                .filter(|_| workload.ephemeral),
            identity: Identity {
                member: member.into(),
                member_uid: member_uid.into(),
                pvc_uid,
                broadcast_address: spec.broadcast_address.clone(),
                pod_ip: None,
            },
            place: Place {
                cluster_uid: spec.cluster.uid.clone(),
                adopted_from: spec.adopted_from.clone(),
                cluster_name: spec.cluster_name.clone(),
                datacenter: spec.datacenter.clone(),
                rack: spec.rack.clone(),
            },
            workload,
        }
    }
}

/// The pod's template, without annotations.
pub(super) fn template(parts: &Parts<'_>) -> PodTemplateSpec {
    let (name, uid) = parts.cluster;
    let labels = labels::of_member(name, uid, &parts.place.rack, &parts.identity.member);
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels),
            ..ObjectMeta::default()
        }),
        spec: Some(spec(parts)),
    }
}

fn spec(parts: &Parts<'_>) -> PodSpec {
    let ((cluster, _), workload) = (parts.cluster, parts.workload);
    let placement = &workload.placement;
    let secrets = workload.image_pull_secrets.iter();
    PodSpec {
        service_account_name: Some(names::agent_account(cluster)),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            fs_group: Some(USER),
            fs_group_change_policy: Some("OnRootMismatch".into()),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".into(),
                ..SeccompProfile::default()
            }),
            ..PodSecurityContext::default()
        }),
        affinity: Some(affinity::affinity(cluster, workload)),
        init_containers: Some(vec![
            containers::agent(parts),
            containers::init_config(workload),
            containers::bootstrapper(parts),
        ]),
        containers: vec![containers::cassandra(workload)],
        volumes: Some(volumes::volumes(parts)),
        image_pull_secrets: some(secrets.map(|secret| LocalObjectReference {
            name: secret.name.clone(),
        })),
        node_selector: Some(placement.node_selector.clone()).filter(|all| !all.is_empty()),
        tolerations: some(placement.tolerations.iter().map(|toleration| Toleration {
            key: toleration.key.clone(),
            operator: toleration.operator.clone(),
            value: toleration.value.clone(),
            effect: toleration.effect.clone(),
            toleration_seconds: toleration.toleration_seconds,
        })),
        ..PodSpec::default()
    }
}

/// A list, or nothing if it would be empty.
fn some<T>(items: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let items: Vec<_> = items.collect();
    (!items.is_empty()).then_some(items)
}
