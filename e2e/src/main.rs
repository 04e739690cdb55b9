//! Runs scenarios and says how many passed.

use clap::Parser as _;
use e2e::cli::Arguments;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Arguments::parse().run().await
}
