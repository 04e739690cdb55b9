//! `cargo xtask …`: see [`xtask::cli`].

use std::process::ExitCode;

use clap::Parser as _;
use xtask::cli::Cli;

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
