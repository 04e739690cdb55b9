//! Where the sources are.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The version that all programs of the workspace share.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The folder that this program was built from.
pub fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here
        .parent()
        .context("the test bed is a folder of the workspace")?
        .to_owned())
}
