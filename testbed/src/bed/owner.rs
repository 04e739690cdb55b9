//! Whose the machine's bed is: names and addresses are fixed, so there can be only one, and a command
//! with another cache folder must not take it for its own and end it.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use super::layout::Layout;
use crate::cache::remove;

const FILE: &str = "/run/cassandra-operator-bed";

/// Takes the machine for the bed in this folder.
pub(super) fn claim(layout: &Layout) -> Result<()> {
    check(layout)?;
    Ok(fs::write(
        FILE,
        layout.run().as_os_str().as_encoded_bytes(),
    )?)
}

/// Fails if there is a bed in another folder.
pub(super) fn check(layout: &Layout) -> Result<()> {
    let owner = fs::read_to_string(FILE).unwrap_or_default();
    let other = Path::new(&owner);
    ensure!(
        other == layout.run() || !other.is_dir(),
        "this machine has a test bed in {owner}; take it down first, with --cache-dir as it was started"
    );
    Ok(())
}

/// Gives the machine back.
pub(super) fn release() -> Result<()> {
    remove(Path::new(FILE))
}
