//! How soon a new cluster is acted on.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{LIMIT, REST};
use crate::clusters::{cluster, names, post};
use crate::environment::BenchEnvironment;
use crate::options::ControllerBench;
use crate::sightings::Sightings;
use crate::spread::Spread;
use crate::table::Row;

/// Members of each: three racks of one, as many StatefulSets as the peer's datacenter of three racks has.
const MEMBERS: usize = 3;
const PATIENCE: Duration = Duration::from_mins(10);

/// One after the other beside few and beside many others, then many at once.
pub(super) async fn measure(
    bench: &ControllerBench,
    mut environment: BenchEnvironment,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let sightings = Sightings::begin(&environment.client);
    let program = environment.start("latency").await?;
    let mut there = 0;
    for others in bench.others.iter().copied() {
        ensure!(others >= there, "--others must rise");
        let more = names(&format!("other-{others}-"), others - there);
        all_at_once(&mut environment, &sightings, more).await?;
        there = others;
        let (peer, budget) = match others {
            100 => (
                "StatefulSet: median 46, max 52 ms",
                "median ≤ 25, p95 ≤ 50 ms",
            ),
            1000 => ("–", "p95 ≤ 200 ms"),
            _ => ("–", "–"),
        };
        let (objects, sets) = one_by_one(bench, &environment, &sightings, others).await?;
        let number = objects.number();
        let what = format!("cluster posted → first object seen, {others} others");
        rows.push(
            Row::new(what, objects.in_milliseconds())
                .beside(peer, budget)
                .times(number),
        );
        let what = format!("cluster posted → first StatefulSet seen, {others} others");
        rows.push(Row::new(what, sets.in_milliseconds()).times(number));
        if others == 100 {
            burst(bench, &mut environment, &sightings, rows).await?;
            there += bench.samples + bench.burst;
        }
    }
    let what = format!("memory, about {there} clusters × {MEMBERS} members without pods");
    rows.push(Row::new(what, program.memory()?.to_string()));
    Ok(())
}

async fn one_by_one(
    bench: &ControllerBench,
    environment: &BenchEnvironment,
    sightings: &Sightings,
    others: usize,
) -> Result<(Spread, Spread)> {
    let (mut objects, mut sets) = (Vec::new(), Vec::new());
    for name in names(&format!("sample-{others}-"), bench.samples) {
        let sent = post(&environment.client, vec![cluster(&name, MEMBERS)]).await?;
        let whole = |seen: &crate::sightings::Seen| seen.stateful_sets == MEMBERS;
        let seen = sightings.until(&name, PATIENCE, whole).await?;
        let since = |instant: Option<tokio::time::Instant>| Some(instant? - *sent.first()?);
        objects.extend(since(seen.object));
        sets.extend(since(seen.stateful_set));
        // The next one should find the controller idle.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok((Spread::of(objects), Spread::of(sets)))
}

async fn burst(
    bench: &ControllerBench,
    environment: &mut BenchEnvironment,
    sightings: &Sightings,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let number = bench.burst;
    let (seconds, requests, writes) =
        all_at_once(environment, sightings, names("burst-", number)).await?;
    let what = format!(
        "{number} clusters posted at once → all {} StatefulSets seen",
        number * MEMBERS
    );
    rows.push(Row::new(what, format!("{seconds:.1} s")).beside("6.2 s", "–"));
    let each = |count: usize| count / number.max(1);
    let what =
        format!("requests for each of these {number} clusters until at rest, of them writes");
    let measured = format!("{}, {}", each(requests), each(writes));
    rows.push(Row::new(what, measured).beside("about 20 (one StatefulSet a rack)", "–"));
    Ok(())
}

/// Posts clusters; tells after how many seconds their StatefulSets were there and, when the controller is at rest,
/// how many requests and writes that took.
async fn all_at_once(
    environment: &mut BenchEnvironment,
    sightings: &Sightings,
    names: Vec<String>,
) -> Result<(f64, usize, usize)> {
    environment.audit.news()?;
    let posts = names.iter().map(|name| cluster(name, MEMBERS)).collect();
    let sent = post(&environment.client, posts).await?;
    let mut last = None;
    for name in &names {
        let seen = sightings
            .until(name, PATIENCE, |seen| seen.stateful_sets == MEMBERS)
            .await?;
        last = last.max(seen.last_stateful_set);
    }
    let took = last
        .zip(sent.iter().min().copied())
        .map(|(last, first)| last - first);
    let (counts, _) = environment.audit.quiet(REST, LIMIT).await?;
    let seconds = took.unwrap_or_default().as_secs_f64();
    environment
        .progress
        .say(&format!("{} clusters made in {seconds:.1} s", names.len()));
    Ok((seconds, counts.total(), counts.writes))
}
