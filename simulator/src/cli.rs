//! Command line.

use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::Parser;

use crate::{
    faults::{Plan, SwarmPlan},
    run::{Course, Report, notice_panics, run},
    scenarios::{self, Scenario},
    tiers::{self, Outcome, References, Scope, Tier},
};

/// Plays the operator's stories with something going wrong at another place each time.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// Only these tiers.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Tier>,
    /// Only these stories.
    #[arg(long, value_delimiter = ',')]
    scenario: Vec<String>,
    /// The seed; for T4 the first of them.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds T4 plays.
    #[arg(long, default_value_t = 2000)]
    seeds: u64,
    /// For nights: fifty times as many seeds.
    #[arg(long)]
    long: bool,
    /// Stops at the first violation, and tells it in one line.
    #[arg(long)]
    first: bool,
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
        notice_panics();
        let scenarios = self.scenarios()?;
        if self.trace {
            return self.trace(&scenarios);
        }
        let scope = Scope {
            scenarios: &scenarios,
            seed: self.seed,
            first: self.first,
        };
        if self.wants(Tier::Regressions) && self.scenario.is_empty() {
            self.tell("regressions", &regressions()?, None)?;
        }
        let (references, outcome) = scope.references()?;
        self.tell("reference", &outcome, None)?;
        for (name, tier) in [("T1", Tier::T1), ("T2", Tier::T2)] {
            if self.wants(tier) {
                let outcome = scope.each_write(tier, &references)?;
                self.tell(name, &outcome, Some(&references))?;
            }
        }
        if self.wants(Tier::T4) {
            let seeds = if self.long {
                self.seeds * 50
            } else {
                self.seeds
            };
            let outcome = scope.swarms(seeds, &references)?;
            self.tell("T4", &outcome, Some(&references))?;
        }
        Ok(())
    }

    fn wants(&self, tier: Tier) -> bool {
        self.only.is_empty() || self.only.contains(&tier)
    }

    fn scenarios(&self) -> Result<Vec<Scenario>> {
        if self.scenario.is_empty() {
            return Ok(scenarios::ALL.to_vec());
        }
        let found = self.scenario.iter().map(|name| {
            let names = scenarios::ALL.iter().map(|scenario| scenario.name);
            let names = names.collect::<Vec<_>>().join(", ");
            scenarios::named(name).with_context(|| format!("there is no story {name}, but {names}"))
        });
        found.collect()
    }

    fn trace(&self, scenarios: &[Scenario]) -> Result<()> {
        let swarm = Plan::Swarm(SwarmPlan::all(self.seed));
        let plan = self.plan.clone().unwrap_or(swarm);
        for scenario in scenarios {
            show(&run(
                *scenario,
                self.seed,
                Course::Plan(plan.clone()),
                None,
            )?);
        }
        Ok(())
    }

    /// Prints what came of a tier. An error if a run failed.
    fn tell(&self, name: &str, outcome: &Outcome, references: Option<&References>) -> Result<()> {
        let seconds = outcome.took.as_secs_f64();
        let plans = outcome.plans;
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let rate = plans as f64 / seconds.max(0.001);
        let failed = outcome.failed.len();
        say(&format!(
            "{name:<11} {plans:>7} plans {seconds:>8.1} s {rate:>8.1} plans/s   violations {failed}"
        ));
        let Some(first) = outcome.failed.first() else {
            return Ok(());
        };
        if self.first {
            let problem = first
                .problem
                .as_deref()
                .unwrap_or_default()
                .replace('\n', " ");
            say(&format!("violation: {}: {problem}", first.regression()));
        } else {
            show(&smallest(first, references)?);
            for other in outcome.failed.iter().skip(1).take(20) {
                let problem = other.problem.as_deref().unwrap_or_default();
                say(&format!("also {}: {problem}", other.regression()));
            }
        }
        bail!("{failed} runs are not as they must be")
    }
}

fn regressions() -> Result<Outcome> {
    let (started, mut outcome) = (Instant::now(), Outcome::default());
    for regression in tiers::regressions()? {
        let tiers::Regression {
            scenario,
            seed,
            plan,
        } = regression;
        let report = run(scenario, seed, Course::Plan(plan), None)?;
        outcome.plans += 1;
        outcome
            .failed
            .extend(report.problem.is_some().then_some(report));
    }
    outcome.took = started.elapsed();
    Ok(outcome)
}

/// The same failure with as few faults as possible.
fn smallest(report: &Report, references: Option<&References>) -> Result<Report> {
    let Some(scenario) = scenarios::named(&report.scenario) else {
        return Ok(report.clone());
    };
    let end = references.and_then(|all| all.get(&report.scenario));
    let end = end.map(|reference| reference.end.as_str());
    Ok(tiers::minimal(scenario, report, end)?)
}

fn show(report: &Report) {
    let problem = report.problem.as_deref().unwrap_or("nothing is wrong");
    say(&format!("\n{}: {problem}", report.regression()));
    for line in &report.last {
        say(&format!("    {line}"));
    }
    say(&format!(
        "trace hash {:016x}, {} writes, {} faults",
        report.hash, report.writes, report.strikes
    ));
    say(&format!(
        "again: cargo xtask sim --trace --scenario {} --seed {} --plan '{}'; for ever: a file in simulator/regressions with\n{}",
        report.scenario,
        report.seed,
        report.plan,
        report.regression()
    ));
}

#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn say(text: &str) {
    println!("{text}");
}
