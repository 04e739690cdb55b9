//! How fast bytes and requests may go: a bucket of tokens for each, filled by the clock. A bucket holds a second's worth,
//! and may go below nothing: who took more than was there is waited for by the next.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};

/// No limit.
const NONE: u64 = 0;

/// The limits.
#[derive(Debug)]
pub struct Rate {
    bytes: Bucket,
    requests: Bucket,
}

#[derive(Debug)]
struct Bucket {
    per_second: AtomicU64,
    state: Mutex<Option<(Instant, f64)>>,
}

impl Rate {
    /// With these limits, or without.
    pub fn new(bytes: Option<u64>, requests: Option<u64>) -> Self {
        Self {
            bytes: Bucket::new(bytes),
            requests: Bucket::new(requests),
        }
    }

    /// Another limit for bytes, from now on.
    pub fn set_bytes(&self, per_second: Option<u64>) {
        self.bytes
            .per_second
            .store(per_second.unwrap_or(NONE), Ordering::Relaxed);
    }

    /// Waits until a request with this many bytes may go.
    pub async fn wait(&self, bytes: u64) {
        let now = Instant::now();
        let wait = self.bytes.take(bytes, now).max(self.requests.take(1, now));
        if !wait.is_zero() {
            sleep(wait).await;
        }
    }
}

impl Bucket {
    fn new(per_second: Option<u64>) -> Self {
        Self {
            per_second: AtomicU64::new(per_second.unwrap_or(NONE)),
            state: Mutex::default(),
        }
    }

    /// How long to wait before `amount` may go.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate needs no more than 52 bits"
    )]
    fn take(&self, amount: u64, now: Instant) -> Duration {
        let per_second = self.per_second.load(Ordering::Relaxed);
        if per_second == NONE {
            return Duration::ZERO;
        }
        let full = per_second as f64;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, tokens) = state.unwrap_or((now, full));
        let filled = now.saturating_duration_since(last).as_secs_f64() * full;
        let tokens = (tokens + filled).min(full) - amount as f64;
        *state = Some((now, tokens));
        if tokens >= 0.0 {
            Duration::ZERO
        } else {
            Duration::from_secs_f64(-tokens / full)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_go_as_fast_as_allowed_and_no_faster() {
        let rate = Rate::new(Some(1000), None);
        let start = Instant::now();
        for _ in 0..10 {
            rate.wait(1000).await;
        }
        assert_eq!(start.elapsed().as_secs(), 9);
    }

    #[tokio::test(start_paused = true)]
    async fn a_chunk_larger_than_a_second_is_waited_for() {
        let rate = Rate::new(Some(1000), None);
        let start = Instant::now();
        rate.wait(5000).await;
        rate.wait(1).await;
        assert!(start.elapsed() >= Duration::from_secs(4));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_have_a_limit_of_their_own() {
        let rate = Rate::new(None, Some(10));
        let start = Instant::now();
        for _ in 0..20 {
            rate.wait(1 << 30).await;
        }
        let waited = start.elapsed();
        assert!(waited >= Duration::from_millis(990) && waited <= Duration::from_millis(1100));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_nobody_waits() {
        let rate = Rate::new(None, None);
        let start = Instant::now();
        rate.wait(1 << 40).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
