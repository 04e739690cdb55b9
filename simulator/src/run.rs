//! One run from beginning to end: a scenario, a seed, a plan, and what came of it.

use std::{
    cell::RefCell,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{
    faults::{AtEachWrite, Forker, InjectedFaults, Plan},
    oracles::{Listener, told_in_logs},
    scenarios::Scenario,
    simulation::{Failure, Simulation},
};

/// How long the operator may still write after the scenario's end.
const SETTLING: Duration = Duration::from_mins(2);
/// For how long it must not write then.
const QUIET: Duration = Duration::from_mins(11);
/// How many of the last requests are told.
const LAST: usize = 50;
/// The longest that one of them is told.
const LONGEST_LINE: usize = 300;

/// What came of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// What went wrong by plan, as [`Plan`] is written.
    pub plan: String,
    /// What is wrong with the outcome. None: nothing.
    pub problem: Option<String>,
    /// Writes of ours that plans count.
    pub writes: u64,
    /// How many faults there were.
    pub faults: u64,
    /// The end, in words that are the same for every run that ended the same.
    pub end: String,
    /// A hash of all requests and answers.
    pub hash: u64,
    /// The last requests.
    pub last: Vec<String>,
    /// How long it took on this machine.
    pub took: Duration,
}

/// What goes wrong in a run.
pub enum FaultCourse<'a> {
    /// This.
    Plan(Plan),
    /// Nothing; runs with these plans are forked when the scenario begins.
    FromTheBeginning(Vec<Plan>, &'a Forker),
    /// Nothing; runs are forked at each write.
    AtEachWrite(Arc<AtEachWrite>),
}

thread_local! {
    /// What panicked in this run. Tasks that panic end in silence otherwise.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// From now on what panics is told in the report of its run.
pub fn notice_panics() {
    std::panic::set_hook(Box::new(|panic| {
        PANICS.with(|panics| panics.borrow_mut().push(format!("S47: {panic}")));
    }));
}

/// From now on what is logged is looked at, down to what is logged for debugging.
pub fn listen_to_logs() {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_writer(|| Listener)
        .finish();
    // Somebody else listens: a second time changes nothing.
    drop(tracing::subscriber::set_global_default(subscriber));
}

/// Plays a scenario. With `end`: it has to end like this.
pub fn run(
    scenario: Scenario,
    seed: u64,
    course: FaultCourse<'_>,
    end: Option<&str>,
) -> Result<Report, std::io::Error> {
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    PANICS.with(|panics| panics.borrow_mut().clear());
    // The jitter of kube's back-off, which would come from the real clock.
    fastrand::seed(seed);
    let mut report = runtime.block_on(play(scenario, seed, course, end));
    report.took = started.elapsed();
    Ok(report)
}

async fn play(scenario: Scenario, seed: u64, course: FaultCourse<'_>, end: Option<&str>) -> Report {
    let simulation = Simulation::new(seed);
    let mut problem = None;
    if let Some(given) = scenario.given {
        problem = given(&simulation).await.err();
    }
    let (mut plan, mut forks) = (Plan::Nothing, None);
    let faults = match course {
        FaultCourse::Plan(planned) => {
            plan = planned;
            InjectedFaults::Planned(plan.clone())
        }
        FaultCourse::FromTheBeginning(plans, forker) => match forker.each(plans) {
            Some(mine) => {
                plan = mine;
                InjectedFaults::Planned(plan.clone())
            }
            // All are forked.
            None => return judge(scenario, seed, &plan, &simulation, problem, None),
        },
        FaultCourse::AtEachWrite(each) => {
            forks = Some(each.clone());
            InjectedFaults::Each(each)
        }
    };
    simulation.begin(faults);
    if problem.is_none() {
        problem = (scenario.steps)(&simulation).await.err();
    }
    if let Some(mine) = forks.as_ref().and_then(|each| each.forker.mine()) {
        plan = mine.clone();
    }
    if problem.is_none() {
        problem = quiet(&simulation, &plan).await.err();
    }
    judge(scenario, seed, &plan, &simulation, problem, end)
}

/// S42: who has nothing to do writes nothing.
async fn quiet(simulation: &Simulation, plan: &Plan) -> Result<(), Failure> {
    simulation.pass(SETTLING).await;
    let unready = simulation.unready_controllers();
    if !unready.is_empty() {
        let problem = format!("L11: {} could not take over", unready.join(", "));
        return Err(Failure::Wrong(problem));
    }
    let before = simulation.oracles.changes();
    let resyncs = if *plan == Plan::Nothing { 10 } else { 1 };
    simulation.pass(QUIET * resyncs).await;
    let writes = simulation.oracles.changes() - before;
    if writes == 0 {
        return Ok(());
    }
    Err(Failure::Wrong(format!(
        "S42: {writes} writes with nothing to do"
    )))
}

impl Report {
    /// Of a run that ended without a word.
    pub fn died(scenario: &str, seed: u64, plan: &Plan) -> Self {
        Self {
            scenario: scenario.to_owned(),
            seed,
            plan: plan.to_string(),
            problem: Some("S47: the run died".into()),
            writes: 0,
            faults: 0,
            end: String::new(),
            hash: 0,
            last: Vec::new(),
            took: Duration::ZERO,
        }
    }
}

fn judge(
    scenario: Scenario,
    seed: u64,
    plan: &Plan,
    simulation: &Simulation,
    problem: Option<Failure>,
    wanted: Option<&str>,
) -> Report {
    let mut problems = simulation.oracles.violations();
    problems.extend(problem.map(|problem| problem.to_string()));
    problems.extend(told_in_logs());
    problems.extend(PANICS.with(|panics| panics.borrow_mut().split_off(0)));
    if matches!(plan, Plan::Nothing | Plan::At(..)) {
        problems.extend(simulation.oracles.refused());
    }
    let end = simulation.end();
    if let Some(wanted) = wanted.filter(|wanted| problems.is_empty() && **wanted != end) {
        let difference = difference(wanted, &end);
        problems.push(format!(
            "it ended otherwise than without faults:\n{difference}"
        ));
    }
    let last = simulation.server.trace().last(LAST).into_iter();
    Report {
        scenario: scenario.name.to_owned(),
        seed,
        plan: plan.to_string(),
        problem: (!problems.is_empty()).then(|| problems.join("; ")),
        writes: simulation.oracles.writes(),
        faults: simulation.faults(),
        end,
        hash: simulation.server.trace().hash(),
        last: last
            .map(|line| line.chars().take(LONGEST_LINE).collect())
            .collect(),
        took: Duration::ZERO,
    }
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
