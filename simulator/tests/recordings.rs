//! What the model of Cassandra shows is what real ones have shown, as `e2e` has recorded it. Gossip reaches members in
//! another order with each seed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use recordings::{Facts, Operation, Paths, Sightings};
use simulator::{
    scenarios,
    simulation::{NAMESPACE, Simulation},
};

const SEEDS: std::ops::RangeInclusive<u64> = 1..=3;

/// A ring without faults, and what its members say while it is made.
async fn created(seed: u64) -> (Simulation, Paths) {
    let simulation = Simulation::new(seed);
    let sightings = look(&simulation).await;
    let create = scenarios::named("create").unwrap();
    (create.steps)(&simulation).await.unwrap();
    let paths = of_all(&simulation, &sightings, Operation::Creation).await;
    (simulation, paths)
}

async fn look(simulation: &Simulation) -> Sightings {
    let api = Api::namespaced(simulation.user(), NAMESPACE);
    Sightings::begin(api, "orders").await.unwrap()
}

/// Waits until an operation was seen to its end.
async fn of_all(simulation: &Simulation, sightings: &Sightings, operation: Operation) -> Paths {
    for _ in 0..3600 {
        if sightings.are_of_all(operation).unwrap() {
            return sightings.paths().unwrap();
        }
        simulation.pass(Duration::from_secs(1)).await;
    }
    panic!("no end to {operation:?}: {:#?}", sightings.paths());
}

/// Does something to a ring, with every seed, and compares what its members say with the facts.
async fn agrees(operation: Operation, act: impl AsyncFn(&Simulation)) {
    let facts = Facts::of(operation).unwrap();
    for seed in SEEDS {
        let (simulation, _) = created(seed).await;
        let sightings = look(&simulation).await;
        act(&simulation).await;
        let paths = of_all(&simulation, &sightings, operation).await;
        compare(&facts, operation, seed, &paths);
    }
}

fn compare(facts: &Facts, operation: Operation, seed: u64, paths: &Paths) {
    let differences = facts.differences(operation, paths);
    assert!(
        differences.is_empty(),
        "seed {seed}:\n{}\nof {paths:#?}",
        differences.join("\n")
    );
}

async fn delete(simulation: &Simulation, pods: &[&str]) {
    for pod in pods {
        simulation.delete::<Pod>(pod).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_ring_comes_to_be_as_real_ones_do() {
    let facts = Facts::of(Operation::Creation).unwrap();
    for seed in SEEDS {
        let (_, paths) = created(seed).await;
        compare(&facts, Operation::Creation, seed, &paths);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_pod_is_deleted_goes_and_comes_as_real_ones_do() {
    agrees(Operation::PodDeleted, async |simulation| {
        delete(simulation, &["orders-r2-0-0"]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_killed_comes_back_as_real_ones_do() {
    agrees(Operation::CassandraKilled, async |simulation| {
        assert!(simulation.ring.kill("orders-r3-0"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_ring_that_stops_as_a_whole_comes_back_as_real_ones_do() {
    agrees(Operation::AllPodsDeleted, async |simulation| {
        delete(
            simulation,
            &["orders-r1-0-0", "orders-r2-0-0", "orders-r3-0-0"],
        )
        .await;
    })
    .await;
}
