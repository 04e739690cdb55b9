//! The pod of a member, as it is asked of Kubernetes: whole, so that each change of it is seen and meant.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod world;

use std::sync::Arc;

use cassandra_api::{labels, names, v1alpha1::CassandraCluster};
use cassandra_controller::cluster::{Desired, Kind};
use serde_json::{Value, json};
use world::{World, cluster};

/// The StatefulSet that is written for this member once all that its pod names is there. UIDs are fixed, so that they
/// don't depend on how many writes came before.
fn stateful_set(world: &mut World, member: &str) -> Value {
    world.settle();
    let owned = &mut world.observed.owned;
    let object = owned.members.get_mut(member).unwrap();
    Arc::make_mut(object).metadata.uid = Some("member-uid".into());
    if let Some(claim) = owned.volume_claims.get_mut(&names::volume_claim(member)) {
        Arc::make_mut(claim).metadata.uid = Some("claim-uid".into());
    }
    owned.stateful_sets.remove(member).unwrap();
    let plan = world.decide();
    let is_of_member =
        |desired: &&Desired| desired.kind == Kind::StatefulSet && desired.name == member;
    plan.apply.iter().find(is_of_member).unwrap().object.clone()
}

fn with(spec: &Value) -> CassandraCluster {
    let mut object = serde_json::to_value(cluster(&[("a", 1)])).unwrap();
    let fields = object["spec"].as_object_mut().unwrap();
    fields.extend(spec.as_object().unwrap().clone());
    serde_json::from_value(object).unwrap()
}

#[test]
fn a_pod_of_a_minimal_cluster() {
    let mut world = World::new(cluster(&[("a", 1)]));
    insta::assert_yaml_snapshot!(stateful_set(&mut world, "orders-a-0"));
}

#[test]
fn a_pod_of_a_cluster_with_every_setting() {
    let mut world = World::new(with(&json!({
        "datacenter": "south",
        "racks": [{ "name": "a", "members": 1, "zone": "z1" }],
        "imagePullPolicy": "IfNotPresent",
        "imagePullSecrets": ["registry"],
        "resources": {
            "requests": { "cpu": "500m", "memory": "2Gi" },
            "limits": { "cpu": "2", "memory": "3Gi" },
        },
        "placement": {
            "antiAffinity": "Preferred",
            "nodeSelector": { "disk": "fast" },
            "tolerations": [
                { "key": "cassandra", "operator": "Equal", "value": "yes", "effect": "NoExecute", "tolerationSeconds": 60 },
                { "operator": "Exists" },
            ],
        },
        "network": { "broadcast": "PodIP" },
    })));
    world.settle();
    let claim = world
        .observed
        .owned
        .volume_claims
        .get_mut("data-orders-a-0")
        .unwrap();
    let annotations = &mut Arc::make_mut(claim).metadata.annotations;
    annotations
        .get_or_insert_default()
        .insert(labels::ADOPTED_FROM.into(), "earlier-uid".into());
    insta::assert_yaml_snapshot!(stateful_set(&mut world, "orders-a-0"));
}

#[test]
fn a_pod_that_keeps_nothing() {
    let mut world = World::new(with(&json!({
        "storage": { "ephemeral": true, "size": "1Gi" },
        "placement": { "antiAffinity": "None" },
        "resources": { "requests": {}, "limits": { "memory": "3Gi" } },
    })));
    insta::assert_yaml_snapshot!(stateful_set(&mut world, "orders-a-0"));
}
