//! Waiting for a condition of a cluster.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const PAUSE: Duration = Duration::from_millis(500);

/// What a look at a condition found.
pub enum Look<T> {
    /// It holds.
    Done(T),
    /// It does not hold yet: what was seen instead.
    NotYet(String),
}

impl<T> Look<T> {
    /// Done with this, or not yet.
    pub fn when(holds: bool, value: T, seen: impl Into<String>) -> Self {
        if holds {
            Self::Done(value)
        } else {
            Self::NotYet(seen.into())
        }
    }
}

/// Looks again and again until the condition holds. A look that fails is a look that saw the failure: the API server
/// may be away for a moment.
pub async fn until<T>(
    what: &str,
    deadline: Duration,
    mut look: impl AsyncFnMut() -> Result<Look<T>>,
) -> Result<T> {
    let started = Instant::now();
    loop {
        let seen = match look().await {
            Ok(Look::Done(value)) => return Ok(value),
            Ok(Look::NotYet(seen)) => seen,
            Err(error) => format!("{error:#}"),
        };
        if started.elapsed() > deadline {
            bail!(
                "waited {} s for {what}; last seen: {seen}",
                deadline.as_secs()
            );
        }
        tokio::time::sleep(PAUSE).await;
    }
}
