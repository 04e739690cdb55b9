//! Nothing goes wrong until the scenario begins; then faults are injected by plan.

use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc::UnboundedSender;

use super::{AtEachWrite, Command, Plan, Planned, Swarm};
use crate::{
    kubernetes::{After, Before, Faults, Outcome, Request},
    oracles::Oracles,
};

/// What goes wrong once a scenario has begun.
#[derive(Clone)]
pub enum InjectedFaults {
    /// This.
    Planned(Plan),
    /// Nothing here; at each write runs are forked in which something does.
    Each(Arc<AtEachWrite>),
}

/// Injects the faults of one run.
pub struct FaultInjector {
    commands: UnboundedSender<Command>,
    oracles: Arc<Oracles>,
    faults: OnceLock<Box<dyn CountedFaults>>,
}

/// Faults that can say how many there were.
pub(super) trait CountedFaults: Faults {
    /// How many there were.
    fn count(&self) -> u64;
}

impl FaultInjector {
    /// Commands go to whoever can carry them out.
    pub fn new(commands: UnboundedSender<Command>, oracles: Arc<Oracles>) -> Self {
        Self {
            commands,
            oracles,
            faults: OnceLock::new(),
        }
    }

    /// The scenario begins. A second time changes nothing.
    pub fn begin(&self, faults: InjectedFaults) {
        let (commands, oracles) = (self.commands.clone(), self.oracles.clone());
        let faults: Box<dyn CountedFaults> = match faults {
            InjectedFaults::Planned(Plan::Swarm(swarm)) => Box::new(Swarm::new(swarm, commands)),
            InjectedFaults::Planned(plan) => Box::new(Planned::new(plan, None, commands, oracles)),
            InjectedFaults::Each(each) => {
                Box::new(Planned::new(Plan::Nothing, Some(each), commands, oracles))
            }
        };
        drop(self.faults.set(faults));
    }

    /// How many faults there were.
    pub fn faults(&self) -> u64 {
        self.faults.get().map_or(0, |faults| faults.count())
    }
}

impl Faults for FaultInjector {
    fn latency(&self, component: &str, request: &Request) -> std::time::Duration {
        let faults = self.faults.get();
        faults.map_or_else(Default::default, |faults| {
            faults.latency(component, request)
        })
    }

    fn before(&self, component: &str, request: &Request) -> Before {
        let faults = self.faults.get();
        faults.map_or(Before::Proceed, |faults| faults.before(component, request))
    }

    fn after(&self, component: &str, request: &Request, outcome: &Outcome) -> After {
        self.oracles.answered(component, request, outcome);
        let faults = self.faults.get();
        faults.map_or(After::Deliver, |faults| {
            faults.after(component, request, outcome)
        })
    }
}
