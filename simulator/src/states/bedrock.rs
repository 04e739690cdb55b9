//! The objects of a cluster as the operator itself makes them: its plans are carried out until it rests. No agent has
//! reported and no pod is there.

use std::{collections::BTreeMap, sync::Arc};

use cassandra_api::{
    k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp},
    v1alpha1::CassandraCluster,
};
use cassandra_controller::cluster::{Desired, Kind, Observed, Owned, Plan, UserConfig, decide};
use serde::de::DeserializeOwned;
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
    };
    for _ in 0..PASSES {
        let plan = decide(&observed);
        if plan.claim.is_none() && plan.apply.is_empty() {
            break;
        }
        carry_out(&mut observed, &plan)?;
    }
    Ok(observed)
}

fn carry_out(observed: &mut Observed, plan: &Plan) -> Result<(), Error> {
    Arc::make_mut(&mut observed.cluster).status = Some(plan.status.clone());
    let owned = &mut observed.owned;
    for desired in &plan.apply {
        match desired.kind {
            Kind::CassandraMember => put(&mut owned.members, desired)?,
            Kind::ConfigMap => put(&mut owned.config_maps, desired)?,
            Kind::PersistentVolumeClaim => put(&mut owned.volume_claims, desired)?,
            Kind::PodDisruptionBudget => put(&mut owned.budgets, desired)?,
            Kind::Role => put(&mut owned.roles, desired)?,
            Kind::RoleBinding => put(&mut owned.role_bindings, desired)?,
            Kind::ServiceAccount => put(&mut owned.service_accounts, desired)?,
            Kind::StatefulSet => put(&mut owned.stateful_sets, desired)?,
            Kind::Service => {
                let address = format!("10.0.0.{}", owned.services.len());
                put(&mut owned.services, &with_address(desired, &address))?;
            }
            // StatefulSets make them.
            Kind::Pod => {}
        }
    }
    Ok(())
}

/// What the API server gives a Service that does not say which address it has.
fn with_address(desired: &Desired, address: &str) -> Desired {
    let mut desired = desired.clone();
    if let Some(spec) = desired
        .object
        .get_mut("spec")
        .and_then(Value::as_object_mut)
    {
        spec.entry("clusterIP").or_insert_with(|| json!(address));
    }
    desired
}

fn put<K: DeserializeOwned>(
    objects: &mut BTreeMap<String, Arc<K>>,
    desired: &Desired,
) -> Result<(), Error> {
    let mut object = desired.object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        let uid = format!("{:?}-{}", desired.kind, desired.name);
        metadata.insert("uid".into(), json!(uid));
        metadata.insert("resourceVersion".into(), json!("100"));
        metadata.insert("namespace".into(), json!(NAMESPACE));
    }
    let object = Arc::new(serde_json::from_value(object)?);
    objects.insert(desired.name.clone(), object);
    Ok(())
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
            (plan.claim, plan.apply, plan.delete),
            (None, vec![], vec![])
        );
        assert_eq!(observed.owned.stateful_sets.len(), 3);
    }
}
