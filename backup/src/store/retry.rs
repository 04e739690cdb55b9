//! Tries again what may pass: later and later, with jitter, and not for ever.

use std::{future::Future, sync::atomic::Ordering, time::Duration};

use backon::{ExponentialBuilder, Retryable as _};

use super::{Requests, StoreError};

/// How often, and how far apart.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Before the second try.
    pub first: Duration,
    /// Between later tries at most.
    pub longest: Duration,
    /// Tries after the first.
    pub times: usize,
}

impl Default for RetryPolicy {
    /// About two minutes in all: longer than a burst of 503, shorter than anybody waits for a wrong address.
    fn default() -> Self {
        Self {
            first: Duration::from_millis(200),
            longest: Duration::from_secs(20),
            times: 10,
        }
    }
}

impl RetryPolicy {
    /// A policy that tries once.
    pub fn never() -> Self {
        Self {
            times: 0,
            ..Self::default()
        }
    }

    pub(super) async fn run<T, Run, Answer>(
        &self,
        requests: &Requests,
        run: Run,
    ) -> Result<T, StoreError>
    where
        Run: FnMut() -> Answer,
        Answer: Future<Output = object_store::Result<T>>,
    {
        let mut run = run;
        let delays = ExponentialBuilder::default()
            .with_min_delay(self.first)
            .with_max_delay(self.longest)
            .with_max_times(self.times)
            .with_jitter();
        (|| {
            let answer = run();
            async { answer.await.map_err(StoreError::from) }
        })
        .retry(delays)
        .when(StoreError::may_pass)
        .notify(|error, delay| {
            requests.retries.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%error, ?delay, "a request to the store is made again");
        })
        .await
    }
}
