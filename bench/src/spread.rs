//! Durations in a few words.

use std::time::Duration;

/// Durations of the same thing.
#[derive(Debug, Clone)]
pub(super) struct Spread(Vec<Duration>);

impl Spread {
    pub(super) fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort();
        Self(durations)
    }

    pub(super) fn number(&self) -> usize {
        self.0.len()
    }

    /// The smallest that this share of all does not exceed.
    fn quantile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }

    /// For short ones.
    pub(super) fn in_milliseconds(&self) -> String {
        let shown = [50, 95, 100].map(|percent| self.quantile(percent).as_millis());
        let [median, p95, most] = shown;
        format!("median {median}, p95 {p95}, max {most} ms")
    }

    /// For long ones.
    pub(super) fn in_seconds(&self) -> String {
        let shown = [50, 100].map(|percent| self.quantile(percent).as_secs_f64());
        let [median, most] = shown;
        format!("median {median:.2}, max {most:.2} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_was_measured() {
        let spread = Spread::of((1..=20).rev().map(Duration::from_millis).collect());
        assert_eq!(spread.in_milliseconds(), "median 10, p95 19, max 20 ms");
        let one = Spread::of(vec![Duration::from_secs(2)]);
        assert_eq!(one.in_seconds(), "median 2.00, max 2.00 s");
        assert_eq!(
            Spread::of(Vec::new()).in_milliseconds(),
            "median 0, p95 0, max 0 ms"
        );
    }
}
