//! What goes, and comes back.

use std::{collections::BTreeMap, time::Duration};

use cassandra_api::rules::Rule;
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod};

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
    comes_to_wait(simulation, Rule::VolumeLost, "").await?;
    let after = simulation.ring.members();
    if after != before {
        return Err(Failure::Wrong(format!(
            "nodes were {before:?} and are {after:?}"
        )));
    }
    one_ring_of(simulation, before.len())
}

/// A node is lost, for two minutes and for twenty: two of three go on without it. When it is back, so is the member,
/// in the same pod or, since its time was up, in another one.
pub(super) async fn node_loss(simulation: &Simulation) -> Result<(), Failure> {
    let before = simulation.ring.members();
    for (minutes, evicted) in [(2, false), (20, true)] {
        let node = simulation.node_of("orders-r2-0-0")?;
        simulation.power(&node, false);
        let told = |now: &Simulation| {
            let cluster = now.cluster("orders");
            let ready = cluster.and_then(|cluster| cluster.status?.ready_members);
            if ready == Some(2) {
                Ok(())
            } else {
                Err(format!("{ready:?}"))
            }
        };
        simulation
            .until("two ready members to be told", PATIENCE, told)
            .await?;
        simulation.pass(Duration::from_mins(minutes)).await;
        let pod = simulation.pod("orders-r2-0-0");
        let deleted = pod.map(|pod| pod.metadata.deletion_timestamp.is_some());
        if deleted != Some(evicted) || !simulation.ring.write() {
            return Err(Failure::Wrong(format!(
                "after {minutes} min the pod is to go: {deleted:?}; modes: {:?}",
                simulation.ring.modes()
            )));
        }
        simulation.power(&node, true);
        same_again(simulation, &before).await?;
    }
    Ok(())
}

/// A node is lost and taken out of Kubernetes: the member's pod is made anew and waits for its volume, which is
/// there. It comes back with the node.
pub(super) async fn node_gone(simulation: &Simulation) -> Result<(), Failure> {
    let before = simulation.ring.members();
    let node = simulation.node_of("orders-r2-0-0")?;
    simulation.power(&node, false);
    simulation.pass(Duration::from_mins(10)).await;
    simulation.delete_unnamespaced::<Node>(&node).await?;
    comes_to_wait(simulation, Rule::VolumeAvailable, "").await?;
    simulation.power(&node, true);
    same_again(simulation, &before).await
}

/// The second member comes to wait by this rule, says so in these words, and still does half an hour later.
pub(super) async fn comes_to_wait(
    simulation: &Simulation,
    rule: Rule,
    words: &str,
) -> Result<(), Failure> {
    let told = |now: &Simulation| {
        let member = now.members("orders").remove("orders-r2-0");
        match member.and_then(|member| member.waiting()) {
            Some(waiting) if waiting.rule == rule && waiting.message.contains(words) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    };
    let awaited = format!("the rule {rule}");
    simulation.until(&awaited, PATIENCE, told).await?;
    simulation.pass(Duration::from_mins(30)).await;
    told(simulation).map_err(Failure::Wrong)
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
