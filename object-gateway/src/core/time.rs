//! Timestamps of writes. Each is unique and rising within one gateway, and above every timestamp that the gateway
//! has read: the last write wins, and what a gateway has seen is older than what it writes next.

use std::sync::atomic::{AtomicU64, Ordering};

/// Microseconds since 1970, as Cassandra counts them.
pub type Micros = u64;

/// One second.
pub const SECOND: Micros = 1_000_000;
/// One hour.
pub const HOUR: Micros = 3_600 * SECOND;

/// A hybrid logical clock.
#[derive(Debug, Default)]
pub struct HybridClock(AtomicU64);

impl HybridClock {
    /// The next timestamp, at `now` by the machine's clock or later.
    pub fn next(&self, now: Micros) -> Micros {
        let mut last = self.0.load(Ordering::Relaxed);
        loop {
            let next = now.max(last.saturating_add(1));
            match self
                .0
                .compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return next,
                Err(seen) => last = seen,
            }
        }
    }

    /// A timestamp was read from the store. One that is more than a minute ahead of `now` is not followed: a clock
    /// that is wrong on one machine must not carry all others away.
    pub fn observe(&self, seen: Micros, now: Micros) {
        if seen <= now.saturating_add(60 * SECOND) {
            self.0.fetch_max(seen, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_rise_when_the_clock_stands_or_goes_back() {
        let clock = HybridClock::default();
        assert_eq!(
            (clock.next(100), clock.next(100), clock.next(50)),
            (100, 101, 102)
        );
    }

    #[test]
    fn timestamps_are_above_what_was_read() {
        let clock = HybridClock::default();
        clock.observe(500, 100);
        assert_eq!(clock.next(100), 501);
    }

    #[test]
    fn a_timestamp_far_in_the_future_is_not_followed() {
        let clock = HybridClock::default();
        clock.observe(HOUR, 100);
        assert_eq!(clock.next(100), 100);
    }
}
