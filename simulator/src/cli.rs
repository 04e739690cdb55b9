//! Command line.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;

use crate::{
    faults::{Plan, SwarmPlan},
    run::{FaultCourse, Report, listen_to_logs, notice_panics, run},
    scenarios::{self, Scenario},
    states,
    tiers::{self, Outcome, Scope, Tier},
};

/// Plays the operator's scenarios with something going wrong at another place each time.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// Only these tiers.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Tier>,
    /// Only these scenarios.
    #[arg(long, value_delimiter = ',')]
    scenario: Vec<String>,
    /// The seed; for T4 the first of them.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds T4 plays.
    #[arg(long, default_value_t = 2000)]
    seeds: u64,
    /// How many states T0 looks at, spread over all. Default: all.
    #[arg(long)]
    states: Option<u64>,
    /// T1 and T2 at one of so many writes only.
    #[arg(long, default_value_t = 1)]
    share: u64,
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
        listen_to_logs();
        let scenarios = self.scenarios()?;
        if self.trace {
            return self.trace(&scenarios);
        }
        if self.wants(Tier::T0) && self.scenario.is_empty() {
            states(self.states, self.first)?;
        }
        if self.wants(Tier::Regressions) && self.scenario.is_empty() {
            self.tell("regressions", &regressions()?, &References::new())?;
        }
        let references = self.references(&scenarios)?;
        if self.wants(Tier::T1) {
            self.tier("T1", &scenarios, &references, |_, scope| {
                scope.crashes_and_errors()
            })?;
        }
        if self.wants(Tier::T2) {
            self.tier("T2", &scenarios, &references, |_, scope| scope.old_caches())?;
        }
        if self.wants(Tier::T4) {
            let seeds = if self.long {
                self.seeds * 50
            } else {
                self.seeds
            };
            // One after the other scenario.
            let of = |number| {
                (self.seed..self.seed + seeds)
                    .skip(number)
                    .step_by(scenarios.len())
            };
            self.tier("T4", &scenarios, &references, |number, scope| {
                scope.swarms(of(number))
            })?;
        }
        Ok(())
    }

    fn references(&self, scenarios: &[Scenario]) -> Result<References> {
        let (mut references, mut all) = (References::new(), Outcome::default());
        for scenario in scenarios {
            let (report, outcome) = self.scope(*scenario, &references).twice()?;
            references.extend(report.map(|report| (scenario.name, report)));
            all.add(outcome);
        }
        self.tell("reference", &all, &references)?;
        Ok(references)
    }

    /// Plays a tier, scenario by scenario.
    fn tier(
        &self,
        name: &str,
        scenarios: &[Scenario],
        references: &References,
        play: impl Fn(usize, Scope<'_>) -> std::io::Result<Outcome>,
    ) -> Result<()> {
        let mut all = Outcome::default();
        for (number, scenario) in scenarios.iter().enumerate() {
            let outcome = play(number, self.scope(*scenario, references))?;
            line(&format!("  {name} {}", scenario.name), &outcome);
            all.add(outcome);
            if self.first && !all.failed.is_empty() {
                break;
            }
        }
        self.tell(name, &all, references)
    }

    fn scope<'a>(&self, scenario: Scenario, references: &'a References) -> Scope<'a> {
        Scope {
            scenario,
            seed: self.seed,
            reference: references.get(scenario.name),
            first: self.first,
            share: self.share,
        }
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
            scenarios::named(name)
                .with_context(|| format!("there is no scenario {name}, but {names}"))
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
                FaultCourse::Plan(plan.clone()),
                None,
            )?);
        }
        Ok(())
    }

    /// Prints what came of a tier. An error if a run failed.
    fn tell(&self, name: &str, outcome: &Outcome, references: &References) -> Result<()> {
        line(name, outcome);
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
        bail!("{} runs are not as they must be", outcome.failed.len())
    }
}

/// The fault-free runs of scenarios, by name.
type References = BTreeMap<&'static str, Report>;

/// A line of the table.
fn line(name: &str, outcome: &Outcome) {
    row(name, outcome.plans, outcome.took, outcome.failed.len());
}

fn row(name: &str, plans: usize, took: Duration, violations: usize) {
    let seconds = took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let rate = plans as f64 / seconds.max(0.001);
    say(&format!(
        "{name:<20} {plans:>7} plans {seconds:>7.1} s {rate:>8.1} plans/s   violations {violations}"
    ));
}

/// T0: decisions that break a rule, with the state in which they do.
fn states(count: Option<u64>, first: bool) -> Result<()> {
    let outcome = states::enumerate(count);
    row("T0", outcome.plans, outcome.took, outcome.violations);
    for failure in outcome.failed.iter().take(if first { 1 } else { 10 }) {
        if first {
            let (number, complaint) = (failure.number, &failure.complaint);
            let (rule, sentence) = (complaint.number, &complaint.sentence);
            say(&format!(
                "violation: state seed {number}: decide: {rule}: {sentence}"
            ));
        } else {
            say(&failure.to_string());
        }
    }
    ensure!(
        outcome.violations == 0,
        "{} decisions are not as they must be",
        outcome.violations
    );
    Ok(())
}

fn regressions() -> Result<Outcome> {
    let (started, mut outcome) = (Instant::now(), Outcome::default());
    for regression in tiers::regressions()? {
        let tiers::Regression {
            scenario,
            seed,
            plan,
        } = regression;
        let report = run(scenario, seed, FaultCourse::Plan(plan), None)?;
        outcome.plans += 1;
        outcome
            .failed
            .extend(report.problem.is_some().then_some(report));
    }
    outcome.took = started.elapsed();
    Ok(outcome)
}

/// The same failure with as few faults as possible.
fn smallest(report: &Report, references: &References) -> Result<Report> {
    let Some(scenario) = scenarios::named(&report.scenario) else {
        return Ok(report.clone());
    };
    let end = references.get(scenario.name);
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
        report.hash, report.writes, report.faults
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
