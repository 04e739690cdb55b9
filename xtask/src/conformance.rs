//! Whether the simulated API server answers as a real one does: starts a real one and sends both the same random
//! requests. The comparison is a program of the simulator's, so that no other task has to build it.

use anyhow::Result;
use clap::Args;
use testbed::bed::standalone::Standalone;
use testbed::cache::Cache;
use testbed::progress::Progress;
use testbed::{process, workspace};

/// Folder of a run below the cache.
const FOLDER: &str = "conformance";
/// Nobody's requests are of interest, but somebody has to be named.
const USER: &str = "conformance";

/// How much to compare.
#[derive(Debug, Args)]
pub(crate) struct ConformanceCommand {
    /// Number of sequences of requests.
    #[arg(long, default_value_t = 1000)]
    sequences: u64,
    /// Seed of the first sequence; the others follow.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl ConformanceCommand {
    /// So many sequences.
    pub(crate) fn of(sequences: u64) -> Self {
        Self { sequences, seed: 1 }
    }

    /// Compares, and prints what differs.
    pub(crate) fn run(&self, cache: &Cache) -> Result<()> {
        let progress = Progress;
        let build = "cargo build --profile simulation --quiet --locked --package simulator --bin conformance";
        progress.step("the comparison", || {
            process::run(process::line(build).current_dir(workspace::root()?))
        })?;
        let api = progress.step("an API server of its own", || {
            Standalone::start(cache, FOLDER, USER, progress)
        })?;
        let run = "cargo run --profile simulation --quiet --locked --package simulator --bin conformance --";
        let mut compare = process::line(run);
        compare.arg("--kubeconfig").arg(api.kubeconfig("admin"));
        compare.arg(format!("--sequences={}", self.sequences));
        compare.arg(format!("--seed={}", self.seed));
        process::show(&mut compare)
    }
}
