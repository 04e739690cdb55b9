//! Time and chance, as a port: operations take them from here, so that a test can play them by a seed.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::future::BoxFuture;

use crate::core::time::Micros;

/// Time and chance.
pub trait Environment: Send + Sync + 'static {
    /// The machine's time of day.
    fn now(&self) -> Micros;
    /// Time that only goes forward, from an arbitrary start.
    fn monotonic(&self) -> Micros;
    /// Random bits.
    fn random(&self) -> u128;
    /// Waits.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's.
#[derive(Clone, Copy, Debug)]
pub struct System(Instant);

impl Default for System {
    fn default() -> Self {
        Self(Instant::now())
    }
}

fn micros(time: Duration) -> Micros {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Environment for System {
    fn now(&self) -> Micros {
        micros(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        )
    }

    fn monotonic(&self) -> Micros {
        micros(self.0.elapsed())
    }

    fn random(&self) -> u128 {
        uuid::Uuid::new_v4().as_u128()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}
