//! Plans: one fault, at one write of the operator's.

use std::{
    collections::BTreeSet,
    fmt,
    str::FromStr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::mpsc::UnboundedSender;

use super::{AtEachWrite, Command, injector::CountedFaults, swarm::SwarmPlan};
use crate::{
    components::is_counted,
    kubernetes::{After, Before, Faults, Outcome, Refusal, Request},
    oracles::Oracles,
};

/// What goes wrong in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Plan {
    /// Nothing.
    #[default]
    Nothing,
    /// This, at the write of this number, counted from 0.
    At(u64, AtWrite),
    /// From the write of this number on, caches are old.
    Stale(u64, Stale),
    /// Whatever a seed says.
    Swarm(SwarmPlan),
}

/// What goes wrong at a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtWrite {
    /// Its sender is killed before it is applied.
    CrashBefore,
    /// Its sender is killed after it is applied.
    CrashAfter,
    /// It is answered with an error and not applied.
    ErrorNotApplied,
    /// It is applied, and the answer is lost.
    ErrorApplied,
}

impl AtWrite {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::CrashBefore,
        Self::CrashAfter,
        Self::ErrorNotApplied,
        Self::ErrorApplied,
    ];
}

/// How caches are old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// The caches stop for a while.
    Lag,
    /// The sender is killed as well, and begins anew with what was before.
    TimeTravel,
}

impl Stale {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Lag, Self::TimeTravel];
}

/// No plan is written like this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} is no plan: nothing, at NUMBER crash-before|crash-after|error-not-applied|error-applied, stale NUMBER lag|time-travel, swarm SEED, swarm SEED only none|NUMBER,NUMBER,…"
)]
pub struct NoPlan(String);

impl FromStr for Plan {
    type Err = NoPlan;

    fn from_str(text: &str) -> Result<Self, NoPlan> {
        let no = || NoPlan(text.to_owned());
        let number = |word: &str| word.parse().map_err(|_| no());
        let words: Vec<_> = text.split_whitespace().collect();
        Ok(match words.as_slice() {
            ["nothing"] => Self::Nothing,
            ["at", at, "crash-before"] => Self::At(number(at)?, AtWrite::CrashBefore),
            ["at", at, "crash-after"] => Self::At(number(at)?, AtWrite::CrashAfter),
            ["at", at, "error-not-applied"] => Self::At(number(at)?, AtWrite::ErrorNotApplied),
            ["at", at, "error-applied"] => Self::At(number(at)?, AtWrite::ErrorApplied),
            ["stale", at, "lag"] => Self::Stale(number(at)?, Stale::Lag),
            ["stale", at, "time-travel"] => Self::Stale(number(at)?, Stale::TimeTravel),
            ["swarm", seed] => Self::Swarm(SwarmPlan::all(number(seed)?)),
            // Its delays alone.
            ["swarm", seed, "only", "none"] => Self::Swarm(SwarmPlan {
                seed: number(seed)?,
                only: Some(BTreeSet::new()),
            }),
            ["swarm", seed, "only", faults] => Self::Swarm(SwarmPlan {
                seed: number(seed)?,
                only: Some(faults.split(',').map(number).collect::<Result<_, _>>()?),
            }),
            _ => return Err(no()),
        })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::At(number, fault) => {
                let fault = match fault {
                    AtWrite::CrashBefore => "crash-before",
                    AtWrite::CrashAfter => "crash-after",
                    AtWrite::ErrorNotApplied => "error-not-applied",
                    AtWrite::ErrorApplied => "error-applied",
                };
                write!(f, "at {number} {fault}")
            }
            Self::Stale(number, Stale::Lag) => write!(f, "stale {number} lag"),
            Self::Stale(number, Stale::TimeTravel) => write!(f, "stale {number} time-travel"),
            Self::Swarm(SwarmPlan { seed, only: None }) => write!(f, "swarm {seed}"),
            Self::Swarm(SwarmPlan {
                seed,
                only: Some(only),
            }) if only.is_empty() => write!(f, "swarm {seed} only none"),
            Self::Swarm(SwarmPlan {
                seed,
                only: Some(only),
            }) => {
                let only: Vec<_> = only.iter().map(u64::to_string).collect();
                write!(f, "swarm {seed} only {}", only.join(","))
            }
        }
    }
}

/// How long caches stay where they are.
const STALE_FOR: Duration = Duration::from_secs(30);

/// The faults of one plan.
pub(super) struct Planned {
    /// In a run that forks others, what goes wrong in one of those is known only once it is forked.
    plan: Mutex<Plan>,
    each: Option<Arc<AtEachWrite>>,
    commands: UnboundedSender<Command>,
    oracles: Arc<Oracles>,
    writes: AtomicU64,
    /// The number of the write that is under way and befallen: requests are applied one at a time.
    mark: AtomicU64,
}

impl Planned {
    pub(super) fn new(
        plan: Plan,
        each: Option<Arc<AtEachWrite>>,
        commands: UnboundedSender<Command>,
        oracles: Arc<Oracles>,
    ) -> Self {
        Self {
            plan: Mutex::new(plan),
            each,
            commands,
            oracles,
            writes: AtomicU64::new(0),
            mark: AtomicU64::new(u64::MAX),
        }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn command(&self, command: Command) {
        // Nobody listens any more when the run is over.
        drop(self.commands.send(command));
    }
}

impl CountedFaults for Planned {
    fn count(&self) -> u64 {
        u64::from(*self.plan() != Plan::Nothing)
    }
}

impl Faults for Planned {
    fn before(&self, component: &str, request: &Request) -> Before {
        if !is_counted(component, request) {
            return Before::Proceed;
        }
        let number = self.writes.fetch_add(1, Ordering::Relaxed);
        self.oracles.counted(number + 1);
        if let Some(plan) = self.each.as_ref().and_then(|each| each.at(number)) {
            *self.plan() = plan;
        }
        match *self.plan() {
            Plan::At(at, AtWrite::CrashBefore) if at == number => {
                self.command(Command::Crash(component.to_owned()));
                Before::Hang
            }
            Plan::At(at, AtWrite::ErrorNotApplied) if at == number => {
                Before::Refuse(Refusal::unavailable())
            }
            Plan::At(at, _) if at == number => {
                self.mark.store(number, Ordering::Relaxed);
                Before::Proceed
            }
            Plan::Stale(at, how) if at == number => {
                self.command(Command::Stale {
                    component: component.to_owned(),
                    lasting: STALE_FOR,
                    crash: how == Stale::TimeTravel,
                });
                Before::Proceed
            }
            Plan::Nothing | Plan::At(..) | Plan::Stale(..) | Plan::Swarm(_) => Before::Proceed,
        }
    }

    fn after(&self, component: &str, request: &Request, _: &Outcome) -> After {
        if !is_counted(component, request)
            || self.mark.swap(u64::MAX, Ordering::Relaxed) == u64::MAX
        {
            return After::Deliver;
        }
        match *self.plan() {
            Plan::At(_, AtWrite::CrashAfter) => {
                self.command(Command::Crash(component.to_owned()));
                After::Hang
            }
            Plan::At(_, AtWrite::ErrorApplied) => After::Break,
            Plan::Nothing | Plan::At(..) | Plan::Stale(..) | Plan::Swarm(_) => After::Deliver,
        }
    }
}
