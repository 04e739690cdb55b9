//! The plans of each tier, and playing them on all processors.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    faults::{AtWrite, Plan, Stale},
    run::{Report, run},
    scenarios::Scenario,
};

/// How plans are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Tier {
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

/// One run that is to be played.
#[derive(Clone)]
pub struct Job {
    /// The story.
    pub scenario: Scenario,
    /// The seed.
    pub seed: u64,
    /// What goes wrong.
    pub plan: Plan,
    /// How it must end, if that is known.
    pub end: Option<String>,
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
pub type References = BTreeMap<&'static str, Report>;

/// Plays each story twice without faults. A difference between the two is a problem.
pub fn references(
    scenarios: &[Scenario],
    seed: u64,
) -> Result<(References, Outcome), std::io::Error> {
    let twice = scenarios.iter().flat_map(|scenario| [*scenario, *scenario]);
    let jobs = twice.map(|scenario| Job {
        scenario,
        seed,
        plan: Plan::Nothing,
        end: None,
    });
    let (reports, mut outcome) = play(&jobs.collect::<Vec<_>>())?;
    let mut references = References::new();
    for mut report in reports {
        match references.get(report.scenario) {
            Some(first) if first.hash != report.hash => {
                report.problem = Some("two runs of one seed differ".into());
                outcome.failed.push(report);
            }
            Some(_) => {}
            None => drop(references.insert(report.scenario, report)),
        }
    }
    Ok((references, outcome))
}

/// The runs of a tier. `count`: of those that there is no end of.
pub fn jobs(
    tier: Tier,
    scenarios: &[Scenario],
    references: &References,
    seed: u64,
    count: u64,
) -> Vec<Job> {
    let known = |scenario: &Scenario| references.get(scenario.name);
    let mut jobs = Vec::new();
    let mut add = |scenario: &Scenario, seed, plan| {
        let end = known(scenario).map(|report| report.end.clone());
        jobs.push(Job {
            scenario: *scenario,
            seed,
            plan,
            end,
        });
    };
    match tier {
        Tier::Reference => {}
        Tier::T1 => {
            for (scenario, write) in each_write(scenarios, references) {
                for fault in AtWrite::ALL {
                    add(scenario, seed, Plan::At(write, fault));
                }
            }
        }
        Tier::T2 => {
            for (scenario, write) in each_write(scenarios, references) {
                for fault in Stale::ALL {
                    add(scenario, seed, Plan::Stale(write, fault));
                }
            }
        }
        Tier::T4 => {
            for (number, scenario) in (seed..seed + count).zip(scenarios.iter().cycle()) {
                add(scenario, number, Plan::Swarm(number));
            }
        }
    }
    jobs
}

fn each_write<'a>(
    scenarios: &'a [Scenario],
    references: &'a References,
) -> impl Iterator<Item = (&'a Scenario, u64)> {
    scenarios.iter().flat_map(|scenario| {
        let writes = references
            .get(scenario.name)
            .map_or(0, |report| report.writes);
        (0..writes).map(move |write| (scenario, write))
    })
}

/// Plays all, on as many threads as there are processors. The reports are in the order of the jobs.
pub fn play(jobs: &[Job]) -> Result<(Vec<Report>, Outcome), std::io::Error> {
    let started = Instant::now();
    let next = AtomicUsize::new(0);
    let reports = Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(number) else { return };
                    let report = one(job);
                    reports
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(number, report);
                }
            });
        }
    });
    let reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    let reports = reports.into_values().collect::<Result<Vec<_>, _>>()?;
    let failed = reports.iter().filter(|report| report.problem.is_some());
    let outcome = Outcome {
        plans: reports.len(),
        took: started.elapsed(),
        failed: failed.cloned().collect(),
    };
    Ok((reports, outcome))
}

fn one(job: &Job) -> Result<Report, std::io::Error> {
    let mut report = run(job.scenario, job.seed, job.plan.clone())?;
    if let (None, Some(end)) = (&report.problem, &job.end)
        && report.end != *end
    {
        report.problem = Some(format!(
            "it ended otherwise than without faults:\n{}",
            difference(end, &report.end)
        ));
    }
    Ok(report)
}

/// Lines that only one of two ends has.
fn difference(without: &str, with: &str) -> String {
    let missing = without
        .lines()
        .filter(|line| !with.lines().any(|other| other == *line));
    let surplus = with
        .lines()
        .filter(|line| !without.lines().any(|other| other == *line));
    let missing = missing.map(|line| format!("- {line}"));
    let all: Vec<_> = missing
        .chain(surplus.map(|line| format!("+ {line}")))
        .collect();
    all.join("\n")
}
