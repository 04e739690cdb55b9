//! Plays the operator's scenarios in memory: see [`simulator`].

use std::process::ExitCode;

use clap::Parser as _;

/// Runs are made of small JSON values: most of their time goes into allocating them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Err(error) = simulator::cli::Arguments::parse().run() else {
        return ExitCode::SUCCESS;
    };
    // Without anyhow's backtrace, which says nothing to the person who looks for a violation.
    #[expect(clippy::print_stderr, reason = "this is the end of a run")]
    {
        eprintln!("error: {error:#}");
    }
    ExitCode::FAILURE
}
