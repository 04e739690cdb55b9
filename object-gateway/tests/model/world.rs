//! Time, chance and faults of one play.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use futures::future::BoxFuture;
use object_gateway::{
    environment::Environment,
    store::memory::{Fault, Faults},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

/// Chance, by a seed.
#[derive(Clone)]
pub(crate) struct Chance(Arc<Mutex<ChaCha8Rng>>);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(seed))))
    }

    pub(crate) fn bits(&self) -> u64 {
        self.0.lock().unwrap().next_u64()
    }

    pub(crate) fn below(&self, limit: u64) -> u64 {
        self.bits() % limit.max(1)
    }

    pub(crate) fn one_in(&self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// The true time, of all.
pub(crate) type Time = Arc<AtomicU64>;

/// One gateway's clock and chance.
pub(crate) struct Own {
    pub(crate) time: Time,
    pub(crate) offset: u64,
    pub(crate) chance: Chance,
}

impl Environment for Own {
    fn now(&self) -> u64 {
        self.time.load(Ordering::Relaxed) + self.offset
    }

    fn monotonic(&self) -> u64 {
        self.time.load(Ordering::Relaxed)
    }

    fn random(&self) -> u128 {
        (u128::from(self.chance.bits()) << 64) | u128::from(self.chance.bits())
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let clock = Arc::clone(&self.time);
        let until = self.monotonic() + u64::try_from(time.as_micros()).unwrap();
        Box::pin(poll_fn(move |_| {
            if clock.load(Ordering::Relaxed) >= until {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }))
    }
}

/// Faults by chance, until they are switched off.
pub(crate) struct ByChance {
    pub(crate) chance: Chance,
    pub(crate) on: Arc<AtomicBool>,
    pub(crate) played: Arc<AtomicU64>,
    /// One call in about a third of this fails.
    pub(crate) rarity: u64,
}

impl Faults for ByChance {
    fn next(&self, _call: &'static str, is_write: bool) -> Fault {
        if !self.on.load(Ordering::Relaxed) {
            return Fault::None;
        }
        let fault = match self.chance.below(self.rarity) {
            0 => Fault::Refused,
            1 if is_write => Fault::LostReply,
            2 if is_write => Fault::Ghost,
            _ => Fault::None,
        };
        if fault != Fault::None {
            self.played.fetch_add(1, Ordering::Relaxed);
        }
        fault
    }
}
