//! The controller's program.

use cassandra_controller::{cli::Arguments, runtime, telemetry};
use clap::Parser as _;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    telemetry::init(&arguments.log)?;
    runtime::run(arguments).await
}
