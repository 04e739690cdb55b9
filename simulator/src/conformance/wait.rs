//! Waiting for what a real server does a moment later.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

/// How long a real server may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Looks until it is so. False: it is not, after [`PATIENCE`].
pub(super) async fn until(mut so: impl AsyncFnMut() -> Result<bool>) -> Result<bool> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = PAUSE;
    loop {
        if so().await? {
            return Ok(true);
        }
        if Instant::now() > deadline {
            return Ok(false);
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
