//! `cargo xtask demo`: from nothing to a ring of three racks that one can look at with kubectl.

mod example;
mod look;
mod remove;
mod watch;

use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;
use testbed::cache::Cache;
use testbed::install::{Overlay, install};
use testbed::process::{line, run, stdout};
use testbed::progress::Progress;
use testbed::setup::Work;
use testbed::target::{Target, TargetArgs};

/// Where the demo's cluster is.
const NAMESPACE: &str = "demo";
/// Label of what the demo has made, so that it removes nothing else.
const MARK: &str = "cassandra-operator.rs/demo=true";
/// The name under which the demo has installed the operator.
const INSTALLER: &str = "demo";
/// File in the test bed's own folder, with which it goes: the demo has started this bed.
const STARTED_BED: &str = "testbed/started-by-the-demo";

/// `cargo xtask demo`
#[derive(Debug, Args)]
pub(crate) struct DemoCommand {
    #[command(flatten)]
    target: TargetArgs,
    /// Remove what an earlier demo has made: cluster, volumes, operator, and the test bed if it started it.
    #[arg(long)]
    down: bool,
}

impl DemoCommand {
    /// What it asks of the machine.
    pub(crate) fn work(&self, cache: &Cache) -> Result<Vec<Work>> {
        if self.down {
            return Ok(Vec::new());
        }
        self.target.work(cache)
    }

    /// Runs the demo or removes it.
    pub(crate) fn run(&self, cache: &Cache) -> Result<()> {
        let started = Instant::now();
        let progress = Progress;
        if self.down {
            remove::remove(&self.target, cache, progress)?;
        } else {
            self.up(cache, progress)?;
        }
        println!("\ndone in {}", clock(started));
        Ok(())
    }

    fn up(&self, cache: &Cache, progress: Progress) -> Result<()> {
        let nothing_there = self.target.find(cache)?.is_none();
        let target = self.target.open(cache, progress)?;
        if nothing_there {
            std::fs::write(cache.root().join(STARTED_BED), "")?;
        }
        let image = target.operator_image(cache, progress)?;
        progress.step("operator installed, its controller is ready", || {
            install(&target, Overlay::Cluster, &image, INSTALLER)
        })?;
        progress.step(
            "namespace demo, only for pods of the Restricted standard",
            || namespace(&target),
        )?;
        let cluster = example::three_racks(matches!(target, Target::Bed(_)))?;
        progress.step(
            &format!("CassandraCluster {} applied", cluster.name),
            || cluster.apply(&target),
        )?;
        progress.step("three members are ready", || {
            watch::until_ready(&target, &cluster)
        })?;
        look::around(&target, &cluster)?;
        what_next(&target, &cluster.name);
        Ok(())
    }
}

/// A namespace of somebody else is left alone.
fn namespace(target: &Target) -> Result<()> {
    let asked = [
        "get",
        "namespace",
        NAMESPACE,
        "--ignore-not-found",
        "--show-labels",
    ];
    let found = stdout(target.kubectl().args(asked))?;
    if found.is_empty() {
        run(target.kubectl().args(["create", "namespace", NAMESPACE]))?;
    } else {
        ensure!(
            found.contains(MARK),
            "there is a namespace {NAMESPACE} that is not the demo's"
        );
    }
    let restricted = "pod-security.kubernetes.io/enforce=restricted";
    run(target.kubectl().args([
        "label",
        "--overwrite",
        "namespace",
        NAMESPACE,
        MARK,
        restricted,
    ]))
}

fn what_next(target: &Target, cluster: &str) {
    let kubectl = match target {
        Target::Bed(_) => "cargo xtask testbed kubectl --",
        Target::Given { .. } => "kubectl",
    };
    println!("\nWhat to try next:");
    println!(
        "  {kubectl} delete pod -n {NAMESPACE} {cluster}-r2-0-0    # the same Cassandra node comes back"
    );
    println!(
        "  {kubectl} edit cassandracluster -n {NAMESPACE} {cluster}    \
         # raise the members of a rack; `describe` says what a new one waits for"
    );
    println!("  cargo xtask demo --down    # removes everything");
}

/// The time since then as minutes and seconds.
fn clock(since: Instant) -> String {
    let seconds = since.elapsed().as_secs();
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}

/// kubectl with output for the person who looks on.
fn show(target: &Target, words: &str) -> Result<()> {
    println!("\n$ {words}");
    let mut kubectl = target.kubectl();
    kubectl.args(line(words).get_args());
    print!("{}", stdout(&mut kubectl)?);
    Ok(())
}
