//! How long nobody acts when the controller is restarted: from the end of the old process to the first action on
//! what happened meanwhile.

use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use super::{LIMIT, REST};
use crate::clusters::{cluster, post};
use crate::environment::BenchEnvironment;
use crate::options::ControllerBench;
use crate::program::Program;
use crate::sightings::Sightings;
use crate::spread::Spread;
use crate::table::Row;

const PATIENCE: Duration = Duration::from_mins(2);

/// How the old process ends and the new one is named.
#[derive(Clone, Copy)]
enum Manner {
    /// SIGTERM when the new pod is ready, as a rolling update does.
    HandedOver,
    /// SIGTERM, and a new pod.
    Graceful,
    /// SIGKILL, and the container starts again in its pod.
    KilledInPlace,
    /// SIGKILL, and a new pod.
    Killed,
}

/// Restarts in each manner, several times.
pub(super) async fn measure(
    bench: &ControllerBench,
    environment: &mut BenchEnvironment,
    mut program: Program,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let sightings = Sightings::begin(&environment.client);
    let manners = [
        (
            Manner::HandedOver,
            "stopped with SIGTERM when the next one was ready",
            "15.5–20 s (Lease not released)",
            "≤ 2 s",
        ),
        (
            Manner::Graceful,
            "stopped with SIGTERM, and only then the next one started",
            "15.5–20 s (Lease not released)",
            "≤ 2 s",
        ),
        (
            Manner::KilledInPlace,
            "killed, started again under its name",
            "–",
            "–",
        ),
        (
            Manner::Killed,
            "killed, started under another name",
            "15.5–20 s",
            "≤ 17 s",
        ),
    ];
    for (number, (manner, described, peer, budget)) in manners.into_iter().enumerate() {
        let mut from_end = Vec::new();
        let mut identity = format!("pod-{number}-first");
        program.terminate().await?;
        program = environment.start(&identity).await?;
        for round in 0..bench.restarts {
            environment.audit.quiet(REST, LIMIT).await?;
            if !matches!(manner, Manner::KilledInPlace) {
                identity = format!("pod-{number}-{round}");
            }
            let next = match manner {
                Manner::HandedOver => Some(environment.stand_by(&identity).await?),
                Manner::Graceful | Manner::KilledInPlace | Manner::Killed => None,
            };
            let ended = match manner {
                Manner::HandedOver | Manner::Graceful => program.terminate().await?,
                Manner::KilledInPlace | Manner::Killed => program.kill(),
            };
            let name = format!("blind-{number}-{round}");
            post(&environment.client, vec![cluster(&name, 1)]).await?;
            program = next.map_or_else(|| environment.launch(&identity), Ok)?;
            let acted = acted(&sightings, &name).await?;
            from_end.push(acted - ended);
        }
        let from_end = Spread::of(from_end);
        let what = format!("{described}: old process gone → first action seen");
        let measured = from_end.in_seconds();
        let row = Row::new(what, measured).times(from_end.number());
        rows.push(row.beside(peer, budget));
    }
    Ok(())
}

async fn acted(sightings: &Sightings, name: &str) -> Result<Instant> {
    let seen = sightings
        .until(name, PATIENCE, |seen| seen.object.is_some())
        .await?;
    Ok(seen.object.unwrap_or_else(Instant::now))
}
