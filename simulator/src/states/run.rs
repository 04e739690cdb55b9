//! Looks at all states, on all processors.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use cassandra_controller::cluster::{Observed, Plan, decide};

use super::{
    all_states::AllStates,
    checks::{self, Complaint},
    state::State,
};

/// How many states a thread takes at a time.
const CHUNK: u64 = 512;
/// One state in so many is decided twice: that a decision is a function shows on a few of them.
const TWICE: u64 = 61;
/// One state in so many is decided again with the status that was planned.
const AGAIN: u64 = 13;
/// More failures than these are not described: they are counted.
const MOST: usize = 100;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How many states there were.
    pub plans: usize,
    /// How long it took.
    pub took: Duration,
    /// How many complaints there were.
    pub violations: usize,
    /// The first of them.
    pub failed: Vec<Failure>,
}

/// A plan that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The state's number.
    pub number: u64,
    /// The state in words.
    pub state: String,
    /// The rule, and what is wrong.
    pub complaint: Complaint,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Complaint { number, sentence } = &self.complaint;
        write!(
            f,
            "{number}: {sentence}, in state {}: {}",
            self.number, self.state
        )
    }
}

/// Decides on every state and checks each plan. With a limit: on so many, spread over all.
pub fn enumerate(limit: Option<u64>) -> Outcome {
    let started = Instant::now();
    let space = AllStates::make();
    let size = space.size();
    let count = limit.map_or(size, |limit| limit.min(size));
    let tally = Tally::default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let first = tally.next.fetch_add(CHUNK, Ordering::Relaxed);
                    if first >= count {
                        return;
                    }
                    for index in first..count.min(first + CHUNK) {
                        tally.look_at(&space, spread(index, count, size));
                    }
                }
            });
        }
    });
    let mut failed = tally
        .failed
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    failed.sort_by_key(|failure| failure.number);
    Outcome {
        plans: tally.plans.into_inner(),
        took: started.elapsed(),
        violations: tally.violations.into_inner(),
        failed,
    }
}

/// The number of the state that is looked at in this place.
fn spread(index: u64, count: u64, size: u64) -> u64 {
    let number = u128::from(index) * u128::from(size) / u128::from(count.max(1));
    u64::try_from(number).unwrap_or(size)
}

/// What the threads add to.
#[derive(Default)]
struct Tally {
    next: AtomicU64,
    plans: AtomicUsize,
    violations: AtomicUsize,
    failed: Mutex<Vec<Failure>>,
}

impl Tally {
    fn look_at(&self, space: &AllStates, number: u64) {
        let Some(state) = space.state(number) else {
            return;
        };
        self.plans.fetch_add(1, Ordering::Relaxed);
        for complaint in judge(&state, decide) {
            self.violations.fetch_add(1, Ordering::Relaxed);
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            if failed.len() < MOST {
                failed.push(Failure {
                    number,
                    state: state.to_string(),
                    complaint,
                });
            }
        }
    }
}

/// Everything that is wrong with the decision on this state.
pub fn judge(state: &State, decide: impl Fn(&Observed) -> Plan) -> Vec<Complaint> {
    let attempt = || decided(state, &decide);
    catch_unwind(AssertUnwindSafe(attempt))
        .unwrap_or_else(|_| vec![Complaint::new("S47", "the decision panics")])
}

fn decided(state: &State, decide: &impl Fn(&Observed) -> Plan) -> Vec<Complaint> {
    let plan = decide(&state.observed);
    let mut found = checks::complaints(state, &plan);
    if state.number.is_multiple_of(TWICE) {
        found.extend(checks::changes_its_mind(&plan, &decide(&state.observed)));
    }
    if state.number.is_multiple_of(AGAIN) {
        let after = decide(&checks::next(&state.observed, &plan));
        found.extend(checks::goes_back(&state.observed, &plan, &after));
    }
    found
}
