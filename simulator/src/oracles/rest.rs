//! What must be so at the end, when nothing goes on any more.

use cassandra_api::{
    labels,
    v1alpha1::{CassandraCluster, CassandraMember},
};
use serde_json::Value;

use super::text;
use crate::{json::At as _, kubernetes::Server, ring::Ring};

const OURS: &str = "cassandra-operator.rs/v1alpha1";

pub(super) fn check(server: &Server, ring: &Ring) -> Vec<String> {
    let members: Vec<CassandraMember> = all(server, "CassandraMember");
    let clusters: Vec<CassandraCluster> = all(server, "CassandraCluster");
    let mut found = Vec::new();
    found.extend(clusters.iter().filter_map(was_looked_at));
    found.extend(members.iter().filter_map(|member| seeds(ring, member)));
    found.extend(
        server
            .list("v1", "Pod")
            .iter()
            .filter_map(|pod| account(server, pod.value())),
    );
    let budgets = server.list("policy/v1", "PodDisruptionBudget");
    if !members.is_empty() && budgets.is_empty() {
        found.push("S31: there are members and no budget".into());
    }
    found
}

fn all<K: serde::de::DeserializeOwned>(server: &Server, kind: &str) -> Vec<K> {
    let objects = server.list(OURS, kind).into_iter();
    objects
        .filter_map(|object| serde_json::from_value(object.value().clone()).ok())
        .collect()
}

/// L15: agents speak by an account that is there.
fn account(server: &Server, pod: &Value) -> Option<String> {
    let annotations = pod.at("/metadata/annotations")?;
    let made_with = annotations.get(labels::SERVICE_ACCOUNT_UID)?.as_str()?;
    let (namespace, name) = (
        text(pod, "/metadata/namespace"),
        text(pod, "/spec/serviceAccountName"),
    );
    let account = server.get("v1", "ServiceAccount", namespace, name)?;
    (text(account.value(), "/metadata/uid") != made_with).then(|| {
        format!(
            "L15: the agent of pod {} speaks by an account that is gone",
            text(pod, "/metadata/name")
        )
    })
}

/// L13: the status is about the spec that there is.
fn was_looked_at(cluster: &CassandraCluster) -> Option<String> {
    let status = cluster.status.as_ref();
    let observed = status.and_then(|status| status.observed_generation);
    let there = cluster.metadata.generation;
    (observed != there)
        .then(|| format!("L13: generation {there:?} is the spec's and {observed:?} the status's"))
}

/// L12: a node that runs has the seeds that its member is to have.
fn seeds(ring: &Ring, member: &CassandraMember) -> Option<String> {
    let address = member.spec.broadcast_address.as_deref()?;
    let (mut has, mut wanted) = (ring.seeds_at(address)?, member.spec.start.seeds.clone());
    has.sort();
    wanted.sort();
    (has != wanted && ring.serves_at(address)).then(|| {
        let name = member.metadata.name.as_deref().unwrap_or_default();
        format!("L12: the seeds of {name} are {has:?} and not {wanted:?}")
    })
}
