//! `cargo xtask …`: see [`xtask::cli`].

use anyhow::Result;
use clap::Parser as _;
use xtask::cli::Cli;

fn main() -> Result<()> {
    Cli::parse().run()
}
