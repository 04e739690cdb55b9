//! S3 clients that people use: s3cmd, aws cli and boto3, from PyPI, in a folder of their own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::cache::{Cache, recipe_key};
use crate::process::{contained, line, run};
use crate::progress::Progress;

/// What is installed; what these need comes with them.
const PACKAGES: [&str; 4] = [
    "s3cmd==2.4.0",
    "awscli==1.46.3",
    "boto3==1.44.8",
    "requests==2.34.2",
];

/// The clients, ready to be run.
#[derive(Debug, Clone)]
pub struct S3Clients {
    folder: PathBuf,
}

impl S3Clients {
    /// Installs them if they are not there yet.
    pub fn install(cache: &Cache, progress: Progress) -> Result<Self> {
        let key = recipe_key(PACKAGES.map(str::as_bytes));
        let folder = cache.artefact(&format!("python/s3-clients-{key}"), |target| {
            progress.step("the S3 clients s3cmd, aws cli and boto3 (pip)", || {
                pip(target)
            })
        })?;
        Ok(Self { folder })
    }

    /// Python with the clients: as modules, and as programs on the path.
    pub fn python(&self, path: Option<OsString>) -> Command {
        let mut programs = self.folder.join("bin").into_os_string();
        if let Some(path) = path {
            programs.push(":");
            programs.push(path);
        }
        let mut python = line("python3");
        python
            .env("PATH", programs)
            .env("PYTHONPATH", &self.folder)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        python
    }
}

fn pip(target: &Path) -> Result<()> {
    run(
        contained("python3 -m pip install --quiet --no-compile --target")
            .arg(target)
            .args(PACKAGES),
    )
}
