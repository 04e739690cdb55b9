//! What somebody else changes or deletes.

use std::time::Duration;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Service, ServiceAccount},
    policy::v1::PodDisruptionBudget,
    rbac::v1::{Role, RoleBinding},
};

use super::create::one_ring_of;
use crate::simulation::{Failure, Simulation};

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
    simulation.pass(Duration::from_mins(3)).await;
    simulation.until_ready("orders", 3).await?;
    let missing: Vec<_> = owned.difference(&simulation.owned()).cloned().collect();
    if !missing.is_empty() {
        return Err(Failure::Wrong(format!("not put back: {missing:?}")));
    }
    if simulation.ring.members() != before {
        return Err(Failure::Wrong("the ring is another one".into()));
    }
    one_ring_of(simulation, 3)
}
