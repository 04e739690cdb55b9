//! Command line.

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use testbed::{cache::CacheArgs, progress::Progress, setup, target::TargetArgs};

use crate::{
    runner, scenarios,
    stage::{ModelCheck, Stage},
};

/// Which scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Set {
    /// What needs a Kubernetes and the operator, but no ring.
    Api,
    /// What needs a ring.
    Ring,
}

/// Runs scenarios on a Kubernetes.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// Which scenarios.
    set: Set,
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
    /// Runs them; an error if one failed.
    pub async fn run(self) -> Result<()> {
        let cache = self.cache.cache()?;
        setup::prepare(&self.target.work(&cache)?, Progress)?;
        let target = self.target.open(&cache, Progress)?;
        let model_check = match (self.record, self.long) {
            (true, _) => ModelCheck::Record,
            (false, true) => ModelCheck::Compare,
            (false, false) => ModelCheck::Skip,
        };
        let stage = Stage::prepare(target, &cache, model_check).await?;
        let chosen: Vec<_> = scenarios::all()
            .into_iter()
            .filter(|scenario| scenario.set == self.set)
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
