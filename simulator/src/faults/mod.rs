//! What goes wrong: for a plan at one write, or all the time by a seed.

mod director;
mod plan;
mod split;
mod swarm;

pub use director::{Director, Strikes};
use plan::Planned;
pub use plan::{AtWrite, Plan, Stale};
pub use split::{AtEachWrite, Ended, PlansAt, Splitter};
use swarm::Swarm;
pub use swarm::SwarmPlan;

use crate::kubernetes::{Request, Verb};

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

/// Whether a component is one of ours.
pub fn is_ours(component: &str) -> bool {
    component.starts_with("controller") || component.starts_with("agent of ")
}

/// Whether a request is a write that plans count: not of Leases and Events, which nothing is decided on.
pub fn is_counted(component: &str, request: &Request) -> bool {
    let aside = matches!(request.resource.plural.as_str(), "leases" | "events");
    is_ours(component) && request.verb.writes() && request.verb != Verb::DeleteCollection && !aside
}
