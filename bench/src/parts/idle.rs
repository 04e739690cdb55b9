//! Requests when nothing happens.

use anyhow::Result;

use crate::audit::Counts;
use crate::environment::BenchEnvironment;
use crate::options::ControllerBench;
use crate::table::Row;

/// Looks on for a while.
pub(super) async fn measure(
    bench: &ControllerBench,
    environment: &mut BenchEnvironment,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let (clusters, time) = (bench.clusters, bench.look_on());
    environment.audit.news()?;
    tokio::time::sleep(time).await;
    let counts = environment.audit.news()?;
    let minutes = time.as_secs_f64() / 60.0;
    let state = format!("{clusters} clusters × {} members", bench.members);
    let what = format!("requests per cluster and minute at rest, {state}, {minutes:.0} min");
    let row = Row::new(what, rate(counts.total(), clusters, minutes));
    rows.push(row.beside("–", "≤ 6"));
    let Counts {
        lease,
        watches,
        reads,
        writes,
    } = counts;
    rows.push(Row::new("of these writes", writes.to_string()).beside("–", "0"));
    let what = "of these reads; watches begun anew; beside them renewals of the Lease per minute";
    let renewals = rate(lease, 1, minutes);
    rows.push(Row::new(what, format!("{reads}; {watches}; {renewals}")).beside("–, –, 30", "–"));
    Ok(())
}

fn rate(number: usize, clusters: usize, minutes: f64) -> String {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    let clusters = u32::try_from(clusters.max(1)).unwrap_or(u32::MAX);
    format!("{:.2}", f64::from(number) / f64::from(clusters) / minutes)
}
