//! The stages that need nothing but the sources and cargo, whose own output is shown.

use anyhow::Result;
use testbed::process::{line, show};

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
