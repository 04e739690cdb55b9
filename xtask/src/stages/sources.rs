//! The stages that need nothing but the sources and cargo, whose own output is shown.

use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::process::line;
use crate::workspace;

pub(super) fn fmt() -> Result<()> {
    show(&mut line("cargo fmt --all --check"))
}

pub(super) fn clippy() -> Result<()> {
    show(&mut line(
        "cargo clippy --workspace --all-targets --all-features --locked -- -D warnings",
    ))
}

pub(super) fn docs() -> Result<()> {
    let mut doc = line("cargo doc --workspace --no-deps --locked");
    show(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

pub(super) fn unit() -> Result<()> {
    // A snapshot that has changed is a failure, never a file that is written.
    let mut test = line("cargo test --workspace --locked");
    show(test.env("INSTA_UPDATE", "no"))
}

/// Runs a program in the workspace's root, with its output on the terminal and nothing to read.
pub(super) fn show(command: &mut Command) -> Result<()> {
    let status = start(command)?.wait()?;
    if !status.success() {
        let name = command.get_program().to_string_lossy();
        bail!("{name} ended with {status}");
    }
    Ok(())
}

/// Starts a program in the workspace's root, with nothing to read.
pub(super) fn start(command: &mut Command) -> Result<Child> {
    let command = command.current_dir(workspace::root()?).stdin(Stdio::null());
    command
        .spawn()
        .with_context(|| format!("starting {}", command.get_program().to_string_lossy()))
}
