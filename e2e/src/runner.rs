//! Runs scenarios one after the other and prints how each went.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use futures::future::LocalBoxFuture;

use crate::{cli::Set, evidence, stage::Stage};

/// No scenario takes longer, whatever it awaits.
const LONGEST: Duration = Duration::from_mins(25);

/// Something that must hold.
pub struct Scenario {
    /// Which set it belongs to.
    pub set: Set,
    /// The rule that it shows.
    pub name: &'static str,
    /// It breaks things that only the test bed can break.
    pub needs_bed: bool,
    /// It is run with `--long` only.
    pub long: bool,
    /// What it does.
    pub run: for<'a> fn(&'a Stage) -> LocalBoxFuture<'a, Result<()>>,
}

/// Runs them all, also after a failure; returns how many failed.
pub async fn run(stage: &Stage, scenarios: Vec<Scenario>, long: bool) -> usize {
    let (mut passed, mut failures, mut skipped) = (0, Vec::new(), 0);
    for scenario in scenarios {
        if let Some(why) = why_skipped(stage, &scenario, long) {
            println!("- {} … skipped: {why}", scenario.name);
            skipped += 1;
            continue;
        }
        let started = Instant::now();
        let outcome = tokio::time::timeout(LONGEST, (scenario.run)(stage)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(anyhow!("not done after {LONGEST:?}")));
        let seconds = started.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => {
                passed += 1;
                println!("✔ {} … {seconds:.1} s", scenario.name);
            }
            Err(error) => {
                println!("✘ {} … {seconds:.1} s\n  {error:#}", scenario.name);
                evidence::show(stage).await;
                failures.push((scenario.name, error));
            }
        }
    }
    // Once more at the end: of a long log, it is what is read first.
    for (name, error) in &failures {
        println!("failed: {name}: {error:#}");
    }
    println!(
        "{passed} passed, {} failed, {skipped} skipped",
        failures.len()
    );
    failures.len()
}

fn why_skipped(stage: &Stage, scenario: &Scenario, long: bool) -> Option<&'static str> {
    if scenario.long && !long {
        return Some("it takes long; --long runs it");
    }
    (scenario.needs_bed && stage.bed().is_none())
        .then_some("it breaks what only the test bed can break")
}
