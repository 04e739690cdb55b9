//! `cargo xtask test`: everything that must hold, in stages, the quick ones first.
//!
//! A stage that could not run says so and is listed as skipped; nothing is left out in silence.

mod bed;
mod deny;
mod sources;
mod summary;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use self::summary::{Line, Outcome, Summary};
use crate::cache::Cache;
use crate::target::TargetArgs;

/// `cargo xtask test`
#[derive(Debug, Args)]
pub struct TestCommand {
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
    /// The real programs in a simulated Kubernetes, with something going wrong at every write.
    Sim,
    /// The simulated API server against a real one; with --long ten times as much.
    Conformance,
    /// Scenarios on a real API server.
    Apiserver,
    /// Scenarios with real Cassandra.
    E2e,
    /// The test bed itself: what it breaks on purpose, and how it comes back. With --long only.
    Testbed,
}

/// A part that fits into the hour: states spread over all, every third write, the first
/// seeds.
const SIM_IN_SHORT: [&str; 6] = ["--states", "300000", "--share", "3", "--seeds", "600"];

fn sim_arguments(long: bool) -> Vec<String> {
    let arguments = if long { &["--long"][..] } else { &SIM_IN_SHORT };
    arguments.iter().map(ToString::to_string).collect()
}

impl Stage {
    /// As on the command line.
    fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }
}

impl TestCommand {
    /// Runs the stages; an error if one of them failed.
    pub fn run(&self, cache: &Cache) -> Result<()> {
        let mut summary = Summary::default();
        for stage in Stage::value_variants() {
            let wanted = self.only.is_empty() || self.only.contains(stage);
            summary.add(if wanted {
                self.stage(*stage, cache)
            } else {
                let outcome = Outcome::Skipped("not among --only".into());
                Line {
                    name: stage.name(),
                    outcome,
                    took: Duration::ZERO,
                }
            });
        }
        println!("\n{summary}");
        if summary.failed() {
            bail!("not all stages passed");
        }
        Ok(())
    }

    fn stage(&self, stage: Stage, cache: &Cache) -> Line {
        let name = stage.name();
        println!("\n== {name}");
        let started = Instant::now();
        let outcome = self.outcome(stage, cache).unwrap_or_else(|error| {
            println!("{name} failed: {error:#}");
            Outcome::Failed
        });
        if let Outcome::Skipped(why) | Outcome::PassedBut(why) = &outcome {
            println!("skipped: {why}");
        }
        Line {
            name,
            outcome,
            took: started.elapsed(),
        }
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
            Stage::Sim => {
                crate::sim::run(&sim_arguments(self.long))?;
                if !self.long {
                    let why = "two of three writes and most seeds; `cargo xtask sim` plays them";
                    return Ok(Outcome::PassedBut(why.into()));
                }
            }
            Stage::Conformance => return bed::conformance(self.long, &self.target, cache),
            Stage::Apiserver => bed::scenarios("api", self.long, &self.target, cache)?,
            Stage::E2e => bed::scenarios("ring", self.long, &self.target, cache)?,
            Stage::Testbed if !self.long => {
                return Ok(Outcome::Skipped(
                    "the test bed's own tests; --long runs them".into(),
                ));
            }
            Stage::Testbed => return bed::own_tests(&self.target, cache),
        }
        Ok(Outcome::Passed)
    }
}
