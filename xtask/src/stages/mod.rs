//! `cargo xtask test`: everything that must hold, in stages, the quick ones first. The simulator needs the processors
//! and the scenarios mostly wait, so it plays beside them.
//!
//! A stage that could not run says so and is listed as skipped; nothing is left out in silence.

mod bed;
mod deny;
mod s3;
mod simulator;
mod sources;
mod summary;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use testbed::cache::Cache;
use testbed::setup::Work;
use testbed::target::TargetArgs;

use self::simulator::Simulator;
use self::summary::{Line, Outcome, Summary};

/// `cargo xtask test`
#[derive(Debug, Args)]
pub(crate) struct TestCommand {
    /// Only these stages.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STAGE")]
    only: Vec<Stage>,
    /// Also the scenarios that take longer than an hour in all.
    #[arg(long)]
    long: bool,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// Formatting.
    Fmt,
    /// CRDs and reference documentation are what the types say.
    Generated,
    /// cassandra-api is light enough to embed.
    ApiDeps,
    /// Dependencies: bans, licences, sources, advisories.
    Deny,
    /// Lints.
    Clippy,
    /// Documentation of the crates.
    Docs,
    /// Unit, property and snapshot tests.
    Unit,
    /// Backups in a real S3 server, and real S3 clients at the gateway.
    S3,
    /// The real programs in a simulated Kubernetes, with something going wrong at every write.
    Sim,
    /// Scenarios on a real API server.
    Apiserver,
    /// Scenarios with real Cassandra.
    E2e,
    /// The simulated API server against a real one; with --long ten times as much.
    Conformance,
    /// The test bed itself: what it breaks on purpose, and how it comes back. With --long only.
    Testbed,
    /// A ring on a test bed that has IPv6 only, in place of the one that there is. With --long only.
    Ipv6,
}

impl Stage {
    /// As on the command line.
    fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    fn line(self, outcome: Outcome, took: Duration) -> Line {
        Line {
            name: self.name(),
            outcome,
            took,
        }
    }
}

impl TestCommand {
    /// Runs the stages; an error if one of them failed.
    pub(crate) fn run(&self, cache: &Cache) -> Result<()> {
        let started = Instant::now();
        let mut summary = Summary::default();
        let mut beside = None;
        for stage in Stage::value_variants() {
            if !self.wants(*stage) {
                let why = "not among --only".into();
                summary.add(stage.line(Outcome::Skipped(why), Duration::ZERO));
            } else if *stage == Stage::Sim && self.is_played_beside(cache)? {
                println!("\n== {}", stage.name());
                beside = Some(Simulator::start(self.long, cache)?);
            } else {
                summary.add(self.stage(*stage, cache));
            }
        }
        if let Some(simulator) = beside {
            println!("\n== {}", Stage::Sim.name());
            let (outcome, took) = simulator.finish();
            summary.add(Stage::Sim.line(outcome, took));
        }
        summary.took = started.elapsed();
        println!("\n{summary}");
        if summary.failed() {
            bail!("not all stages passed");
        }
        Ok(())
    }

    /// What it asks of the machine: of all stages, before the first begins.
    pub(crate) fn work(&self, cache: &Cache) -> Result<Vec<Work>> {
        let mut work = Vec::new();
        for stage in Stage::value_variants() {
            if self.wants(*stage) {
                work.extend(self.work_of(*stage, cache)?);
            }
        }
        Ok(work)
    }

    fn work_of(&self, stage: Stage, cache: &Cache) -> Result<Vec<Work>> {
        Ok(match stage {
            Stage::Fmt => vec![Work::Format],
            Stage::Clippy => vec![Work::Lint],
            Stage::Apiserver | Stage::E2e => self.target.work(cache)?,
            Stage::Testbed | Stage::Ipv6 if self.long => self.target.work(cache)?,
            Stage::S3 => vec![Work::S3],
            Stage::Conformance if self.target.given(cache)?.is_none() => vec![Work::ApiServer],
            Stage::Generated
            | Stage::ApiDeps
            | Stage::Deny
            | Stage::Docs
            | Stage::Unit
            | Stage::Sim
            | Stage::Conformance
            | Stage::Testbed
            | Stage::Ipv6 => Vec::new(),
        })
    }

    fn wants(&self, stage: Stage) -> bool {
        self.only.is_empty() || self.only.contains(&stage)
    }

    /// Whether there are scenarios on the test bed to play beside. Both need root.
    fn is_played_beside(&self, cache: &Cache) -> Result<bool> {
        let scenarios = [Stage::Apiserver, Stage::E2e];
        let wanted = scenarios.iter().any(|stage| self.wants(*stage));
        let root = rustix::process::geteuid().is_root();
        Ok(wanted && root && self.target.given(cache)?.is_none())
    }

    fn stage(&self, stage: Stage, cache: &Cache) -> Line {
        let name = stage.name();
        println!("\n== {name}");
        let started = Instant::now();
        let outcome = self.outcome(stage, cache).unwrap_or_else(|error| {
            println!("{name} failed: {error:#}");
            Outcome::Failed(format!("{error:#}"))
        });
        if let Outcome::Skipped(why) | Outcome::PassedBut(why) = &outcome {
            println!("skipped: {why}");
        }
        stage.line(outcome, started.elapsed())
    }

    fn outcome(&self, stage: Stage, cache: &Cache) -> Result<Outcome> {
        match stage {
            Stage::Fmt => sources::fmt()?,
            Stage::Generated => crate::generated::check_all()?,
            Stage::ApiDeps => crate::api_deps::check()?,
            Stage::Deny => return deny::check(cache),
            Stage::Clippy => sources::clippy()?,
            Stage::Docs => sources::docs()?,
            Stage::Unit => sources::unit()?,
            Stage::S3 => return s3::play(self.long, cache),
            Stage::Sim => return simulator::play(self.long),
            Stage::Conformance => return bed::conformance(self.long, &self.target, cache),
            Stage::Apiserver => bed::scenarios("api", &[], self.long, &self.target, cache)?,
            Stage::E2e => bed::scenarios("ring", &[], self.long, &self.target, cache)?,
            Stage::Testbed if !self.long => {
                return Ok(Outcome::Skipped(
                    "the test bed's own tests; --long runs them".into(),
                ));
            }
            Stage::Testbed => return bed::own_tests(&self.target, cache),
            Stage::Ipv6 if !self.long => {
                return Ok(Outcome::Skipped(
                    "a ring on a test bed with IPv6 only; --long runs it".into(),
                ));
            }
            Stage::Ipv6 => return bed::with_ipv6(&self.target, cache),
        }
        Ok(Outcome::Passed)
    }
}
