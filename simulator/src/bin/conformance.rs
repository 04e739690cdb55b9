//! Compares the simulated API server with a real one. `cargo xtask conformance` starts a real one for it.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use simulator::conformance::{Options, Report, compare::MASKED, run};

/// Sends the same random requests to a simulated and to a real API server, and compares the answers.
#[derive(Debug, Parser)]
struct Arguments {
    /// Kubeconfig of the real server, on which sequences leave namespaces behind.
    #[arg(long)]
    kubeconfig: std::path::PathBuf,
    /// Number of sequences.
    #[arg(long, default_value_t = 1000)]
    sequences: u64,
    /// The first sequence's seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Longest sequence.
    #[arg(long, default_value_t = 100)]
    longest: usize,
    /// Sequences at the same time.
    #[arg(long, default_value_t = 8)]
    at_once: usize,
    /// Tells this run's namespaces from those of earlier ones on the same server.
    #[arg(long, default_value = "")]
    run: String,
    /// Show differences as they are found, without looking for shorter sequences.
    #[arg(long)]
    no_shrink: bool,
    /// How many differences to show.
    #[arg(long, default_value_t = 5)]
    show: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let config = Kubeconfig::read_from(&arguments.kubeconfig).context("reading the kubeconfig")?;
    let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
    let began = std::time::Instant::now();
    let options = Options {
        sequences: arguments.sequences,
        seed: arguments.seed,
        longest: arguments.longest,
        at_once: arguments.at_once,
        run: arguments.run,
        shrink: !arguments.no_shrink,
    };
    let report = run(Client::try_from(config)?, &options).await?;
    tell(&report, arguments.show, began.elapsed());
    Ok(if report.differences.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[expect(clippy::print_stdout, reason = "a program that tells what it found")]
fn tell(report: &Report, show: usize, took: std::time::Duration) {
    for difference in report.differences.iter().take(show) {
        println!("{difference}\n");
    }
    for (what, why) in MASKED {
        println!("not compared: {what}: {why}");
    }
    println!(
        "{} sequences, {} requests, {} watch events, {} differences, {:.1} s",
        report.sequences,
        report.requests,
        report.events,
        report.differences.len(),
        took.as_secs_f64()
    );
}
