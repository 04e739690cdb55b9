//! What goes wrong: for a plan at one write, or all the time by a seed.

mod forker;
mod injector;
mod plan;
mod swarm;

pub use forker::{AtEachWrite, Ended, Forker, PlansAt};
pub use injector::{FaultInjector, InjectedFaults};
use plan::Planned;
pub use plan::{AtWrite, Plan, Stale};
use swarm::Swarm;
pub use swarm::SwarmPlan;

/// What has to be done outside the request that it befell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A component is killed, and started again.
    Crash(String),
    /// All caches of API servers but the first stay where they are for this long; the component that is named talks to
    /// one of them from now on, and is killed if that is wanted.
    Stale {
        /// Who sees old things.
        component: String,
        /// For how long.
        lasting: std::time::Duration,
        /// Whether it begins anew with them.
        crash: bool,
    },
}
