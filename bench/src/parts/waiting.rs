//! Log lines about clusters that wait: one half for a ConfigMap that is not there, the other for an image that
//! can't be pulled, about which the kubelet says something new every 15 seconds.

use anyhow::{Result, ensure};
use cassandra_api::v1alpha1::{CassandraCluster, Phase};
use tokio::time::{Instant, sleep};

use super::{LIMIT, REST};
use crate::clusters::{cluster, in_phase, names, post};
use crate::environment::BenchEnvironment;
use crate::options::ControllerBench;
use crate::program::Program;
use crate::table::Row;
use crate::world::{NOWHERE, World};

const MEMBERS: usize = 3;

/// From nothing to blocked, then on for a while.
pub(super) async fn measure(
    bench: &ControllerBench,
    mut environment: BenchEnvironment,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let world = World::play(environment.client.clone(), MEMBERS);
    let program = environment.start("waiting").await?;
    let (half, number) = (bench.clusters / 2, bench.clusters);
    let all = names("waiting-", number);
    let posts = all
        .iter()
        .enumerate()
        .map(|(n, name)| stuck(name, n < half))
        .collect();
    post(&environment.client, posts).await?;
    until_blocked(&environment, &world, &program, number).await?;
    let before = program.logged()?;
    environment.audit.news()?;
    sleep(bench.look_on()).await;
    let (after, counts) = (program.logged()?, environment.audit.news()?);

    let what = format!("log of {number} clusters until all were blocked: lines, bytes");
    rows.push(Row::new(
        what,
        format!("{}, {}", before.lines, before.bytes),
    ));
    let minutes = bench.look_on().as_secs_f64() / 60.0;
    let what =
        format!("log of {number} clusters that wait, in the next {minutes:.0} min: lines, bytes");
    let (lines, bytes) = (after.lines - before.lines, after.bytes - before.bytes);
    let row = Row::new(what, format!("{lines}, {bytes}"));
    rows.push(row.beside("about 10,000 lines/min, 3.4 MB/min", "on change only"));
    let what = format!("requests of the controller in these {minutes:.0} min, of them writes");
    rows.push(Row::new(
        what,
        format!("{}, {}", counts.total(), counts.writes),
    ));
    Ok(())
}

fn stuck(name: &str, on_config_map: bool) -> CassandraCluster {
    let mut cluster = cluster(name, MEMBERS);
    if on_config_map {
        cluster.spec.config.from_config_map = Some("nobody-made-it".into());
    } else {
        cluster.spec.image = Some(format!("{NOWHERE}/cassandra:5.0.9"));
    }
    cluster
}

/// Until every cluster says so and every pod has been spoken about in both ways.
async fn until_blocked(
    environment: &BenchEnvironment,
    world: &World,
    program: &Program,
    number: usize,
) -> Result<()> {
    let begun = Instant::now();
    while in_phase(&environment.client, Phase::Blocked).await? < number {
        ensure!(
            begun.elapsed() < LIMIT,
            "the clusters do not become blocked"
        );
        sleep(REST).await;
    }
    sleep(REST * 4).await;
    let (pods, lines) = (world.unpulled(), program.logged()?.lines);
    environment.progress.say(&format!(
        "{number} clusters and {pods} pods wait; {lines} lines so far"
    ));
    Ok(())
}
