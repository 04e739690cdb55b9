//! Waiting for a condition of the machine: the only place that sleeps.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const PAUSE: Duration = Duration::from_millis(100);

/// Asks again and again until the condition holds; an error says what was awaited.
pub fn wait_for(what: &str, deadline: Duration, holds: impl FnMut() -> bool) -> Result<()> {
    poll(what, deadline, PAUSE, holds)
}

/// The same for a condition that is dear to look at.
pub fn poll(
    what: &str,
    deadline: Duration,
    pause: Duration,
    mut holds: impl FnMut() -> bool,
) -> Result<()> {
    let started = Instant::now();
    while !holds() {
        if started.elapsed() > deadline {
            bail!("waited {} s for {what}", deadline.as_secs());
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "between two looks at the condition"
        )]
        std::thread::sleep(pause);
    }
    Ok(())
}
