//! What goes, and comes back.

use std::{collections::BTreeMap, time::Duration};

use cassandra_api::rules::Rule;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};

use super::{PATIENCE, create::one_ring_of};
use crate::simulation::{Failure, Simulation};

/// A pod that is deleted is the same node again.
pub(super) async fn pod_loss(simulation: &Simulation) -> Result<(), Failure> {
    let before = simulation.ring.members();
    simulation.delete::<Pod>("orders-r2-0-0").await?;
    same_again(simulation, &before).await
}

/// A ring that stops as a whole is one ring again, without anybody founding it.
pub(super) async fn whole_ring_loss(simulation: &Simulation) -> Result<(), Failure> {
    let before = simulation.ring.members();
    for pod in ["orders-r1-0-0", "orders-r2-0-0", "orders-r3-0-0"] {
        simulation.delete::<Pod>(pod).await?;
    }
    same_again(simulation, &before).await
}

/// Another controller takes over in the middle of it all.
pub(super) async fn controller_loss(simulation: &Simulation) -> Result<(), Failure> {
    simulation.start_controller("controller-a");
    simulation.start_controller("controller-b");
    simulation.apply("orders", super::three_racks()).await?;
    let some = |now: &Simulation| {
        if now.ring.members().is_empty() {
            Err("no node".into())
        } else {
            Ok(())
        }
    };
    simulation.until("a first node", PATIENCE, some).await?;
    simulation.kill_controller("controller-a");
    simulation.until_ready("orders", 3).await?;
    simulation.stop_controller("controller-b");
    simulation.start_controller("controller-c");
    simulation.delete::<Pod>("orders-r1-0-0").await?;
    simulation.pass(Duration::from_mins(1)).await;
    simulation.until_ready("orders", 3).await?;
    one_ring_of(simulation, 3)
}

/// A member whose volume is gone never starts empty by itself: it says so and waits for the user, and nobody joins.
pub(super) async fn volume_loss(simulation: &Simulation) -> Result<(), Failure> {
    let before = simulation.ring.members();
    simulation
        .delete::<PersistentVolumeClaim>("data-orders-r2-0")
        .await?;
    simulation.delete::<Pod>("orders-r2-0-0").await?;
    let told = |now: &Simulation| {
        let member = now.members("orders").remove("orders-r2-0");
        match member.and_then(|member| member.spec.waiting) {
            Some(waiting) if waiting.rule == Rule::VolumeLost => Ok(()),
            other => Err(format!("{other:?}")),
        }
    };
    simulation
        .until("the rule volume_lost", PATIENCE, told)
        .await?;
    simulation.pass(Duration::from_mins(30)).await;
    told(simulation).map_err(Failure::Wrong)?;
    let after = simulation.ring.members();
    if after != before {
        return Err(Failure::Wrong(format!(
            "nodes were {before:?} and are {after:?}"
        )));
    }
    one_ring_of(simulation, before.len())
}

async fn same_again(
    simulation: &Simulation,
    before: &BTreeMap<String, String>,
) -> Result<(), Failure> {
    simulation.pass(Duration::from_mins(1)).await;
    simulation.until_ready("orders", before.len()).await?;
    let after = simulation.ring.members();
    if after != *before {
        return Err(Failure::Wrong(format!(
            "nodes were {before:?} and are {after:?}"
        )));
    }
    one_ring_of(simulation, before.len())
}
