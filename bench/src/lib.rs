//! Benchmarks: what the programs cost and how fast they are, against a real API server. No test asserts a time;
//! the figures go to `docs/benchmarks.md`.
//!
//! * `environment`: the API server and the controller's program; `program`: the controller as a process.
//! * `world`: who else is there, played by a script: the StatefulSet controller, the kubelet, the agents.
//! * `parts`: what is measured, a file for each; `table`: how it is shown, beside the budgets and the peer.
#![expect(
    clippy::print_stdout,
    reason = "a benchmark talks to the person who runs it"
)]

mod audit;
mod clusters;
mod environment;
mod foreign;
mod machine;
mod memory;
mod options;
mod parts;
mod program;
mod sightings;
mod spread;
mod table;
mod world;

use anyhow::Result;
use clap::Subcommand;
use testbed::cache::Cache;
use testbed::setup::Work;

use self::options::ControllerBench;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// The controller: memory, requests, delays, log lines.
    Controller(ControllerBench),
}

impl BenchCommand {
    /// What it asks of the machine.
    pub fn work(&self) -> &'static [Work] {
        match self {
            Self::Controller(bench) if bench.program.is_some() => &[Work::ApiServer],
            Self::Controller(_) => &[Work::ApiServer, Work::StaticPrograms],
        }
    }

    /// Measures it and prints a table.
    pub fn run(self, cache: &Cache) -> Result<()> {
        match self {
            Self::Controller(bench) => parts::run(&bench, cache),
        }
    }
}
