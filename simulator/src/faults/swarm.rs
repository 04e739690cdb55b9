//! Faults of many kinds and rates, all by one seed: for a while, then none, so that the run can come to its end.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use tokio::{sync::mpsc::UnboundedSender, time::Instant};

use super::{Command, injector::CountedFaults};
use crate::{
    components::{is_counted, is_ours},
    kubernetes::{After, Before, Faults, Outcome, Refusal, Request},
};

/// How long things go wrong.
const STORM: Duration = Duration::from_mins(8);

/// Which faults of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwarmPlan {
    /// The seed.
    pub seed: u64,
    /// Only these, counted from 0 in the order in which they happen. None: all.
    pub only: Option<BTreeSet<u64>>,
}

impl SwarmPlan {
    /// All faults of a seed.
    pub fn all(seed: u64) -> Self {
        Self { seed, only: None }
    }
}

/// Faults by a seed.
pub(super) struct Swarm {
    random: Mutex<ChaCha8Rng>,
    only: Option<BTreeSet<u64>>,
    count: AtomicU64,
    rates: Rates,
    over: Instant,
    commands: UnboundedSender<Command>,
}

/// Of ten thousand requests, how many meet each fault. A seed leaves some kinds out.
#[derive(Clone, Copy, Debug)]
struct Rates {
    refused: u32,
    broken_before: u32,
    broken_after: u32,
    conflict: u32,
    crash_before: u32,
    crash_after: u32,
    stale: u32,
    /// The longest that a request takes, in milliseconds.
    latency: u32,
}

impl Swarm {
    /// With the faults of this seed.
    pub(super) fn new(plan: SwarmPlan, commands: UnboundedSender<Command>) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
        let mut rate = |highest: u32| {
            if random.next_u32() % 2 == 0 {
                0
            } else {
                random.next_u32() % highest
            }
        };
        let rates = Rates {
            refused: rate(800),
            broken_before: rate(400),
            broken_after: rate(800),
            conflict: rate(400),
            crash_before: rate(200),
            crash_after: rate(200),
            stale: rate(100),
            latency: rate(900),
        };
        Self {
            random: Mutex::new(random),
            only: plan.only,
            count: AtomicU64::new(0),
            rates,
            over: Instant::now() + STORM,
            commands,
        }
    }

    fn random(&self, below: u32) -> u32 {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        random.next_u32() % below.max(1)
    }

    /// Whether a fault of this rate happens now.
    fn happens(&self, rate: u32) -> bool {
        if rate == 0 || Instant::now() >= self.over || self.random(10_000) >= rate {
            return false;
        }
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        self.only.as_ref().is_none_or(|only| only.contains(&number))
    }

    fn crash(&self, component: &str) {
        drop(self.commands.send(Command::Crash(component.to_owned())));
    }
}

impl CountedFaults for Swarm {
    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

impl Faults for Swarm {
    fn latency(&self, component: &str, _: &Request) -> Duration {
        let longest = self.rates.latency;
        if is_ours(component) && longest > 0 && Instant::now() < self.over {
            Duration::from_millis(u64::from(self.random(longest)))
        } else {
            Duration::ZERO
        }
    }

    fn before(&self, component: &str, request: &Request) -> Before {
        if !is_ours(component) {
            return Before::Proceed;
        }
        if self.happens(self.rates.refused) {
            return Before::Refuse(Refusal::unavailable());
        }
        if self.happens(self.rates.broken_before) {
            return Before::Break;
        }
        if is_counted(component, request) {
            if self.happens(self.rates.crash_before) {
                self.crash(component);
                return Before::Hang;
            }
            if self.happens(self.rates.conflict) {
                return Before::Refuse(Refusal::modified(request.resource.named(), &request.name));
            }
        }
        Before::Proceed
    }

    fn after(&self, component: &str, request: &Request, _: &Outcome) -> After {
        if !is_ours(component) {
            return After::Deliver;
        }
        if is_counted(component, request) {
            if self.happens(self.rates.crash_after) {
                self.crash(component);
                return After::Hang;
            }
            if self.happens(self.rates.stale) {
                let lasting = Duration::from_secs(u64::from(5 + self.random(60)));
                let crash = self.random(2) == 0;
                let component = component.to_owned();
                drop(self.commands.send(Command::Stale {
                    component,
                    lasting,
                    crash,
                }));
            }
        }
        if self.happens(self.rates.broken_after) {
            After::Break
        } else {
            After::Deliver
        }
    }
}
