//! Command line.

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand};
use testbed::{cache::CacheArgs, progress::Progress, setup, target::TargetArgs};

use crate::{
    driver::load,
    runner, scenarios,
    stage::{ModelCheck, Stage},
};

/// Which scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// What needs a Kubernetes and the operator, but no ring.
    Api,
    /// What needs a ring.
    Ring,
}

/// Runs scenarios on a Kubernetes.
#[derive(Debug, Parser)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Scenarios that need a Kubernetes and the operator, but no ring.
    Api(Run),
    /// Scenarios that need a ring.
    Ring(Run),
    /// Ask a ring until the input ends; scenarios start this themselves.
    #[command(hide = true)]
    Driver(load::Options),
}

/// How scenarios are run.
#[derive(Debug, Args)]
struct Run {
    /// Only those whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Also those that take long.
    #[arg(long)]
    long: bool,
    /// Adds what is seen of Cassandra to recordings/rings, instead of comparing it with what is there.
    #[arg(long)]
    record: bool,
    #[command(flatten)]
    cache: CacheArgs,
    #[command(flatten)]
    target: TargetArgs,
}

impl Arguments {
    /// Does what they say; an error if a scenario failed.
    pub async fn run(self) -> Result<()> {
        match self.command {
            Command::Api(run) => run.scenarios(Set::Api).await,
            Command::Ring(run) => run.scenarios(Set::Ring).await,
            Command::Driver(options) => load::run(options).await,
        }
    }
}

impl Run {
    async fn scenarios(self, set: Set) -> Result<()> {
        let cache = self.cache.cache()?;
        setup::prepare(&self.target.work(&cache)?, Progress)?;
        let target = self.target.open(&cache, Progress)?;
        let model_check = match (self.record, self.long) {
            (true, _) => ModelCheck::Record,
            (false, true) => ModelCheck::Compare,
            (false, false) => ModelCheck::Skip,
        };
        let stage = Stage::prepare(target, &cache, model_check, self.long).await?;
        let chosen: Vec<_> = scenarios::all()
            .into_iter()
            .filter(|scenario| scenario.set == set)
            .filter(|scenario| {
                self.only
                    .as_ref()
                    .is_none_or(|only| scenario.name.contains(only.as_str()))
            })
            .collect();
        if chosen.is_empty() {
            bail!("there is no such scenario");
        }
        let failed = runner::run(&stage, chosen, self.long).await;
        if failed > 0 {
            bail!("{failed} scenarios failed");
        }
        Ok(())
    }
}
