//! Losing a volume on purpose.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use super::Bed;
use super::layout::Layout;
use crate::cache::remove;
use crate::process::{run, stdout};

impl Bed {
    /// What a lost disk is: the claim's data is gone, and so are the claim and its volume.
    ///
    /// While a pod uses the claim, the claim stays as one that is being deleted and has lost its
    /// volume; it goes with the pod.
    pub fn destroy_volume(&self, namespace: &str, claim: &str) -> Result<()> {
        let get = |path: &str| self.get(&["-n", namespace, "get", "pvc", claim], path);
        let volume = get("{.spec.volumeName}")?;
        ensure!(!volume.is_empty(), "{namespace}/{claim} has no volume yet");
        let path = PathBuf::from(self.get(&["get", "pv", &volume], "{.spec.local.path}")?);
        let delete = ["delete", "--wait=false", "--ignore-not-found"];
        run(self
            .kubectl()
            .args(["-n", namespace])
            .args(delete)
            .args(["pvc", claim]))?;
        run(self.kubectl().args(delete).args(["pv", &volume]))?;
        // A volume is protected while its claim is there, and a disk that fails asks nobody.
        let unprotect = ["patch", "pv", &volume, "--type=merge", "-p", NO_FINALIZERS];
        let patched = run(self.kubectl().args(unprotect));
        if patched.is_err()
            && !self
                .get(
                    &["get", "pv", "--ignore-not-found", &volume],
                    "{.metadata.name}",
                )?
                .is_empty()
        {
            return patched;
        }
        erase(&self.layout, &path)
    }

    fn get(&self, words: &[&str], path: &str) -> Result<String> {
        stdout(
            self.kubectl()
                .args(words)
                .arg("-o")
                .arg(format!("jsonpath={path}")),
        )
    }
}

const NO_FINALIZERS: &str = r#"{"metadata":{"finalizers":null}}"#;

/// Empties a volume's folder, which itself may be mounted in a pod.
fn erase(layout: &Layout, folder: &PathBuf) -> Result<()> {
    ensure!(
        folder.starts_with(layout.run()),
        "{} is none of the bed's",
        folder.display()
    );
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.with_context(|| format!("reading {}", folder.display()))?,
    };
    for entry in listed {
        remove(&entry?.path())?;
    }
    Ok(())
}
