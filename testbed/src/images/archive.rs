//! Writes an image as a docker archive, which container runtimes import.
//!
//! ```no_run
//! use testbed::images::{ImageBuilder, ImageFile};
//! # fn main() -> anyhow::Result<()> {
//! ImageBuilder::new("docker.io/library/tool:1")
//!     .entrypoint(["/tool"])
//!     .user("65532:65532")
//!     .layer_from_files([ImageFile::copy("/tool", "target/release/tool", 0o755)])?
//!     .write("tool.tar".as_ref())
//! # }
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tar::Header;

use super::layer::{ImageFile, Layer};
use crate::cache::hex;

/// An image in the making.
#[derive(Debug)]
pub struct ImageBuilder {
    reference: String,
    entrypoint: Vec<String>,
    command: Vec<String>,
    user: String,
    folder: String,
    env: Vec<String>,
    labels: BTreeMap<String, String>,
    layers: Vec<Layer>,
}

impl ImageBuilder {
    /// An empty image with a full reference: `docker.io/library/name:tag`, not `name:tag`.
    pub fn new(reference: impl Into<String>) -> Self {
        Self {
            reference: reference.into(),
            entrypoint: Vec::new(),
            command: Vec::new(),
            user: String::new(),
            folder: "/".to_owned(),
            env: Vec::new(),
            labels: BTreeMap::new(),
            layers: Vec::new(),
        }
    }

    /// The program that is started, before the pod's `args`.
    #[must_use]
    pub fn entrypoint<T: Into<String>>(mut self, words: impl IntoIterator<Item = T>) -> Self {
        self.entrypoint = words.into_iter().map(Into::into).collect();
        self
    }

    /// The arguments where the pod gives none.
    #[must_use]
    pub fn cmd<T: Into<String>>(mut self, words: impl IntoIterator<Item = T>) -> Self {
        self.command = words.into_iter().map(Into::into).collect();
        self
    }

    /// `uid:gid` of the process.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = user.into();
        self
    }

    /// The folder that the process starts in.
    #[must_use]
    pub fn working_dir(mut self, folder: impl Into<String>) -> Self {
        self.folder = folder.into();
        self
    }

    /// An environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push(format!("{name}={value}"));
        self
    }

    /// A label.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A layer with what is in a folder, owners and modes as they are on this machine.
    pub fn layer_from_dir(mut self, folder: &Path) -> Result<Self> {
        ensure!(folder.is_dir(), "{} is no folder", folder.display());
        self.layers.push(Layer::Folder(folder.to_owned()));
        Ok(self)
    }

    /// A layer with these files; folders around them are made by the runtime.
    pub fn layer_from_files(mut self, files: impl IntoIterator<Item = ImageFile>) -> Result<Self> {
        let files: Vec<_> = files.into_iter().collect();
        ensure!(!files.is_empty(), "a layer without files");
        self.layers.push(Layer::Files(files));
        Ok(self)
    }

    /// A layer that is a tar file already.
    pub fn layer_from_tar(mut self, tar: &Path) -> Result<Self> {
        ensure!(tar.is_file(), "{} is no file", tar.display());
        self.layers.push(Layer::Tar(tar.to_owned()));
        Ok(self)
    }

    /// Writes the archive; under another name first, so that it is there whole or not at all.
    pub fn write(&self, target: &Path) -> Result<()> {
        ensure!(
            self.reference.contains('/'),
            "{} is no full reference",
            self.reference
        );
        let name = target
            .file_name()
            .context("an archive has a name")?
            .to_string_lossy();
        let partial = target.with_file_name(format!(".{name}.partial"));
        let layer = target.with_file_name(format!(".{name}.layer"));
        let written = self.write_parts(&partial, &layer);
        let _ = fs::remove_file(&layer);
        written.with_context(|| format!("writing {}", target.display()))?;
        Ok(fs::rename(&partial, target)?)
    }

    fn write_parts(&self, target: &Path, scratch: &Path) -> Result<()> {
        let mut tar = tar::Builder::new(File::create(target)?);
        let mut digests = Vec::new();
        for layer in &self.layers {
            let digest = layer.write(scratch)?;
            let mut file = File::open(scratch)?;
            let mut header = header(file.metadata()?.len());
            tar.append_data(&mut header, layer_name(&digest), &mut file)?;
            digests.push(digest);
        }
        let config = serde_json::to_vec(&self.config(&digests))?;
        let config_name = format!("{}.json", hex(&Sha256::digest(&config)));
        let layers: Vec<_> = digests.iter().map(|digest| layer_name(digest)).collect();
        let manifest =
            json!([{"Config": config_name, "RepoTags": [self.reference], "Layers": layers}]);
        tar.append_data(
            &mut header(config.len() as u64),
            config_name,
            config.as_slice(),
        )?;
        let manifest = serde_json::to_vec(&manifest)?;
        tar.append_data(
            &mut header(manifest.len() as u64),
            "manifest.json",
            manifest.as_slice(),
        )?;
        tar.into_inner()?.sync_all()?;
        Ok(())
    }

    fn config(&self, digests: &[String]) -> serde_json::Value {
        let architecture = match std::env::consts::ARCH {
            "aarch64" => "arm64",
            "x86_64" => "amd64",
            other => other,
        };
        let diff_ids: Vec<_> = digests
            .iter()
            .map(|digest| format!("sha256:{digest}"))
            .collect();
        json!({
            "architecture": architecture,
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {
                "Entrypoint": self.entrypoint,
                "Cmd": self.command,
                "User": self.user,
                "WorkingDir": self.folder,
                "Env": self.env,
                "Labels": self.labels,
            },
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": digests.iter().map(|_| json!({})).collect::<Vec<_>>(),
        })
    }
}

fn layer_name(digest: &str) -> String {
    format!("{digest}/layer.tar")
}

fn header(size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(folder: &Path) -> ImageBuilder {
        ImageBuilder::new("docker.io/library/tool:1")
            .entrypoint(["/tool"])
            .layer_from_files([
                ImageFile::bytes("/tool", *b"#!", 0o755).owned_by(7, 8),
                ImageFile::link("/a", "/tool"),
            ])
            .unwrap()
            .layer_from_dir(folder)
            .unwrap()
    }

    #[test]
    fn the_same_content_is_the_same_archive() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::write(root.join("etc/b"), "b").unwrap();
        let (one, two) = (folder.path().join("1.tar"), folder.path().join("2.tar"));
        image(&root).write(&one).unwrap();
        fs::write(root.join("etc/b"), "b").unwrap();
        image(&root).write(&two).unwrap();
        assert_eq!(fs::read(one).unwrap(), fs::read(two).unwrap());
    }

    #[test]
    fn the_manifest_names_what_is_in_the_archive() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(&root).unwrap();
        let path = folder.path().join("1.tar");
        image(&root).write(&path).unwrap();
        let mut archive = tar::Archive::new(File::open(path).unwrap());
        let mut names = Vec::new();
        let mut manifest = serde_json::Value::Null;
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            if name == "manifest.json" {
                manifest = serde_json::from_reader(entry).unwrap();
            }
            names.push(name);
        }
        assert!(names.contains(&manifest[0]["Config"].as_str().unwrap().to_owned()));
        for layer in manifest[0]["Layers"].as_array().unwrap() {
            assert!(names.contains(&layer.as_str().unwrap().to_owned()));
        }
    }
}
