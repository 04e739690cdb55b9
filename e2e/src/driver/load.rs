//! The program: it writes a row and reads it, from several tasks, until its input ends.
//!
//! The settings are those that docs/clients.md advises.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, Result};
use clap::Args;
use scylla::{
    client::{
        execution_profile::ExecutionProfile, session::Session, session_builder::SessionBuilder,
    },
    policies::{
        load_balancing::DefaultPolicy, speculative_execution::SimpleSpeculativeExecutionPolicy,
    },
    statement::{Consistency, prepared::PreparedStatement},
};
use tokio::{io::AsyncReadExt as _, task::JoinSet};

use super::{ASKING, Tally};

const TASKS: i32 = 6;
/// Rows of each task: enough that every node is asked.
const ROWS: i64 = 500;
/// Between two rounds of a task: the ring shares two cores with it.
const PAUSE: Duration = Duration::from_millis(20);
/// A request that has no answer yet is sent to another node as well, so often and after so long.
const ANOTHER_NODE: SimpleSpeculativeExecutionPolicy = SimpleSpeculativeExecutionPolicy {
    max_retry_count: 2,
    retry_interval: Duration::from_millis(300),
};
/// How many failures are told.
const TOLD: usize = 10;

/// Where to ask.
#[derive(Debug, Args)]
pub struct Options {
    /// Addresses of members, `host:port`.
    #[arg(long, value_delimiter = ',')]
    contact_points: Vec<String>,
    /// The datacenter.
    #[arg(long, default_value = "dc1")]
    datacenter: String,
}

/// Asks until the input ends, and prints what became of it.
pub async fn run(options: Options) -> Result<()> {
    let session = connect(&options).await?;
    let load = Arc::new(Load::prepare(session, &options.datacenter).await?);
    let mut tasks = JoinSet::new();
    load.round(0, 0).await?;
    load.begins();
    println!("{ASKING}");
    for task in 0..TASKS {
        let load = load.clone();
        tasks.spawn(async move { load.ask(task).await });
    }
    let mut nothing = Vec::new();
    tokio::io::stdin().read_to_end(&mut nothing).await?;
    load.stop.store(true, Ordering::Relaxed);
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    println!("{}", serde_json::to_string(&load.tally())?);
    Ok(())
}

async fn connect(options: &Options) -> Result<Session> {
    let policy = DefaultPolicy::builder()
        .prefer_datacenter(options.datacenter.clone())
        .build();
    let profile = ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .load_balancing_policy(policy)
        .speculative_execution_policy(Some(Arc::new(ANOTHER_NODE)))
        .build();
    SessionBuilder::new()
        .known_nodes(&options.contact_points)
        .default_execution_profile_handle(profile.into_handle())
        .build()
        .await
        .with_context(|| format!("connecting to {:?}", options.contact_points))
}

struct Load {
    session: Session,
    write: PreparedStatement,
    read: PreparedStatement,
    clock: Clock,
    stop: AtomicBool,
    seen: Mutex<Seen>,
}

struct Seen {
    began: Instant,
    answered: Instant,
    tally: Tally,
}

impl Load {
    async fn prepare(session: Session, datacenter: &str) -> Result<Self> {
        let keyspace = format!(
            "CREATE KEYSPACE IF NOT EXISTS driver WITH replication = \
             {{'class': 'NetworkTopologyStrategy', '{datacenter}': 3}}"
        );
        session.query_unpaged(keyspace, ()).await?;
        let table = "CREATE TABLE IF NOT EXISTS driver.rows (task int, row bigint, round bigint, PRIMARY KEY ((task, row)))";
        session.query_unpaged(table, ()).await?;
        let write = "INSERT INTO driver.rows (task, row, round) VALUES (?, ?, ?)";
        let read = "SELECT round FROM driver.rows WHERE task = ? AND row = ?";
        let mut write = session.prepare(write).await?;
        let mut read = session.prepare(read).await?;
        write.set_is_idempotent(true);
        read.set_is_idempotent(true);
        let now = Instant::now();
        Ok(Self {
            session,
            write,
            read,
            clock: Clock::default(),
            stop: AtomicBool::new(false),
            seen: Mutex::new(Seen {
                began: now,
                answered: now,
                tally: Tally::default(),
            }),
        })
    }

    /// Asks until it is told to stop.
    async fn ask(&self, task: i32) {
        for round in 1.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            // What failed is counted; the service goes on.
            let _ = self.round(task, round).await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Writes a row and reads it. What was acknowledged at LOCAL_QUORUM must be read at LOCAL_QUORUM.
    async fn round(&self, task: i32, round: i64) -> Result<()> {
        let row = round % ROWS;
        // One time for all attempts of a write, or one that arrives late would win over the next round.
        let mut write = self.write.clone();
        write.set_timestamp(Some(self.clock.next()));
        let began = Instant::now();
        let written = self
            .session
            .execute_unpaged(&write, (task, row, round))
            .await;
        self.note(began, "write", written.as_ref().err());
        written?;
        let began = Instant::now();
        let read = self.session.execute_unpaged(&self.read, (task, row)).await;
        self.note(began, "read", read.as_ref().err());
        let found = read?.into_rows_result()?.maybe_first_row::<(i64,)>()?;
        if found != Some((round,)) {
            let mut seen = self.lock();
            seen.tally.wrong += 1;
            let words = format!("row {row} of task {task} is {found:?}, not {round}");
            seen.tell(&words);
        }
        Ok(())
    }

    fn note(&self, began: Instant, what: &str, error: Option<&impl std::fmt::Display>) {
        let now = Instant::now();
        let took = milliseconds(now.duration_since(began));
        let mut seen = self.lock();
        let silence = milliseconds(now.duration_since(seen.answered));
        let tally = &mut seen.tally;
        tally.requests += 1;
        tally.longest_ms = tally.longest_ms.max(took);
        tally.slow += u64::from(took > 1000);
        if let Some(error) = error {
            tally.failed += 1;
            seen.tell(&format!("a {what} that took {took} ms: {error}"));
        } else {
            tally.silence_ms = tally.silence_ms.max(silence);
            seen.answered = now;
        }
    }

    /// From here on it counts: the schema and the first connections took their time.
    fn begins(&self) {
        let mut seen = self.lock();
        seen.began = Instant::now();
        seen.answered = seen.began;
        seen.tally = Tally::default();
    }

    fn tally(&self) -> Tally {
        let seen = self.lock();
        let mut tally = seen.tally.clone();
        tally.silence_ms = tally.silence_ms.max(milliseconds(seen.answered.elapsed()));
        tally
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn tell(&mut self, words: &str) {
        if self.tally.failures.len() < TOLD {
            let at = self.began.elapsed().as_secs_f64();
            self.tally.failures.push(format!("at {at:.1} s, {words}"));
        }
    }
}

/// Times of writes, in microseconds; each is later than the one before.
#[derive(Default)]
struct Clock(AtomicI64);

impl Clock {
    fn next(&self) -> i64 {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let now = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        let after = |last: i64| Some(now.max(last + 1));
        let last = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, after);
        let last = last.unwrap_or_else(|last| last);
        now.max(last + 1)
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_writes_have_one_time() {
        let clock = Clock::default();
        let times: Vec<_> = (0..1000).map(|_| clock.next()).collect();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
