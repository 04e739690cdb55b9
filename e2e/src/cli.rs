//! Command line.

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand};
use testbed::{cache::CacheArgs, progress::Progress, setup, target::TargetArgs};

use crate::{
    driver::load,
    runner::{self, Scenario},
    scenarios,
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
    /// Only those whose name contains this, or one of these.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
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
        let chosen = chosen(set, &self.only)?;
        let failed = runner::run(&stage, chosen, self.long).await;
        if failed > 0 {
            bail!("{failed} scenarios failed");
        }
        Ok(())
    }
}

/// The scenarios of a set whose names contain one of these words, or all; each word must be in one.
fn chosen(set: Set, only: &[String]) -> Result<Vec<Scenario>> {
    let mut all = scenarios::all();
    all.retain(|scenario| scenario.set == set);
    for word in only {
        if !all.iter().any(|scenario| scenario.name.contains(word)) {
            bail!("there is no scenario {word}");
        }
    }
    let wanted = |name: &str| only.is_empty() || only.iter().any(|word| name.contains(word));
    all.retain(|scenario| wanted(scenario.name));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_chooses_scenarios_of_the_set() {
        let names = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(ToString::to_string).collect();
            let chosen = chosen(Set::Ring, &words).ok()?;
            Some(chosen.iter().map(|one| one.name).collect::<Vec<_>>())
        };
        let two = [
            "three_racks_become_one_ring",
            "statuses_are_what_nodetool_says",
        ];
        assert_eq!(names(&two).unwrap(), two);
        assert!(names(&[]).unwrap().len() > two.len());
        assert_eq!(names(&["three_racks", "no_such"]), None);
        assert_eq!(names(&["wrong_specs"]), None, "it is of the other set");
    }
}
