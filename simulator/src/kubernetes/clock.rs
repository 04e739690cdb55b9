//! The time that the API server writes into objects.

use jiff::Timestamp;
use tokio::time::Instant;

/// Tells the time of day.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// A time of day that passes as tokio's clock does, also when that is paused.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedClock {
    origin: Timestamp,
    started: Instant,
}

impl SimulatedClock {
    /// Begins to run at this time of day.
    pub fn from(origin: Timestamp) -> Self {
        Self {
            origin,
            started: Instant::now(),
        }
    }
}

impl Default for SimulatedClock {
    fn default() -> Self {
        // A second of the year 2026, and for all runs the same.
        Self::from(Timestamp::from_second(1_780_000_000).unwrap_or(Timestamp::UNIX_EPOCH))
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        let elapsed = self.started.elapsed();
        self.origin.checked_add(elapsed).unwrap_or(self.origin)
    }
}
