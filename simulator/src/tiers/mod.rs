//! The plans of each tier, and playing them on all processors.

mod minimal;
mod regressions;

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

pub use minimal::minimal;
pub use regressions::{Regression, regressions};

use crate::{
    faults::{AtEachWrite, AtWrite, Ended, Forker, Plan, Stale, SwarmPlan},
    run::{FaultCourse, Report, run},
    scenarios::Scenario,
};

/// How plans are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Tier {
    /// The controller's decision on every state of a small world.
    #[value(name = "T0")]
    T0,
    /// Runs that found a bug once.
    #[value(name = "regressions")]
    Regressions,
    /// Nothing goes wrong, and what a seed says: each twice, which must be alike.
    #[value(name = "reference")]
    Reference,
    /// Each write of each scenario × crash before, crash after, error not applied, error applied.
    #[value(name = "T1")]
    T1,
    /// Each write of each scenario × caches that stop, and caches that a restarted component sees for the first time.
    #[value(name = "T2")]
    T2,
    /// Faults of many kinds by a seed, one after the other scenario.
    #[value(name = "T4")]
    T4,
}

/// What came of a tier.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How many runs there were.
    pub plans: usize,
    /// How long they took together.
    pub took: Duration,
    /// Those with a problem.
    pub failed: Vec<Report>,
}

/// What is played of one scenario.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The scenario.
    pub scenario: Scenario,
    /// Its seed. Those of swarms decide what goes wrong, not what else is by chance.
    pub seed: u64,
    /// Its run without faults, once it is known.
    pub reference: Option<&'a Report>,
    /// Whether one violation is enough.
    pub first: bool,
    /// Of so many writes, something goes wrong at one. 1: at each.
    pub share: u64,
}

impl Scope<'_> {
    /// Plays the scenario twice without faults and twice with a seed's: its run without faults. A difference between two
    /// runs of one plan is a problem. Each time all begins anew: what is forked together hashes with the same keys.
    pub fn twice(&self) -> io::Result<(Option<Report>, Outcome)> {
        let plans = vec![Plan::Nothing, Plan::Swarm(SwarmPlan::all(self.seed))];
        let (mut reports, mut outcome) = (Vec::new(), Outcome::default());
        for _ in 0..2 {
            let mut played = Vec::new();
            outcome.add(self.fork_at_the_beginning(plans.clone(), &mut played)?);
            reports.extend(played);
        }
        for plan in &plans {
            let mut alike = reports
                .iter()
                .filter(|report| report.plan == plan.to_string());
            if let Some(first) = alike.next()
                && alike.any(|other| other.hash != first.hash)
            {
                outcome.failed.push(Report {
                    problem: Some("two runs of one seed differ".into()),
                    ..first.clone()
                });
            }
        }
        let nothing = Plan::Nothing.to_string();
        let reference = reports.into_iter().find(|report| report.plan == nothing);
        Ok((reference, outcome))
    }

    /// T1: at each write a crash before it and after it, an error and it is not applied, an error and it is.
    pub fn crashes_and_errors(&self) -> io::Result<Outcome> {
        self.at_each_write(|number| AtWrite::ALL.map(|fault| Plan::At(number, fault)).to_vec())
    }

    /// T2: from each write on, caches are old.
    pub fn old_caches(&self) -> io::Result<Outcome> {
        self.at_each_write(|number| Stale::ALL.map(|fault| Plan::Stale(number, fault)).to_vec())
    }

    fn at_each_write(&self, plans: fn(u64) -> Vec<Plan>) -> io::Result<Outcome> {
        let started = Instant::now();
        let share = self.share.max(1);
        let each = Arc::new(AtEachWrite {
            forker: Forker::new(self.first),
            plans: Box::new(move |number| {
                // The first is among them, so that no scenario is left out.
                if number % share == 1 % share {
                    plans(number)
                } else {
                    Vec::new()
                }
            }),
        });
        let forker = &each.forker;
        let course = FaultCourse::AtEachWrite(each.clone());
        let mut report = run(self.scenario, self.seed, course, self.end())?;
        tell_and_end(forker, &report);
        let mut reports = self.reports(forker.ended()?);
        for without_effect in reports.iter_mut().filter(|other| other.hash == report.hash) {
            let problem = "the plan changes nothing: all requests and answers are those of the run without faults";
            without_effect.problem.get_or_insert_with(|| problem.into());
        }
        let mut outcome = Outcome::of(&reports, started);
        if self
            .reference
            .is_some_and(|reference| reference.hash != report.hash)
        {
            report.problem =
                Some("the run that others are forked from is not the reference".into());
            outcome.failed.push(report);
        }
        Ok(outcome)
    }

    /// Plays the scenario with the faults of each of these seeds.
    pub fn swarms(&self, seeds: impl Iterator<Item = u64>) -> io::Result<Outcome> {
        let plans = seeds
            .map(|seed| Plan::Swarm(SwarmPlan::all(seed)))
            .collect();
        self.fork_at_the_beginning(plans, &mut Vec::new())
    }

    fn fork_at_the_beginning(
        &self,
        plans: Vec<Plan>,
        reports: &mut Vec<Report>,
    ) -> io::Result<Outcome> {
        let started = Instant::now();
        let forker = Forker::new(self.first);
        let course = FaultCourse::FromTheBeginning(plans, &forker);
        let report = run(self.scenario, self.seed, course, self.end())?;
        tell_and_end(&forker, &report);
        *reports = self.reports(forker.ended()?);
        Ok(Outcome::of(reports, started))
    }

    fn end(&self) -> Option<&str> {
        self.reference.map(|report| report.end.as_str())
    }

    fn reports(&self, ended: Vec<Ended>) -> Vec<Report> {
        let report = |ended: Ended| {
            serde_json::from_str(&ended.told)
                .unwrap_or_else(|_| Report::died(self.scenario.name, self.seed, &ended.plan))
        };
        ended.into_iter().map(report).collect()
    }
}

impl Outcome {
    fn of(reports: &[Report], started: Instant) -> Self {
        let failed = reports.iter().filter(|report| report.problem.is_some());
        Self {
            plans: reports.len(),
            took: started.elapsed(),
            failed: failed.cloned().collect(),
        }
    }

    /// Both.
    pub fn add(&mut self, other: Self) {
        self.plans += other.plans;
        self.took += other.took;
        self.failed.extend(other.failed);
    }
}

/// In a run that was forked: the last that it does.
fn tell_and_end(forker: &Forker, report: &Report) {
    if forker.mine().is_some() {
        let told = serde_json::to_string(report).unwrap_or_default();
        forker.tell(&told, report.problem.is_some());
    }
}
