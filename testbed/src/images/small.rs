//! The two images that the test bed itself needs.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::ImageBuilder;
use super::layer::ImageFile;
use crate::cache::{Cache, recipe_key};
use crate::process::{line, run};

/// What containerd starts first in each pod.
pub const PAUSE_IMAGE: &str = "registry.k8s.io/pause:3.10";
/// The cluster's name server.
pub const COREDNS_IMAGE: &str = "registry.k8s.io/coredns/coredns:v1.12.4";

const PAUSE_SOURCE: &str = include_str!("../../pause.c");

/// The archive of the pause image.
pub fn pause_image(cache: &Cache) -> Result<PathBuf> {
    let key = recipe_key([PAUSE_SOURCE.as_bytes(), PAUSE_IMAGE.as_bytes()]);
    cache.artefact(&format!("images/pause-{key}.tar"), |target| {
        let (source, program) = (target.with_extension("c"), target.with_extension("bin"));
        std::fs::write(&source, PAUSE_SOURCE)?;
        run(line("gcc -static -O2 -o").arg(&program).arg(&source))?;
        ImageBuilder::new(PAUSE_IMAGE)
            .entrypoint(["/pause"])
            .user("65535:65535")
            .layer_from_files([ImageFile::copy("/pause", &program, 0o755)])?
            .write(target)?;
        std::fs::remove_file(source)?;
        Ok(std::fs::remove_file(program)?)
    })
}

/// The archive of the CoreDNS image, from the program, whose folder's name tells what it was built from.
pub fn coredns_image(cache: &Cache, program: &Path) -> Result<PathBuf> {
    let built_as = program.parent().and_then(Path::file_name);
    let built_as = built_as.unwrap_or_default().to_string_lossy();
    let key = recipe_key([built_as.as_bytes(), COREDNS_IMAGE.as_bytes()]);
    cache.artefact(&format!("images/coredns-{key}.tar"), |target| {
        ImageBuilder::new(COREDNS_IMAGE)
            .entrypoint(["/coredns"])
            .layer_from_files([
                ImageFile::copy("/coredns", program, 0o755),
                ImageFile::folder("/tmp", 0o1777),
            ])?
            .write(target)
    })
}
