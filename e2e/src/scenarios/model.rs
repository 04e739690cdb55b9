//! The simulator's model of Cassandra can be believed as far as real ones do the same.

use anyhow::{Context as _, Result, ensure};
use recordings::{Facts, Operation, Sightings};
use testbed::bed::Signal;

use super::THREE_RACKS;
use crate::{
    ring::FORMATION,
    stage::{ModelCheck, Stage},
    wait::{Look, until},
};

/// What members say while pods and processes go and come back is what is on record, which the model is tested with.
pub(super) async fn the_ring_model_tells_what_cassandra_does(stage: &Stage) -> Result<()> {
    let ring = THREE_RACKS;
    let bed = stage.bed().context("this scenario needs the test bed")?;
    ring.ready(stage).await?;
    let before = ring.host_ids(stage).await?;
    ring.whole(stage).await?;
    let pods: Vec<_> = ring
        .names()
        .iter()
        .map(|name| format!("{name}-0"))
        .collect();
    is_of(stage, Operation::PodDeleted, async || {
        delete_pods(stage, &["orders-r2-0-0"]).await
    })
    .await?;
    is_of(stage, Operation::CassandraKilled, async || {
        bed.kill_process_in_pod(ring.namespace, "orders-r3-0-0", "cassandra", Signal::KILL)
    })
    .await?;
    is_of(stage, Operation::AllPodsDeleted, async || {
        let pods: Vec<_> = pods.iter().map(String::as_str).collect();
        delete_pods(stage, &pods).await
    })
    .await?;
    ring.ready(stage).await?;
    ring.is_as_before(stage, &before).await
}

/// Does something to the ring of three racks. What its members say meanwhile is compared with the facts, or recorded.
pub(super) async fn is_of(
    stage: &Stage,
    operation: Operation,
    act: impl AsyncFnOnce() -> Result<()>,
) -> Result<()> {
    if stage.model_check == ModelCheck::Skip {
        println!("  {operation:?} is not compared with the facts on record; --long does");
        return act().await;
    }
    let ring = THREE_RACKS;
    let sightings = Sightings::begin(stage.members(ring.namespace), ring.name).await?;
    act().await?;
    until(
        &format!("all members to be well after {operation:?}"),
        FORMATION,
        async || {
            let seen = format!("{:?}", sightings.paths()?);
            Ok(Look::when(sightings.are_of_all(operation)?, (), seen))
        },
    )
    .await?;
    let paths = sightings.paths()?;
    if stage.model_check == ModelCheck::Record {
        return Facts::record(operation, &paths);
    }
    let differences = Facts::of(operation)?.differences(operation, &paths);
    ensure!(
        differences.is_empty(),
        "{operation:?} is not what is recorded; if Cassandra may do so, --record adds it:\n  {}",
        differences.join("\n  ")
    );
    Ok(())
}

async fn delete_pods(stage: &Stage, pods: &[&str]) -> Result<()> {
    let delete = ["delete", "pod", "--wait=false", "-n", THREE_RACKS.namespace];
    stage.run_kubectl(&[&delete, pods].concat()).await.map(drop)
}
