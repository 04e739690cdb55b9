//! Plays the operator's stories in memory: see [`simulator`].

use clap::Parser as _;

/// Runs are made of small JSON values: most of their time goes into allocating them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    simulator::cli::Arguments::parse().run()
}
