//! One run from beginning to end: a story, a seed, a plan, and what came of it.

use std::time::{Duration, Instant};

use crate::{
    faults::Plan,
    scenarios::Scenario,
    simulation::{Failure, Simulation},
};

/// How long the operator may still write after the story's end.
const SETTLING: Duration = Duration::from_mins(2);
/// For how long it must not write then.
const QUIET: Duration = Duration::from_mins(11);

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The story.
    pub scenario: &'static str,
    /// The seed.
    pub seed: u64,
    /// What went wrong by plan.
    pub plan: Plan,
    /// What is wrong with the outcome. None: nothing.
    pub problem: Option<String>,
    /// Writes of ours that plans count.
    pub writes: u64,
    /// The end, in words that are the same for every run that ended the same.
    pub end: String,
    /// A hash of all requests and answers.
    pub hash: u64,
    /// The last requests.
    pub last: Vec<String>,
    /// How long it took on this machine.
    pub took: Duration,
}

/// Plays a story.
pub fn run(scenario: Scenario, seed: u64, plan: Plan) -> Result<Report, std::io::Error> {
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    let mut report = runtime.block_on(async {
        let simulation = Simulation::new(seed, plan.clone());
        let mut problem = (scenario.story)(&simulation).await.err();
        if problem.is_none() {
            problem = quiet(&simulation, &plan).await.err();
        }
        judge(scenario, seed, plan, &simulation, problem)
    });
    report.took = started.elapsed();
    Ok(report)
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

fn judge(
    scenario: Scenario,
    seed: u64,
    plan: Plan,
    simulation: &Simulation,
    problem: Option<Failure>,
) -> Report {
    let mut problems = simulation.oracles.violations();
    problems.extend(problem.map(|problem| problem.to_string()));
    if matches!(plan, Plan::Nothing | Plan::At(..)) {
        problems.extend(simulation.oracles.refused());
    }
    Report {
        scenario: scenario.name,
        seed,
        plan,
        problem: (!problems.is_empty()).then(|| problems.join("; ")),
        writes: simulation.oracles.writes(),
        end: simulation.end(),
        hash: simulation.server.trace().hash(),
        last: simulation.server.trace().last(50),
        took: Duration::ZERO,
    }
}
