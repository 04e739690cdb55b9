//! Runs that found a bug once, one file each in `regressions/`: lines that begin with `#` say what it was, the other is
//! `SCENARIO seed SEED: PLAN`.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use crate::{
    faults::Plan,
    run::Report,
    scenarios::{self, Scenario},
};

/// A run that found a bug once.
pub struct Regression {
    /// The scenario.
    pub scenario: Scenario,
    /// The seed.
    pub seed: u64,
    /// What goes wrong.
    pub plan: Plan,
}

/// All of them.
pub fn regressions() -> Result<Vec<Regression>> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/regressions"));
    let mut files: Vec<_> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        for line in lines {
            let what = || format!("{}: {line}", file.display());
            all.push(parse(line).with_context(what)?);
        }
    }
    Ok(all)
}

fn parse(line: &str) -> Result<Regression> {
    let (scenario, plan) = line
        .split_once(": ")
        .context("SCENARIO seed SEED: PLAN is wanted")?;
    let (name, seed) = scenario
        .split_once(" seed ")
        .context("SCENARIO seed SEED is wanted")?;
    Ok(Regression {
        scenario: scenarios::named(name).context("there is no such scenario")?,
        seed: seed.parse()?,
        plan: plan.parse()?,
    })
}

impl Report {
    /// The line that plays it again.
    pub fn regression(&self) -> String {
        format!("{} seed {}: {}", self.scenario, self.seed, self.plan)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn every_regression_is_a_run() {
        assert!(!regressions().unwrap().is_empty());
    }

    #[test]
    fn a_plan_is_read_as_it_is_written() {
        for plan in [
            "nothing",
            "at 3 crash-after",
            "stale 4 lag",
            "swarm 7",
            "swarm 7 only 1,9",
        ] {
            assert_eq!(plan.parse::<Plan>().unwrap().to_string(), plan);
        }
    }
}
