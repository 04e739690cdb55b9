//! The controller's program.

use cassandra_controller::{
    cli::Arguments, cluster::ClusterController, metrics::Metrics, runtime, telemetry,
};
use clap::Parser as _;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    telemetry::init(&arguments.log)?;
    let metrics = Metrics::new()?;
    let clusters = ClusterController::new(&arguments.operator_image, &metrics)?;
    runtime::run(arguments, metrics, vec![Box::new(clusters)]).await
}
