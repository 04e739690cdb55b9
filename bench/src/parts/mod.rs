//! What is measured, a file for each. Parts that need the same state share it; the others have an API server of
//! their own, so that none depends on what another has left.

mod foreign;
mod full;
mod idle;
mod latency;
mod restart;
mod waiting;

use std::time::Duration;

use anyhow::Result;
use testbed::cache::Cache;
use testbed::progress::Progress;

use super::environment::BenchEnvironment;
use super::options::{ControllerBench, Part};
use super::program;
use super::table::{self, Row};

/// So long without a request, and the controller is at rest.
const REST: Duration = Duration::from_secs(10);
/// It comes to rest at all.
const LIMIT: Duration = Duration::from_mins(30);

/// Runs the parts that are asked for and prints what came out.
pub(super) fn run(bench: &ControllerBench, cache: &Cache) -> Result<()> {
    let progress = Progress;
    let program = match &bench.program {
        Some(program) => program.clone(),
        None => progress.step("the controller as in the image", program::build)?,
    };
    let machine = table::machine();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut rows = Vec::new();
    let outcome = runtime.block_on(async {
        let set = || BenchEnvironment::set(cache, &program, progress);
        if bench.wants(Part::Foreign) {
            foreign::measure(bench, set().await?, &mut rows).await?;
        }
        if [Part::Full, Part::Idle, Part::Restart]
            .iter()
            .any(|part| bench.wants(*part))
        {
            on_full_state(bench, set().await?, &mut rows).await?;
        }
        if bench.wants(Part::Latency) {
            latency::measure(bench, set().await?, &mut rows).await?;
        }
        if bench.wants(Part::Waiting) {
            waiting::measure(bench, set().await?, &mut rows).await?;
        }
        Ok(())
    });
    // What was measured is worth seeing even if a later part failed.
    table::print(&machine, &rows);
    outcome
}

async fn on_full_state(
    bench: &ControllerBench,
    mut environment: BenchEnvironment,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let (world, program) = full::build(bench, &mut environment, rows).await?;
    if bench.wants(Part::Idle) {
        idle::measure(bench, &mut environment, rows).await?;
    }
    let program = if bench.wants(Part::Full) {
        full::measure_relists(bench, &mut environment, program, rows).await?
    } else {
        program
    };
    // The clusters that follow have nobody who plays their pods.
    drop(world);
    if bench.wants(Part::Restart) {
        restart::measure(bench, &mut environment, program, rows).await?;
    }
    Ok(())
}
