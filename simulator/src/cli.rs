//! Command line.

use anyhow::{Context as _, Result, bail};
use clap::Parser;

use crate::{
    faults::Plan,
    run::{Report, run},
    scenarios::{self, Scenario},
    tiers::{self, Outcome, Tier},
};

/// Plays the operator's stories with something going wrong at another place each time.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// Only these tiers.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Tier>,
    /// Only this story.
    #[arg(long)]
    scenario: Option<String>,
    /// The seed; for T4 the first of them.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds T4 plays.
    #[arg(long, default_value_t = 2000)]
    seeds: u64,
    /// Plays one run with this seed's faults and prints its last requests.
    #[arg(long)]
    trace: bool,
    /// With --trace: this plan instead, for instance `at 12 crash-before`.
    #[arg(long)]
    plan: Option<Plan>,
}

impl Arguments {
    /// Plays; an error if anything is wrong.
    pub fn run(self) -> Result<()> {
        let scenarios = self.scenarios()?;
        if self.trace {
            return self.trace(&scenarios);
        }
        let wanted = |tier: Tier| self.only.is_empty() || self.only.contains(&tier);
        let (references, outcome) = tiers::references(&scenarios, self.seed)?;
        let mut failed = tell("reference", &outcome);
        for (name, tier) in [("T1", Tier::T1), ("T2", Tier::T2), ("T4", Tier::T4)] {
            if wanted(tier) && failed == 0 {
                let jobs = tiers::jobs(tier, &scenarios, &references, self.seed, self.seeds);
                failed += tell(name, &tiers::play(&jobs)?.1);
            }
        }
        if failed > 0 {
            bail!("{failed} runs are not as they must be");
        }
        Ok(())
    }

    fn scenarios(&self) -> Result<Vec<Scenario>> {
        match &self.scenario {
            None => Ok(scenarios::ALL.to_vec()),
            Some(name) => {
                let found = scenarios::named(name);
                let names = scenarios::ALL
                    .iter()
                    .map(|scenario| scenario.name)
                    .collect::<Vec<_>>();
                let problem = || format!("there is no story {name}, but {}", names.join(", "));
                Ok(vec![found.with_context(problem)?])
            }
        }
    }

    fn trace(&self, scenarios: &[Scenario]) -> Result<()> {
        let plan = self.plan.clone().unwrap_or(Plan::Swarm(self.seed));
        for scenario in scenarios {
            let report = run(*scenario, self.seed, plan.clone())?;
            show(&report);
        }
        Ok(())
    }
}

/// Prints what came of a tier; returns how many runs failed.
fn tell(name: &str, outcome: &Outcome) -> usize {
    let seconds = outcome.took.as_secs_f64();
    let plans = outcome.plans;
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let rate = plans as f64 / seconds;
    say(&format!(
        "{name:<10} {plans:>7} plans {seconds:>8.1} s {rate:>8.1} plans/s   violations {}",
        outcome.failed.len()
    ));
    outcome.failed.iter().take(3).for_each(show);
    outcome.failed.len()
}

fn show(report: &Report) {
    let (name, seed, plan) = (report.scenario, report.seed, &report.plan);
    let problem = report.problem.as_deref().unwrap_or("nothing is wrong");
    say(&format!("\n{name}, seed {seed}, {plan}: {problem}"));
    for line in &report.last {
        say(&format!("    {line}"));
    }
    say(&format!(
        "trace hash {:016x}, {} writes",
        report.hash, report.writes
    ));
}

#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn say(text: &str) {
    println!("{text}");
}
