//! Objects on the ring: what the gateway's own tests can't show without Cassandra.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use testbed::{bed::NODES, process, workspace};

use super::THREE_RACKS;
use crate::stage::Stage;

/// The suite of tests that every store of the gateway must pass, where a ring keeps three copies. It is played on a node,
/// where the members' addresses are reached.
pub(super) async fn the_gateways_store_does_on_a_ring_what_it_must(stage: &Stage) -> Result<()> {
    let bed = stage.bed().context("the scenario needs the bed")?;
    let points = THREE_RACKS.contact_points(stage).await?;
    let point = points.first().context("no member has an address")?;
    // Built before it is run where nothing can be fetched.
    let suite = "cargo test --workspace --test store_suite --locked --offline";
    process::run(
        process::line(suite)
            .arg("--no-run")
            .current_dir(workspace::root()?),
    )?;
    let [node, ..] = NODES;
    let mut suite = bed.on_node(node, suite);
    suite
        .args(["--", "--ignored"])
        .env("OBJECT_GATEWAY_CASSANDRA", point)
        .env("OBJECT_GATEWAY_DATACENTER", "dc1")
        .env("OBJECT_GATEWAY_REPLICAS", "3")
        .stdin(Stdio::null())
        .current_dir(workspace::root()?);
    let told = tokio::task::spawn_blocking(move || process::stdout(&mut suite)).await??;
    ensure!(
        told.contains("the_store_in_cassandra_does_what_a_store_must ... ok"),
        "the suite was not played:\n{told}"
    );
    let first = THREE_RACKS.names().into_iter().next().unwrap_or_default();
    let drop = "DROP KEYSPACE object_gateway_suite_3;";
    THREE_RACKS.cql(stage, &first, drop).await.map(|_| ())
}
