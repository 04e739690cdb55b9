//! The operator's own image: three static programs and two Java agents, nothing else.
//!
//! `deploy/images/Containerfile` is the same image for those who have a container engine.

mod java_agents;
mod programs;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::cache::{Cache, recipe_key};
use crate::images::{ImageBuilder, ImageFile};
use crate::progress::Progress;
use crate::workspace::VERSION;

/// The image's name without its tag.
pub const REPOSITORY: &str = "cassandra-operator.rs/cassandra-operator";
/// The image that the manifests in `deploy/` name.
pub const RELEASE: &str = concat!(
    "cassandra-operator.rs/cassandra-operator:",
    env!("CARGO_PKG_VERSION")
);
/// Where everything is in the image.
const FOLDER: &str = "/opt/operator";
/// The user of the controller; members' pods set their own.
const USER: &str = "65532:65532";

/// An image that was built from the sources as they are.
#[derive(Debug, Clone)]
pub struct OperatorImage {
    /// Its name, with a tag that tells its content: a node that has an older build does not use it.
    pub reference: String,
    /// The docker archive.
    pub archive: PathBuf,
}

/// Builds the image; quick if nothing has changed.
pub fn build(cache: &Cache, progress: Progress) -> Result<OperatorImage> {
    let agents = java_agents::fetch(cache, progress)?;
    let programs = progress.step(
        "the operator's programs (cargo build --release)",
        programs::build,
    )?;
    let mut files = programs
        .into_iter()
        .map(|path| named(path, 0o755))
        .collect::<Result<Vec<_>>>()?;
    for path in agents {
        files.push(named(path, 0o644)?);
    }
    let mut parts = vec![FOLDER.as_bytes().to_vec(), USER.as_bytes().to_vec()];
    for file in &files {
        parts.push(file.name.clone().into_bytes());
        parts.push(
            fs::read(&file.path).with_context(|| format!("reading {}", file.path.display()))?,
        );
    }
    let key = recipe_key(parts.iter().map(Vec::as_slice));
    let reference = format!("{REPOSITORY}:{VERSION}-{key}");
    let archive = cache.artefact(&format!("images/operator-{key}.tar"), |target| {
        ImageBuilder::new(&reference)
            .entrypoint([format!("{FOLDER}/cassandra-controller")])
            .user(USER)
            .layer_from_files(files.iter().map(|file| {
                ImageFile::copy(Path::new(FOLDER).join(&file.name), &file.path, file.mode)
            }))?
            .write(target)
    })?;
    Ok(OperatorImage { reference, archive })
}

struct Named {
    name: String,
    path: PathBuf,
    mode: u32,
}

fn named(path: PathBuf, mode: u32) -> Result<Named> {
    let name = path
        .file_name()
        .context("a program has a name")?
        .to_string_lossy()
        .into_owned();
    Ok(Named { name, path, mode })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_the_repository_with_the_workspaces_version() {
        assert_eq!(RELEASE, format!("{REPOSITORY}:{VERSION}"));
    }
}
