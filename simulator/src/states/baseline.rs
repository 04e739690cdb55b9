//! The objects of a cluster as the operator itself makes them: its plans are carried out until it rests. No agent has
//! reported and no pod is there.

use cassandra_api::v1alpha1::CassandraCluster;
use cassandra_controller::{
    cluster::Observed,
    testing::{self, World},
};

/// The generation of the cluster, so that there are earlier ones.
pub(super) const GENERATION: i64 = 7;

/// A cluster with these racks and nothing else.
pub(super) fn cluster(racks: &[(&str, i32)]) -> CassandraCluster {
    let mut cluster = testing::cluster(racks);
    cluster.metadata.generation = Some(GENERATION);
    cluster
}

/// What is there when the operator has done all that it can do without pods.
pub(super) fn settled(cluster: CassandraCluster) -> Observed {
    let mut world = World::new(cluster);
    world.settle();
    world.observed.owned.pods.clear();
    world.observed
}

#[cfg(test)]
mod tests {
    use cassandra_controller::cluster::decide;

    use super::*;

    #[test]
    fn the_operator_comes_to_rest_on_its_own_objects() {
        let observed = settled(cluster(&[("a", 2), ("b", 1)]));
        let plan = decide(&observed);
        assert_eq!(
            (plan.record, plan.apply, plan.delete),
            (None, vec![], vec![])
        );
        assert_eq!(observed.owned.stateful_sets.len(), 3);
    }
}
