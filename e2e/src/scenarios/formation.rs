//! How rings come to be.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cassandra_api::v1alpha1::StartMode;
use recordings::Operation;

use super::{ONE_RACK, THREE_RACKS, model};
use crate::{
    program::Program,
    ring::{Delays, Ring, Zones},
    stage::Stage,
};

/// One founder, joins one at a time, and a row that everybody has. The simulator's Cassandra does it the same way.
pub(super) async fn three_racks_become_one_ring(stage: &Stage) -> Result<()> {
    stage.fresh_namespace(THREE_RACKS.namespace).await?;
    model::is_of(stage, Operation::Creation, async || {
        grow(stage, THREE_RACKS).await
    })
    .await?;
    THREE_RACKS.write_row(stage, "hello").await?;
    THREE_RACKS.row_is(stage, "hello").await
}

/// The same with a controller that is killed every few seconds, so that it meets each step half done.
pub(super) async fn one_rack_forms_while_the_controller_is_killed(stage: &Stage) -> Result<()> {
    let program = Program::build(stage, ONE_RACK.namespace).await?;
    stage.scale_controller(0).await?;
    let formed = tokio::select! {
        formed = form(stage, ONE_RACK) => formed,
        ended = program.run_and_kill() => ended,
    };
    stage.scale_controller(1).await?;
    formed?;
    statuses_agree(stage, ONE_RACK).await?;
    // A single rack of three has one seed: its first member.
    let members = ONE_RACK.members(stage).await?;
    let first = members
        .get("carts-only-0")
        .and_then(|member| member.spec.broadcast_address.clone());
    let seeds: BTreeSet<_> = members
        .values()
        .map(|member| member.spec.start.seeds.clone())
        .collect();
    ensure!(
        seeds == BTreeSet::from([first.into_iter().collect()]),
        "seeds are {seeds:?}"
    );
    stage.remove_namespace(ONE_RACK.namespace).await
}

/// Versions differ in the names of settings, in Java and in what the management interface has.
pub(super) async fn cassandra_4_1_forms_a_ring(stage: &Stage) -> Result<()> {
    forms_with(stage, "4.1.10", "e2e-4-1").await
}

/// The oldest that is supported.
pub(super) async fn cassandra_4_0_forms_a_ring(stage: &Stage) -> Result<()> {
    forms_with(stage, "4.0.19", "e2e-4-0").await
}

/// The other rings of these scenarios wait for 8 s where Cassandra would wait for 30, and not at all for gossip to settle.
pub(super) async fn two_racks_form_with_cassandras_own_delays(stage: &Stage) -> Result<()> {
    let ring = Ring {
        namespace: "e2e-delays",
        name: "ledger",
        racks: &[("a", 1), ("b", 1)],
        version: "5.0.9",
        zones: Zones::None,
        delays: Delays::Own,
    };
    form(stage, ring).await?;
    statuses_agree(stage, ring).await?;
    stage.remove_namespace(ring.namespace).await
}

async fn forms_with(stage: &Stage, version: &'static str, namespace: &'static str) -> Result<()> {
    let ring = Ring {
        namespace,
        name: "ledger",
        racks: &[("a", 1), ("b", 1)],
        version,
        zones: Zones::None,
        delays: Delays::Short,
    };
    stage.provide_cassandra(version)?;
    form(stage, ring).await?;
    statuses_agree(stage, ring).await?;
    let before = ring.host_ids(stage).await?;
    stage.kill_pod(namespace, "ledger-b-0-0").await?;
    ring.away(stage).await?;
    ring.ready(stage).await?;
    let after = ring.host_ids(stage).await?;
    ensure!(
        before == after,
        "host ids were {before:?} and are {after:?}"
    );
    statuses_agree(stage, ring).await?;
    stage.remove_namespace(namespace).await
}

/// Kubernetes and Cassandra say the same.
pub(super) async fn statuses_are_what_nodetool_says(stage: &Stage) -> Result<()> {
    statuses_agree(stage, THREE_RACKS).await?;
    let members = THREE_RACKS.members(stage).await?;
    // Three racks of one: each is a seed.
    let addresses: BTreeSet<_> = members
        .values()
        .filter_map(|member| member.spec.broadcast_address.clone())
        .collect();
    for (name, member) in &members {
        let seeds: BTreeSet<_> = member.spec.start.seeds.iter().cloned().collect();
        ensure!(
            seeds == addresses,
            "{name} has the seeds {seeds:?}, not {addresses:?}"
        );
    }
    Ok(())
}

async fn form(stage: &Stage, ring: Ring) -> Result<()> {
    stage.fresh_namespace(ring.namespace).await?;
    grow(stage, ring).await
}

async fn grow(stage: &Stage, ring: Ring) -> Result<()> {
    stage
        .apply(ring.namespace, ring.name, &ring.spec(stage))
        .await?;
    let done = AtomicBool::new(false);
    let formation = async {
        let formed = ring.ready(stage).await;
        done.store(true, Ordering::Relaxed);
        formed
    };
    let (ready, founders) = tokio::join!(formation, watch_first_starts(stage, ring, &done));
    let (members, founders) = (ready?, founders?);
    ensure!(founders.len() == 1, "founders: {founders:?}");
    let host_ids: BTreeSet<_> = members
        .values()
        .filter_map(|member| member.status.as_ref()?.host_id.clone())
        .collect();
    ensure!(host_ids.len() == members.len(), "host ids: {host_ids:?}");
    let recorded = ring
        .status(stage)
        .await?
        .record
        .founder
        .and_then(|founder| founder.member);
    ensure!(
        recorded == founders.into_iter().next(),
        "the founder on record is {recorded:?}"
    );
    Ok(())
}

/// Looks several times a second: never may two members start for the first time at once. Returns the founders.
async fn watch_first_starts(
    stage: &Stage,
    ring: Ring,
    done: &AtomicBool,
) -> Result<BTreeSet<String>> {
    let mut founders = BTreeSet::new();
    while !done.load(Ordering::Relaxed) {
        let members = ring.members(stage).await?;
        let mut starting = Vec::new();
        for (name, member) in &members {
            let joined = member
                .status
                .as_ref()
                .is_some_and(|status| status.bootstrapped.is_some());
            match member.spec.start.mode {
                StartMode::CreateRing => {
                    founders.insert(name.clone());
                    starting.extend((!joined).then_some(name));
                }
                StartMode::Join => starting.extend((!joined).then_some(name)),
                StartMode::Hold | StartMode::Rejoin | _ => {}
            }
        }
        ensure!(
            starting.len() <= 1,
            "{starting:?} have a permit to start at the same time"
        );
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Ok(founders)
}

async fn statuses_agree(stage: &Stage, ring: Ring) -> Result<()> {
    let members = ring.members(stage).await?;
    let nodes = ring.whole(stage).await?;
    ensure!(
        nodes.len() == members.len(),
        "nodetool lists {} nodes",
        nodes.len()
    );
    for (name, member) in &members {
        let status = member.status.as_ref().context("a member without status")?;
        let host_id = status
            .host_id
            .as_ref()
            .context("a member without host id")?;
        let node = nodes
            .get(host_id)
            .with_context(|| format!("nodetool does not know {host_id}"))?;
        ensure!(node.state == "UN", "{name} is {}", node.state);
        ensure!(
            node.rack == member.spec.rack,
            "{name} is in rack {}",
            node.rack
        );
        ensure!(
            status.address.as_ref() == Some(&node.address),
            "{name} has {}",
            node.address
        );
        ensure!(
            status.mode.as_deref() == Some("NORMAL"),
            "{name} has mode {:?}",
            status.mode
        );
        ensure!(
            status.release_version.as_deref() == Some(ring.version),
            "{name}: {:?}",
            status.release_version
        );
        ensure!(
            status.ring_view.len() == members.len(),
            "{name} sees {:?}",
            status.ring_view
        );
        // Cassandra's own keyspace of three replicas, and how it makes it.
        let distributed = status.replication.iter().find(|replication| {
            let mut keyspaces = replication.keyspaces.iter();
            keyspaces.any(|keyspace| keyspace == "system_distributed")
        });
        let factor = distributed.and_then(|it| it.options.get("replication_factor"));
        ensure!(
            distributed.is_some_and(|it| it.strategy == "SimpleStrategy")
                && factor.is_some_and(|factor| factor == "3"),
            "{name} tells {:?}",
            status.replication
        );
    }
    Ok(())
}
