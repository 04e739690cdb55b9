//! Memory with many members.

use std::time::Duration;

use anyhow::{Result, ensure};
use cassandra_api::v1alpha1::Phase;
use tokio::time::{Instant, sleep};

use super::{LIMIT, REST};
use crate::clusters::{cluster, in_phase, names, post};
use crate::environment::BenchEnvironment;
use crate::options::ControllerBench;
use crate::program::Program;
use crate::table::Row;
use crate::world::World;

/// Brings all members of all clusters up and waits until nothing happens any more.
pub(super) async fn build(
    bench: &ControllerBench,
    environment: &mut BenchEnvironment,
    rows: &mut Vec<Row>,
) -> Result<(World, Program)> {
    let (clusters, members) = (bench.clusters, bench.members);
    let world = World::play(environment.client.clone(), members);
    let program = environment.start("full").await?;
    environment.audit.news()?;
    let begun = Instant::now();
    let posts = names("full-", clusters)
        .iter()
        .map(|name| cluster(name, members))
        .collect();
    post(&environment.client, posts).await?;
    until_ready(&world, clusters * members).await?;
    let (counts, rest) = environment.audit.quiet(REST, LIMIT).await?;
    let ready = in_phase(&environment.client, Phase::Ready).await?;
    ensure!(
        ready == clusters,
        "{ready} of {clusters} clusters are ready"
    );
    let seconds = (rest - begun).as_secs();
    environment.progress.say(&format!(
        "{clusters} × {members} ready and at rest after {seconds} s"
    ));

    let all = clusters * members;
    let what = format!("memory, {clusters} clusters × {members} members, at rest after creation");
    let row = Row::new(what, program.memory()?.to_string());
    rows.push(row.beside("258 (281) MiB, pods never ran", "≤ 60 MiB"));
    let what = format!("requests for one member from nothing to ready (of {all}), of them writes");
    let (total, writes) = (counts.total() / all, counts.writes / all);
    rows.push(Row::new(what, format!("{total}, {writes}")));
    let what = format!("processor time of the controller for that, {all} members");
    rows.push(Row::new(what, format!("{:.0} s", program.cpu_seconds()?)));
    Ok((world, program))
}

async fn until_ready(world: &World, members: usize) -> Result<()> {
    let (mut ready, mut since) = (0, Instant::now());
    while world.ready() < members {
        if world.ready() > ready {
            (ready, since) = (world.ready(), Instant::now());
        }
        ensure!(
            since.elapsed() < Duration::from_mins(5),
            "only {ready} of {members} are ready"
        );
        sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}

/// Lists everything anew, in a new process and in one that runs.
pub(super) async fn measure_relists(
    bench: &ControllerBench,
    environment: &mut BenchEnvironment,
    program: Program,
    rows: &mut Vec<Row>,
) -> Result<Program> {
    let state = format!("{} clusters × {} members", bench.clusters, bench.members);
    program.terminate().await?;
    environment.audit.news()?;
    let program = environment.start("relist").await?;
    let (counts, rest) = environment.audit.quiet(REST, LIMIT).await?;
    let memory = program.memory()?;
    let row = Row::new(
        format!("memory, {state}, after a restart"),
        memory.to_string(),
    );
    rows.push(row.beside("285 MiB", "≤ 60 MiB, peak ≤ 1.5×"));
    let busy = format!(
        "{:.1} s, {:.1} s, {}, {}, {}",
        (rest - program.started).as_secs_f64(),
        program.cpu_seconds()?,
        counts.total(),
        counts.writes,
        program.logged()?.lines
    );
    let what = format!(
        "restart with {state}: until at rest, processor time, requests, of them writes, log lines"
    );
    rows.push(Row::new(what, busy).beside("–, 12.4 s, –, –, 2,400 errors", "no writes"));

    program.reset_peak()?;
    environment.restart_api_server()?;
    environment.audit.quiet(REST * 2, LIMIT).await?;
    let what = format!("memory, {state}, API server restarted: all kinds listed anew at once");
    let row = Row::new(what, program.memory()?.to_string());
    rows.push(row.beside("–", "peak ≤ 1.5×"));
    Ok(program)
}
