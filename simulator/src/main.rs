//! Plays the operator's stories in memory: see [`simulator`].

use clap::Parser as _;

fn main() -> anyhow::Result<()> {
    simulator::cli::Arguments::parse().run()
}
