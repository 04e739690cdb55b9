//! How many requests a tenant may make: a bucket that fills at the rate, and holds what comes in one second.

use super::time::{Micros, SECOND};

/// What a tenant has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    // In millionths of a request, so that nothing is lost to rounding.
    left: u64,
    at: Micros,
}

impl Allowance {
    /// All of one second's.
    pub fn full(rate: u32, now: Micros) -> Self {
        Self {
            left: u64::from(rate.max(1)) * SECOND,
            at: now,
        }
    }

    /// Whether one more request may be made now.
    pub fn take(&mut self, rate: u32, now: Micros) -> bool {
        let rate = u64::from(rate.max(1));
        let passed = now.saturating_sub(self.at).min(SECOND);
        self.left = (self.left + passed * rate).min(rate * SECOND);
        self.at = now.max(self.at);
        let may = self.left >= SECOND;
        if may {
            self.left -= SECOND;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_gets_its_rate_and_no_more() {
        let mut allowance = Allowance::full(10, 0);
        let first = (0..100).filter(|_| allowance.take(10, 0)).count();
        let mut later = 0;
        for step in 1..=100 {
            for _ in 0..5 {
                later += u32::from(allowance.take(10, step * SECOND / 10));
            }
        }
        assert_eq!((first, later), (10, 100));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let mut allowance = Allowance::full(1, 5 * SECOND);
        assert!(
            allowance.take(1, 5 * SECOND)
                && !allowance.take(1, 0)
                && !allowance.take(1, 5 * SECOND)
        );
    }
}
