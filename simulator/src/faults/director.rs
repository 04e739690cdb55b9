//! Nothing goes wrong until the story begins; then the plan strikes.

use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc::UnboundedSender;

use super::{AtEachWrite, Command, Plan, Planned, Swarm};
use crate::{
    kubernetes::{After, Before, Faults, Outcome, Request},
    oracles::Oracles,
};

/// What goes wrong once a story has begun.
#[derive(Clone)]
pub enum Strikes {
    /// This.
    Planned(Plan),
    /// Nothing here; at each write runs split off in which something does.
    Each(Arc<AtEachWrite>),
}

/// The faults of one run.
pub struct Director {
    commands: UnboundedSender<Command>,
    oracles: Arc<Oracles>,
    strikes: OnceLock<Box<dyn Strike>>,
}

/// Faults that can say how many there were.
pub(super) trait Strike: Faults {
    /// How many there were.
    fn count(&self) -> u64;
}

impl Director {
    /// Commands go to whoever can carry them out.
    pub fn new(commands: UnboundedSender<Command>, oracles: Arc<Oracles>) -> Self {
        Self {
            commands,
            oracles,
            strikes: OnceLock::new(),
        }
    }

    /// The story begins. A second time changes nothing.
    pub fn begin(&self, strikes: Strikes) {
        let (commands, oracles) = (self.commands.clone(), self.oracles.clone());
        let strikes: Box<dyn Strike> = match strikes {
            Strikes::Planned(Plan::Swarm(swarm)) => Box::new(Swarm::new(swarm, commands)),
            Strikes::Planned(plan) => Box::new(Planned::new(plan, None, commands, oracles)),
            Strikes::Each(each) => {
                Box::new(Planned::new(Plan::Nothing, Some(each), commands, oracles))
            }
        };
        drop(self.strikes.set(strikes));
    }

    /// How many faults there were.
    pub fn strikes(&self) -> u64 {
        self.strikes.get().map_or(0, |strikes| strikes.count())
    }
}

impl Faults for Director {
    fn latency(&self, component: &str, request: &Request) -> std::time::Duration {
        let strikes = self.strikes.get();
        strikes.map_or_else(Default::default, |faults| {
            faults.latency(component, request)
        })
    }

    fn before(&self, component: &str, request: &Request) -> Before {
        let strikes = self.strikes.get();
        strikes.map_or(Before::Proceed, |faults| faults.before(component, request))
    }

    fn after(&self, component: &str, request: &Request, outcome: &Outcome) -> After {
        self.oracles.answered(component, request, outcome);
        let strikes = self.strikes.get();
        strikes.map_or(After::Deliver, |faults| {
            faults.after(component, request, outcome)
        })
    }
}
