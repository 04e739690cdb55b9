//! The plans of each tier, and playing them on all processors.

mod minimal;
mod regressions;

use std::{
    collections::BTreeMap,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

pub use minimal::minimal;
pub use regressions::{Regression, regressions};

use crate::{
    faults::{AtWrite, Ended, Plan, Splitter, Stale, SwarmPlan},
    run::{Course, Report, run},
    scenarios::Scenario,
};

/// How plans are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Tier {
    /// Runs that found a bug once.
    #[value(name = "regressions")]
    Regressions,
    /// Nothing goes wrong; each story twice, which must be alike.
    #[value(name = "reference")]
    Reference,
    /// Each write of each story × crash before, crash after, error not applied, error applied.
    #[value(name = "T1")]
    T1,
    /// Each write of each story × caches that stop, and caches that a restarted component sees for the first time.
    #[value(name = "T2")]
    T2,
    /// Faults of many kinds by a seed, one after the other story.
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

/// The fault-free runs of stories, by name.
pub type References = BTreeMap<String, Report>;

/// What is played.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// These stories.
    pub scenarios: &'a [Scenario],
    /// With this seed; for swarms it is the first of them.
    pub seed: u64,
    /// Whether one violation is enough.
    pub first: bool,
}

impl Scope<'_> {
    /// Plays each story twice without faults. A difference between the two is a problem.
    pub fn references(&self) -> io::Result<(References, Outcome)> {
        let (started, mut outcome) = (Instant::now(), Outcome::default());
        let mut references = References::new();
        for scenario in self.scenarios {
            // Side by side: in processes of their own, which also hash with other seeds.
            let splitter = Splitter::new(|_| Vec::new(), self.first);
            let twice = vec![Plan::Nothing, Plan::Nothing];
            let course = Course::FromTheBeginning(twice, &splitter);
            tell_and_end(&splitter, &run(*scenario, self.seed, course, None)?);
            let mut reports = self.reports(scenario, splitter.ended()?);
            outcome.plans += reports.len();
            if let [first, second] = reports.as_mut_slice()
                && first.hash != second.hash
            {
                second.problem = Some("two runs of one seed differ".into());
            }
            references.extend(reports.first().map(|r| (r.scenario.clone(), r.clone())));
            outcome.add_failed(reports);
            if self.first && !outcome.failed.is_empty() {
                break;
            }
        }
        outcome.took = started.elapsed();
        Ok((references, outcome))
    }

    /// Plays each story with something going wrong at each of its writes.
    pub fn each_write(&self, tier: Tier, references: &References) -> io::Result<Outcome> {
        let plans = match tier {
            Tier::T2 => |number| Stale::ALL.map(|fault| Plan::Stale(number, fault)).to_vec(),
            Tier::Regressions | Tier::Reference | Tier::T1 | Tier::T4 => {
                |number| AtWrite::ALL.map(|fault| Plan::At(number, fault)).to_vec()
            }
        };
        let (started, mut outcome) = (Instant::now(), Outcome::default());
        for scenario in self.scenarios {
            let splitter = Arc::new(Splitter::new(plans, self.first));
            let reference = references.get(scenario.name);
            let end = reference.map(|report| report.end.as_str());
            let course = Course::AtEachWrite(splitter.clone());
            let mut report = run(*scenario, self.seed, course, end)?;
            tell_and_end(&splitter, &report);
            if reference.is_some_and(|reference| reference.hash != report.hash) {
                report.problem =
                    Some("the run that others split off from is not the reference".into());
                outcome.failed.push(report);
            }
            let reports = self.reports(scenario, splitter.ended()?);
            outcome.plans += reports.len();
            outcome.add_failed(reports);
            if self.first && !outcome.failed.is_empty() {
                break;
            }
        }
        outcome.took = started.elapsed();
        Ok(outcome)
    }

    /// Plays so many seeds, one after the other story.
    pub fn swarms(&self, count: u64, references: &References) -> io::Result<Outcome> {
        let (started, mut outcome) = (Instant::now(), Outcome::default());
        for (offset, scenario) in self.scenarios.iter().enumerate() {
            let splitter = Splitter::new(|_| Vec::new(), self.first);
            let seeds = (self.seed..self.seed + count)
                .skip(offset)
                .step_by(self.scenarios.len());
            let plans = seeds
                .map(|seed| Plan::Swarm(SwarmPlan::all(seed)))
                .collect();
            let end = references
                .get(scenario.name)
                .map(|report| report.end.as_str());
            let course = Course::FromTheBeginning(plans, &splitter);
            tell_and_end(&splitter, &run(*scenario, self.seed, course, end)?);
            let reports = self.reports(scenario, splitter.ended()?);
            outcome.plans += reports.len();
            outcome.add_failed(reports);
            if self.first && !outcome.failed.is_empty() {
                break;
            }
        }
        outcome.took = started.elapsed();
        Ok(outcome)
    }

    fn reports(&self, scenario: &Scenario, ended: Vec<Ended>) -> Vec<Report> {
        let report = |ended: Ended| {
            serde_json::from_str(&ended.told)
                .unwrap_or_else(|_| Report::died(scenario.name, self.seed, &ended.plan))
        };
        ended.into_iter().map(report).collect()
    }
}

impl Outcome {
    fn add_failed(&mut self, reports: Vec<Report>) {
        let failed = reports
            .into_iter()
            .filter(|report| report.problem.is_some());
        self.failed.extend(failed);
    }
}

/// In a run that was split off: the last that it does.
fn tell_and_end(splitter: &Splitter, report: &Report) {
    if splitter.mine().is_some() {
        let told = serde_json::to_string(report).unwrap_or_default();
        splitter.tell(&told, report.problem.is_some());
    }
}
