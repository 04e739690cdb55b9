//! How rings come to be.

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
