//! Memory beside what is not ours.

use anyhow::Result;

use super::{LIMIT, REST};
use crate::environment::BenchEnvironment;
use crate::foreign;
use crate::options::ControllerBench;
use crate::table::Row;

/// Without a cluster: first in an empty Kubernetes, then beside many objects of others.
pub(super) async fn measure(
    bench: &ControllerBench,
    mut environment: BenchEnvironment,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let program = environment.start("empty").await?;
    environment.audit.quiet(REST, LIMIT).await?;
    let row = Row::new("memory, nothing there", program.memory()?.to_string());
    rows.push(row.beside("48 MiB", "–"));

    let number = bench.foreign;
    let begun = tokio::time::Instant::now();
    foreign::make(&environment.client, number).await?;
    let seconds = begun.elapsed().as_secs();
    environment
        .progress
        .say(&format!("3 × {number} foreign objects in {seconds} s"));
    environment.audit.quiet(REST, LIMIT).await?;
    let what = format!("memory, {number} foreign Secrets, ConfigMaps and Pods made meanwhile");
    rows.push(Row::new(what, program.memory()?.to_string()));

    program.terminate().await?;
    let program = environment.start("foreign").await?;
    environment.audit.quiet(REST, LIMIT).await?;
    let what =
        format!("memory, {number} foreign Secrets, ConfigMaps and Pods, all clusters watched");
    let row = Row::new(what, program.memory()?.to_string());
    rows.push(row.beside("352–357 MiB", "≤ 16 MiB"));
    Ok(())
}
