//! Runs scenarios and says how many passed.

use std::process::ExitCode;

use clap::Parser as _;
use e2e::cli::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = Arguments::parse().run().await else {
        return ExitCode::SUCCESS;
    };
    // Without anyhow's backtrace, which says nothing to the person who runs scenarios.
    #[expect(clippy::print_stderr, reason = "this is the end of a run")]
    {
        eprintln!("error: {error:#}");
    }
    ExitCode::FAILURE
}
