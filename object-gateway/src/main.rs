//! The gateway's program.

use clap::Parser as _;
use object_gateway::{cli::Arguments, run};

#[tokio::main(flavor = "multi_thread")]
async fn main() -> anyhow::Result<std::process::ExitCode> {
    Box::pin(run::run(Arguments::parse())).await
}
