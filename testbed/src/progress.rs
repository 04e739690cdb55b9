//! One line for each step, with the time it took.

use std::time::Instant;

use anyhow::{Context as _, Result};

/// Tells the person who waits what was done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress;

impl Progress {
    /// Does a step and prints how long it took, or fails with the step's name.
    pub fn step<T>(&self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let started = Instant::now();
        let done = work().with_context(|| format!("step \"{name}\""));
        let seconds = started.elapsed().as_secs_f64();
        let mark = if done.is_ok() { '✔' } else { '✘' };
        println!("{mark} {name} … {seconds:.1} s");
        done
    }

    /// A line of its own.
    pub fn say(&self, text: &str) {
        println!("  {text}");
    }
}
