//! The time of day as each component takes it to be.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use cassandra_controller::clock::Clock as ControllerClock;
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use crate::kubernetes::{Clock, SimulatedClock};

/// How far a clock may be off, in seconds either way.
const FURTHEST: u64 = 600;

/// How far each component's clock is off, by a seed. Before there is one, all are right.
#[derive(Clone, Debug, Default)]
pub(super) struct Skew(Arc<AtomicU64>);

impl Skew {
    /// From now on clocks are off.
    pub(super) fn begin(&self, seed: u64) {
        self.0.store(seed.max(1), Ordering::Relaxed);
    }

    fn seconds(&self, component: &str) -> i64 {
        let seed = self.0.load(Ordering::Relaxed);
        if seed == 0 {
            return 0;
        }
        let mut hasher = DefaultHasher::new();
        (seed, component).hash(&mut hasher);
        let off = hasher.finish() % (2 * FURTHEST + 1);
        i64::try_from(off).unwrap_or(0) - i64::try_from(FURTHEST).unwrap_or(0)
    }
}

/// The clock of one component.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub(super) clock: SimulatedClock,
    pub(super) skew: Skew,
    pub(super) component: String,
}

impl Watch {
    /// What it shows, in whole seconds as Kubernetes' times are.
    fn shown(&self) -> Time {
        let now = self.clock.now().as_second() + self.skew.seconds(&self.component);
        Time(Timestamp::from_second(now).unwrap_or(Timestamp::UNIX_EPOCH))
    }
}

impl ControllerClock for Watch {
    fn now(&self) -> Time {
        self.shown()
    }
}

impl member_agent::clock::Clock for Watch {
    fn now(&self) -> Time {
        self.shown()
    }
}
