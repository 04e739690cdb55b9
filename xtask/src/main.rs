//! `cargo xtask …`: the project's own tasks, what a build tool would call scripts. Each is a module here; the command
//! line is in `cli`. What they work with is in the crates `testbed` and `bench`.
#![expect(
    clippy::print_stdout,
    reason = "a task talks to the person who runs it"
)]

mod api_deps;
mod cli;
mod conformance;
mod demo;
mod generated;
mod mutants;
mod sim;
mod stages;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;

fn main() -> ExitCode {
    let outcome = Cli::parse().run();
    // Without anyhow's backtrace, which says nothing to the person who runs a task.
    if let Err(error) = &outcome {
        #[expect(clippy::print_stderr, reason = "this is the end of a task")]
        {
            eprintln!("error: {error:#}");
        }
    }
    if outcome.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
