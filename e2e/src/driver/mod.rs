//! A service that uses the ring: a CQL driver that writes and reads without pause, and counts what fails.
//!
//! [`load`] is the program; it runs on a node of the bed, where the members' addresses are reached. `Client` is a
//! scenario's end of it.

pub mod load;

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use testbed::bed::{NODES, Node};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
    time::timeout,
};

use crate::{
    ring::Ring,
    stage::{MINUTES, Stage},
};

/// What the program prints once its first requests have succeeded.
const ASKING: &str = "asking";
/// How long it goes on after the fault, so that what comes back serves it too.
const AFTERWARDS: std::time::Duration = std::time::Duration::from_secs(5);

/// What became of the requests.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// How many were made.
    pub requests: u64,
    /// How many ended with an error.
    pub failed: u64,
    /// How many reads did not have what was written before them.
    pub wrong: u64,
    /// The longest one, in milliseconds.
    pub longest_ms: u64,
    /// How many took longer than a second.
    pub slow: u64,
    /// The longest time in which none was answered, in milliseconds.
    pub silence_ms: u64,
    /// The first that failed, and when.
    pub failures: Vec<String>,
}

/// A program that asks.
struct Client {
    program: Child,
    /// It ends when this does.
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

/// Does something to a ring while the driver asks it from a node that stays. No request may fail.
pub(crate) async fn serves_through<T>(
    stage: &Stage,
    ring: Ring,
    what: &str,
    act: impl AsyncFnOnce() -> Result<T>,
) -> Result<T> {
    let client = Client::start(stage, ring).await?;
    let acted = act().await;
    tokio::time::sleep(AFTERWARDS).await;
    let tally = client.stop().await;
    let (value, tally) = (acted?, tally?);
    println!(
        "  {what}: {} requests at LOCAL_QUORUM, {} failed, the longest took {} ms, {} more than a second; never more than {} ms without an answer",
        tally.requests, tally.failed, tally.longest_ms, tally.slow, tally.silence_ms
    );
    ensure!(tally.requests > 1000, "too few requests: {tally:?}");
    ensure!(
        tally.failed == 0 && tally.wrong == 0,
        "requests failed while {what}: {tally:?}"
    );
    Ok(value)
}

impl Client {
    async fn start(stage: &Stage, ring: Ring) -> Result<Self> {
        let bed = stage
            .bed()
            .context("the driver runs on a node of the bed")?;
        let points = ring.contact_points(stage).await?;
        let mut program = bed.on_node(DRIVER_NODE, "");
        program
            .arg(std::env::current_exe()?)
            .args(["driver", "--contact-points", &points.join(",")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut program = tokio::process::Command::from(program)
            .kill_on_drop(true)
            .spawn()
            .context("starting the driver")?;
        let input = program.stdin.take().context("its input")?;
        let output = program.stdout.take().context("its output")?;
        let mut client = Self {
            program,
            input,
            output: BufReader::new(output).lines(),
        };
        let line = client.line().await?;
        ensure!(line == ASKING, "the driver said {line}");
        Ok(client)
    }

    async fn stop(mut self) -> Result<Tally> {
        drop(self.input);
        let line = timeout(MINUTES, self.output.next_line()).await??;
        let tally = line.context("the driver has ended without a tally")?;
        self.program.wait().await?;
        Ok(serde_json::from_str(&tally)?)
    }

    async fn line(&mut self) -> Result<String> {
        let line = timeout(MINUTES, self.output.next_line()).await;
        let line = line.context("the driver's first requests did not succeed")??;
        line.context("the driver has ended")
    }
}

/// Where it runs: what scenarios take away is on other nodes.
const DRIVER_NODE: Node = {
    let [first, ..] = NODES;
    first
};
