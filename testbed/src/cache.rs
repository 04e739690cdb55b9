//! What was built once is kept below one folder, under a name that tells what went into it.
//!
//! A thing is built under another name and renamed when it is complete, so that a build that was
//! killed is never taken for done. The name carries a hash of the recipe: a changed recipe is
//! another thing, and the old one stays until someone removes the folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Parser};
use sha2::{Digest as _, Sha256};

/// The folder's name below the user's cache folder.
const FOLDER: &str = "cassandra-operator";

/// The command line options (and the environment) that say where the cache is.
#[derive(Debug, Clone, Args)]
pub struct CacheArgs {
    /// Folder for everything that is built or run; below the user's cache folder if not given.
    #[arg(
        long,
        global = true,
        env = "CASSANDRA_OPERATOR_CACHE",
        value_name = "FOLDER"
    )]
    cache_dir: Option<PathBuf>,
    #[arg(long, global = true, env = "XDG_CACHE_HOME", hide = true)]
    xdg_cache_home: Option<PathBuf>,
}

#[derive(Parser)]
struct EnvironmentOnly {
    #[command(flatten)]
    cache: CacheArgs,
}

impl CacheArgs {
    /// The cache that these options name.
    pub fn cache(&self) -> Result<Cache> {
        let root = match (&self.cache_dir, &self.xdg_cache_home) {
            (Some(folder), _) => folder.clone(),
            (None, Some(folder)) => folder.join(FOLDER),
            (None, None) => std::env::home_dir()
                .context("no home folder: give --cache-dir")?
                .join(".cache")
                .join(FOLDER),
        };
        Cache::at(&root)
    }
}

/// The folder that everything lives in.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The cache in a given folder, which is made if there is none.
    pub fn at(root: &Path) -> Result<Self> {
        fs::create_dir_all(root).with_context(|| format!("making {}", root.display()))?;
        let root = root.canonicalize()?;
        Ok(Self { root })
    }

    /// The cache that the environment names, for callers that have no command line.
    pub fn from_environment() -> Result<Self> {
        EnvironmentOnly::try_parse_from(["cache"])?.cache.cache()
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What is called `name` (a path below the cache), built by `build` if it is not there.
    ///
    /// `build` gets the path to build at, which may become a file or a folder; the folder around
    /// it exists.
    pub fn artefact(&self, name: &str, build: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let wanted = self.root.join(name);
        if wanted.exists() {
            return Ok(wanted);
        }
        let folder = wanted.parent().context("an artefact has a folder")?;
        fs::create_dir_all(folder)?;
        // Per artefact, so that an image may ask for the layers that it is made of.
        let lock = self.lock(&name.replace('/', "-"))?;
        if !wanted.exists() {
            let partial = folder.join(format!(".partial-{}", file_name(&wanted)));
            remove(&partial)?;
            build(&partial).with_context(|| format!("building {name}"))?;
            fs::rename(&partial, &wanted)?;
        }
        drop(lock);
        Ok(wanted)
    }

    /// Holds others off for as long as the file that it returns is open.
    pub fn lock(&self, name: &str) -> Result<File> {
        let folder = self.root.join("locks");
        fs::create_dir_all(&folder)?;
        let path = folder.join(name);
        let file = File::create(&path).with_context(|| format!("opening {}", path.display()))?;
        file.lock()?;
        Ok(file)
    }
}

/// A short hash of everything that a recipe consists of.
pub fn recipe_key<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize()).chars().take(12).collect()
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Removes a file or a folder with all that is in it; nothing there is fine.
pub fn remove(path: &Path) -> Result<()> {
    let outcome = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => Err(error),
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    outcome.with_context(|| format!("removing {}", path.display()))
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_build_leaves_nothing_that_passes_for_done() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path()).unwrap();
        let failed = cache.artefact("bin/x", |path| {
            fs::write(path, "half")?;
            anyhow::bail!("killed")
        });
        assert!(failed.is_err());
        let built = cache
            .artefact("bin/x", |path| Ok(fs::write(path, "whole")?))
            .unwrap();
        assert_eq!(fs::read_to_string(built).unwrap(), "whole");
    }

    #[test]
    fn parts_of_a_recipe_do_not_run_together() {
        assert_ne!(
            recipe_key([b"ab".as_slice(), b"c"]),
            recipe_key([b"a".as_slice(), b"bc"])
        );
    }
}
