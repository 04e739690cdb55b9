//! What somebody else changes or deletes.

use std::time::Duration;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Service, ServiceAccount},
    policy::v1::PodDisruptionBudget,
    rbac::v1::{Role, RoleBinding},
};

use cassandra_api::{
    identity::container,
    labels, names,
    v1alpha1::{CassandraMember, PeerState},
};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::{PATIENCE, create::one_ring_of};
use crate::{
    json::At as _,
    simulation::{Failure, NAMESPACE, Simulation},
};

/// The StatefulSet and the member that somebody writes to.
const ALTERED: &str = "orders-r1-0";

/// What makes another pod, and is in the way of nothing that the operator wants.
fn addition() -> Value {
    json!({ "spec": { "template": { "spec": { "hostPID": true } } } })
}

/// Every owned object is put back, also one that is there and has only lost its labels, and the ring does not notice.
pub(super) async fn drift(simulation: &Simulation) -> Result<(), Failure> {
    let before = simulation.ring.members();
    let owned = simulation.owned();
    simulation.delete::<PodDisruptionBudget>("orders").await?;
    simulation.delete::<Service>("orders").await?;
    simulation.delete::<Role>("orders-member").await?;
    simulation.delete::<RoleBinding>("orders-member").await?;
    simulation.delete::<ServiceAccount>("orders-member").await?;
    simulation.delete::<StatefulSet>("orders-r2-0").await?;
    simulation.unlabel::<Service>("orders-r3-0").await?;
    let revision = owned
        .iter()
        .find_map(|(kind, name)| (kind == "ConfigMap").then(|| name.clone()));
    simulation
        .delete::<ConfigMap>(&revision.unwrap_or_default())
        .await?;
    simulation
        .edit::<StatefulSet>(ALTERED, None, addition())
        .await?;
    let false_status =
        json!({ "status": { "hostId": "00000000-0000-4000-8000-000000000000", "load": "9GiB" } });
    simulation
        .edit::<CassandraMember>(ALTERED, Some("status"), false_status)
        .await?;
    simulation.pass(Duration::from_mins(3)).await;
    simulation.until_ready("orders", 3).await?;
    let missing: Vec<_> = owned.difference(&simulation.owned()).cloned().collect();
    if !missing.is_empty() {
        return Err(Failure::Wrong(format!("not put back: {missing:?}")));
    }
    let set = simulation
        .server
        .get("apps/v1", "StatefulSet", NAMESPACE, ALTERED);
    let kept = set.is_none_or(|set| set.value().at("/spec/template/spec/hostPID").is_some());
    if kept {
        return Err(Failure::Wrong("what was added is still there".into()));
    }
    if simulation.ring.members() != before {
        return Err(Failure::Wrong("the ring is another one".into()));
    }
    one_ring_of(simulation, 3)
}

/// The agents' account is deleted while a member is away: that it is down is the last that the others' agents say, and
/// each pod is made again all the same.
pub(super) async fn account_deletion(simulation: &Simulation) -> Result<(), Failure> {
    let before = simulation.ring.members();
    let node = simulation.node_of("orders-r2-0-0")?;
    simulation.power(&node, false);
    simulation
        .until("the others to say that it is down", PATIENCE, |now| {
            let others = now.members("orders").into_iter();
            let mut others = others.filter(|(name, _)| name != "orders-r2-0");
            let sees_down = |member: CassandraMember| {
                let view = member.status.map(|status| status.ring_view);
                let mut view = view.into_iter().flatten();
                view.any(|peer| peer.state == PeerState::Down)
            };
            match others.find(|(_, member)| !sees_down(member.clone())) {
                None => Ok(()),
                Some((name, _)) => Err(format!("{name} does not")),
            }
        })
        .await?;
    simulation.delete::<ServiceAccount>("orders-member").await?;
    simulation.power(&node, true);
    simulation
        .until("pods of the new account", PATIENCE, of_the_account)
        .await?;
    simulation.until_ready("orders", 3).await?;
    if simulation.ring.members() != before {
        return Err(Failure::Wrong("the ring is another one".into()));
    }
    one_ring_of(simulation, 3)
}

/// Whether all pods were made for the account that is there.
fn of_the_account(now: &Simulation) -> Result<(), String> {
    let account = now
        .server
        .get("v1", "ServiceAccount", NAMESPACE, "orders-member");
    let uid = account.and_then(|account| account.value().at("/metadata/uid").cloned());
    let uid = uid
        .as_ref()
        .and_then(Value::as_str)
        .ok_or("there is none")?;
    for member in now.members("orders").into_keys() {
        let pod = now.pod(&names::pod(&member));
        let pod = pod.ok_or_else(|| format!("{member} has no pod"))?;
        let made_for = pod.annotations().get(labels::SERVICE_ACCOUNT_UID);
        if made_for.map(String::as_str) != Some(uid) {
            return Err(format!("the pod of {member} is of {made_for:?}"));
        }
    }
    Ok(())
}

/// Somebody scales a member's StatefulSet up while nobody puts it back: the second pod opens no volume.
pub(super) async fn second_pod(simulation: &Simulation) -> Result<(), Failure> {
    let before = simulation.ring.members();
    simulation.kill_controller("controller-a");
    let two = json!({ "spec": { "replicas": 2 } });
    simulation.edit::<StatefulSet>(ALTERED, None, two).await?;
    simulation.pass(Duration::from_mins(10)).await;
    if simulation.ring.members() != before {
        return Err(Failure::Wrong("the ring is another one".into()));
    }
    // The lock on the volume would hold a process up; the bootstrapper lets none begin.
    if let Some(state) = cassandra_of(simulation, "orders-r1-0-1") {
        return Err(Failure::Wrong(format!(
            "Cassandra was begun in the second pod: {state}"
        )));
    }
    simulation.start_controller("controller-b");
    simulation
        .until("the second pod to be gone", PATIENCE, |now| {
            match now.pod("orders-r1-0-1") {
                Some(pod) => Err(format!("{:?}", pod.status.and_then(|status| status.phase))),
                None => Ok(()),
            }
        })
        .await?;
    simulation.until_ready("orders", 3).await?;
    one_ring_of(simulation, 3)
}

/// How the container of Cassandra is in a pod, if it was ever begun.
fn cassandra_of(simulation: &Simulation, pod: &str) -> Option<String> {
    let containers = simulation.pod(pod)?.status?.container_statuses?;
    let cassandra = containers
        .into_iter()
        .find(|c| c.name == container::CASSANDRA)?;
    let waits = cassandra
        .state
        .as_ref()
        .is_some_and(|state| state.waiting.is_some());
    (cassandra.restart_count > 0 || !waits).then(|| format!("{cassandra:?}"))
}
