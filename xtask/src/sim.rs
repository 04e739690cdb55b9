//! `cargo xtask sim`: the simulator is a program of its own, so that xtask stays quick to build.

use anyhow::Result;
use clap::Args;
use testbed::process::{line, show};

/// `cargo xtask sim`
#[derive(Debug, Args)]
pub(crate) struct SimCommand {
    /// What the simulator is told; --help lists it.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

impl SimCommand {
    /// Builds it optimised, and runs it.
    pub(crate) fn run(&self) -> Result<()> {
        run(&self.arguments)
    }
}

/// Builds the simulator optimised, and runs it; its arguments follow.
pub(crate) const COMMAND: &str =
    "cargo run --profile simulation --quiet --locked --package simulator --bin simulator --";

/// Builds the simulator optimised, and runs it with these arguments.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    show(line(COMMAND).args(arguments))
}
