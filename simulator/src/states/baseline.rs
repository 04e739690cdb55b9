//! The objects of a cluster as the operator itself makes them: its plans are carried out until it rests. No agent has
//! reported and no pod is there.

use std::sync::Arc;

use cassandra_api::{
    k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp},
    v1alpha1::CassandraCluster,
};
use cassandra_controller::cluster::{Desired, Kind, Observed, Owned, Plan, UserConfig, decide};
use serde_json::{Error, Value, json};

/// The cluster's name.
pub(super) const CLUSTER: &str = "orders";
/// The cluster's UID.
pub(super) const CLUSTER_UID: &str = "cluster-uid";
/// The namespace.
pub(super) const NAMESPACE: &str = "shop";
/// More passes than the operator needs.
const PASSES: usize = 12;

/// A cluster with these racks and nothing else.
pub(super) fn cluster(racks: &[(&str, i32)]) -> Result<CassandraCluster, Error> {
    let racks: Vec<_> = racks
        .iter()
        .map(|(name, members)| json!({ "name": name, "members": members }))
        .collect();
    serde_json::from_value(json!({
        "apiVersion": "cassandra-operator.rs/v1alpha1",
        "kind": "CassandraCluster",
        "metadata": { "name": CLUSTER, "namespace": NAMESPACE, "uid": CLUSTER_UID,
            "resourceVersion": "1", "generation": 7 },
        "spec": { "version": "5.0.9", "racks": racks, "storage": { "size": "1Gi" } },
    }))
}

/// What is there when the operator has done all that it can do without pods.
pub(super) fn settled(cluster: CassandraCluster) -> Result<Observed, Error> {
    let mut observed = Observed {
        now: Time(Timestamp::UNIX_EPOCH),
        cluster: Arc::new(cluster),
        operator_image: "operator:1".into(),
        user_config: UserConfig::None,
        owned: Owned::default(),
        refused: Vec::new(),
    };
    for _ in 0..PASSES {
        let plan = decide(&observed);
        if plan.record.is_none() && plan.apply.is_empty() {
            break;
        }
        carry_out(&mut observed, &plan)?;
    }
    Ok(observed)
}

fn carry_out(observed: &mut Observed, plan: &Plan) -> Result<(), Error> {
    Arc::make_mut(&mut observed.cluster).status = Some(plan.status.clone());
    for desired in &plan.apply {
        let mut object = desired.object.clone();
        // Pods are made by StatefulSets.
        if desired.kind == Kind::Pod {
            continue;
        }
        if desired.kind == Kind::Service {
            let address = format!("10.0.0.{}", observed.owned.services.len());
            give_address(&mut object, &address);
        }
        identify(&mut object, desired);
        observed.owned.put(desired.kind, &desired.name, object)?;
    }
    Ok(())
}

/// What the API server gives a Service that does not say which address it has.
fn give_address(service: &mut Value, address: &str) {
    if let Some(spec) = service.get_mut("spec").and_then(Value::as_object_mut) {
        spec.entry("clusterIP").or_insert_with(|| json!(address));
    }
}

/// What the API server gives every object.
fn identify(object: &mut Value, desired: &Desired) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        let uid = format!("{:?}-{}", desired.kind, desired.name);
        metadata.insert("uid".into(), json!(uid));
        metadata.insert("resourceVersion".into(), json!("100"));
        metadata.insert("namespace".into(), json!(NAMESPACE));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn the_operator_comes_to_rest_on_its_own_objects() {
        let observed = settled(cluster(&[("a", 2), ("b", 1)]).unwrap()).unwrap();
        let plan = decide(&observed);
        assert_eq!(
            (plan.record, plan.apply, plan.delete),
            (None, vec![], vec![])
        );
        assert_eq!(observed.owned.stateful_sets.len(), 3);
    }
}
