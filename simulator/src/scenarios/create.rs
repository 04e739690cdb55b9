//! How rings come to be.

use std::time::Duration;

use cassandra_api::v1alpha1::CassandraCluster;

use super::{cluster, three_racks};
use crate::simulation::{Failure, Simulation};

/// Three racks of one member.
pub(super) async fn create(simulation: &Simulation) -> Result<(), Failure> {
    simulation.start_controller("controller-a");
    simulation.apply("orders", three_racks()).await?;
    simulation.until_ready("orders", 3).await?;
    one_ring_of(simulation, 3)
}

/// One rack of three members.
pub(super) async fn one_rack(simulation: &Simulation) -> Result<(), Failure> {
    simulation.start_controller("controller-a");
    simulation.apply("orders", cluster(&[("only", 3)])).await?;
    simulation.until_ready("orders", 3).await?;
    one_ring_of(simulation, 3)
}

/// There is one ring, and it has this many nodes.
pub(super) fn one_ring_of(simulation: &Simulation, nodes: usize) -> Result<(), Failure> {
    let (rings, members) = (simulation.ring.rings(), simulation.ring.members().len());
    if (rings, members) == (1, nodes) {
        return Ok(());
    }
    Err(Failure::Wrong(format!(
        "{rings} rings with {members} nodes"
    )))
}

/// Two clusters in one namespace, the name of one being the beginning of the other's: each is a ring of its own, and
/// the deletion of one is nothing to the other.
pub(super) async fn neighbours(simulation: &Simulation) -> Result<(), Failure> {
    let before = simulation.ring.members();
    simulation.apply("orders-r1", cluster(&[("r1", 1)])).await?;
    simulation.until_ready("orders-r1", 1).await?;
    simulation.until_ready("orders", 3).await?;
    simulation.delete::<CassandraCluster>("orders-r1").await?;
    simulation.pass(Duration::from_mins(5)).await;
    simulation.until_ready("orders", 3).await?;
    let (rings, after) = (simulation.ring.rings(), simulation.ring.members());
    let same = before
        .iter()
        .all(|(host_id, member)| after.get(host_id) == Some(member));
    if same && rings == 2 {
        return Ok(());
    }
    Err(Failure::Wrong(format!(
        "{rings} rings; nodes were {before:?} and are {after:?}"
    )))
}
