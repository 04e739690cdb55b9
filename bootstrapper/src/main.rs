//! The bootstrapper's binary.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use bootstrapper::{
    bootstrap,
    cli::{Cli, Command},
    drain, live, lock, release,
};
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

/// Where Kubernetes looks for a container's last words.
const TERMINATION_LOG: &str = "/dev/termination-log";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Cli::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = format!("{error:#}\n");
            // Nobody is left to be told if these fail.
            let _ = io::stderr().write_all(line.as_bytes());
            let _ = OpenOptions::new()
                .write(true)
                .truncate(true)
                .open(TERMINATION_LOG)
                .and_then(|mut log| log.write_all(line.as_bytes()));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Bootstrap(args) => {
            log_to(None);
            // The first process of a container does not end at SIGTERM unless it says so.
            let mut stop = signal(SignalKind::terminate()).context("failed to await SIGTERM")?;
            tokio::select! {
                done = bootstrap::run(&args) => Ok(done?),
                _ = stop.recv() => anyhow::bail!("stopped while waiting for its permit to start Cassandra"),
            }
        }
        Command::Run(args) => {
            release::check(&args.data, &args.libraries)?;
            Err(lock::run(&args).await.into())
        }
        Command::Drain(args) => {
            log_to(OpenOptions::new().append(true).open(&args.log).ok());
            drain::run(&args).await;
            Ok(())
        }
        Command::Live(args) => Ok(live::run(&args).await?),
    }
}

fn log_to(file: Option<File>) {
    let builder = tracing_subscriber::fmt().json().flatten_event(true);
    match file {
        Some(file) => builder.with_writer(file).init(),
        None => builder.with_writer(io::stderr).init(),
    }
}
