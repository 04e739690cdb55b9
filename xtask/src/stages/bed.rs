//! The stages that need a Kubernetes: the scenarios are in the crate `e2e`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use testbed::bed::{Bed, Family};
use testbed::cache::Cache;
use testbed::images::DEFAULT_CASSANDRA_VERSION;
use testbed::process::{line, show, start};
use testbed::progress::Progress;
use testbed::target::{Target, TargetArgs};

use super::summary::Outcome;
use crate::conformance::ConformanceCommand;

/// Runs one set of scenarios, or those of it that are named, on the given Kubernetes, or on the test bed.
pub(super) fn scenarios(
    set: &str,
    only: &[&str],
    long: bool,
    target: &TargetArgs,
    cache: &Cache,
) -> Result<()> {
    let target = target.open(cache, Progress)?;
    let mut run = line("cargo run --quiet --locked --package e2e -- ");
    run.arg(set).args(long.then_some("--long"));
    if !only.is_empty() {
        run.args(["--only", &only.join(",")]);
    }
    if let Target::Given { operator_image, .. } = &target {
        run.args(["--operator-image", operator_image]);
    }
    run.env("KUBECONFIG", target.kubeconfig())
        .env("CASSANDRA_OPERATOR_CACHE", cache.root());
    show_failures(&mut run)
}

/// Shows what scenarios print. The error is what failed, which would be hard to find in it.
fn show_failures(run: &mut Command) -> Result<()> {
    let mut running = start(run.stdout(Stdio::piped()))?;
    let printed = running.stdout.take().map(BufReader::new);
    let mut failed = Vec::new();
    for line in printed.into_iter().flat_map(BufRead::lines) {
        let line = line?;
        println!("{line}");
        if line.starts_with("failed: ") {
            failed.push(line);
        }
    }
    let status = running.wait()?;
    ensure!(
        status.success(),
        "scenarios ended with {status}\n{}",
        failed.join("\n")
    );
    Ok(())
}

/// How many sequences of requests are compared.
const SEQUENCES: u64 = 1000;
const MANY_SEQUENCES: u64 = 10_000;

/// The simulated API server against a real one, which is started for it.
pub(super) fn conformance(long: bool, target: &TargetArgs, cache: &Cache) -> Result<Outcome> {
    if target.given(cache)?.is_some() {
        let why = "random requests are not for the cluster that was given";
        return Ok(Outcome::Skipped(why.into()));
    }
    let sequences = if long { MANY_SEQUENCES } else { SEQUENCES };
    ConformanceCommand::of(sequences).run(cache)?;
    Ok(Outcome::Passed)
}

/// What the bed does to itself on purpose. Everything that runs on it is disturbed, so it comes last.
pub(super) fn own_tests(target: &TargetArgs, cache: &Cache) -> Result<Outcome> {
    if let Target::Given { .. } = target.open(cache, Progress)? {
        return Ok(Outcome::Skipped("this is not the test bed".into()));
    }
    let mut run =
        line("cargo test --locked --package testbed --features bed --test bed -- --test-threads 1");
    show(run.env("CASSANDRA_OPERATOR_CACHE", cache.root()))?;
    Ok(Outcome::Passed)
}

/// What is played with IPv6: a ring comes to be, it is what Cassandra says, and a driver uses it.
const WITH_IPV6: [&str; 4] = [
    "three_racks_become_one_ring",
    "statuses_are_what_nodetool_says",
    "all_addresses_are_of_one_family",
    "no_request_fails_while_a_pod_goes_and_comes_back",
];

/// Rings on a bed that has IPv6 only. There is one bed on a machine: the other goes before, and this one afterwards.
pub(super) fn with_ipv6(target: &TargetArgs, cache: &Cache) -> Result<Outcome> {
    if target.given(cache)?.is_some() {
        let why = "the cluster that was given has the addresses that it has";
        return Ok(Outcome::Skipped(why.into()));
    }
    Progress.step("the test bed that there is goes", || Bed::down(cache))?;
    let versions = [DEFAULT_CASSANDRA_VERSION.to_owned()];
    let played = Bed::up(cache, Family::Ipv6, &versions, Progress)
        .and_then(|_| scenarios("ring", &WITH_IPV6, true, target, cache));
    // Also after a failure: whoever comes next would take it for the bed that they know.
    let down = Progress.step("the test bed with IPv6 goes", || Bed::down(cache));
    played.and(down)?;
    Ok(Outcome::Passed)
}
