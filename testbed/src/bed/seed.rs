//! The images that every node starts with, imported once.
//!
//! Importing half a gigabyte three times is most of what starting the bed takes. So it is done once,
//! into a containerd that runs only for that, and what it has on disk is kept in the cache. Each node
//! gets hard links: layers and blobs are never written to again. Only the two databases are copied.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::layout::{Layout, Node};
use crate::cache::{Cache, recipe_key, remove};
use crate::process::{line, log_tail, run, stdout, succeeds};
use crate::progress::Progress;
use crate::wait::wait_for;

const DATABASES: [&str; 2] = [
    "io.containerd.metadata.v1.bolt/meta.db",
    "io.containerd.snapshotter.v1.overlayfs/metadata.db",
];

/// A containerd's folder with these images in it.
pub(super) fn seed(cache: &Cache, archives: &[PathBuf], progress: Progress) -> Result<PathBuf> {
    let version = stdout(&mut line("containerd --version"))?;
    let names: Vec<_> = archives
        .iter()
        .map(|archive| archive.to_string_lossy())
        .collect();
    let key = recipe_key(
        names
            .iter()
            .map(|name| name.as_bytes())
            .chain([version.as_bytes()]),
    );
    cache.artefact(&format!("seeds/{key}"), |target| {
        progress.step("images for the nodes", || fill(target, archives))
    })
}

/// Gives a node, whose containerd has not started yet, what is in the seed.
pub(super) fn plant(layout: &Layout, node: Node, seed: &Path) -> Result<()> {
    let root = layout.node(node, "containerd");
    run(line("cp --archive --link").arg(seed).arg(&root))?;
    for database in DATABASES {
        let own = root.join(database);
        remove(&own)?;
        fs::copy(seed.join(database), own)?;
    }
    Ok(())
}

fn fill(root: &Path, archives: &[PathBuf]) -> Result<()> {
    let work = root.with_extension("work");
    remove(&work)?;
    fs::create_dir_all(&work)?;
    let mut containerd = Running(start(root, &work)?);
    let ctr = || {
        let mut ctr = line("ctr --namespace k8s.io --address");
        ctr.arg(work.join("containerd.sock"));
        ctr
    };
    let log = work.join("log");
    wait_for("containerd", Duration::from_secs(30), || {
        succeeds(ctr().arg("version"))
    })
    .with_context(|| log_tail(&log, 20))?;
    for archive in archives {
        run(ctr().args(["images", "import"]).arg(archive))?;
    }
    run(line("kill -s TERM").arg(containerd.0.id().to_string()))?;
    containerd.0.wait()?;
    remove(&work)
}

/// It ends with this program, however that ends, and what it has mounted goes with it.
fn start(root: &Path, work: &Path) -> Result<Child> {
    let config = work.join("containerd.toml");
    let path = |path: &Path| path.display().to_string();
    let text = format!(
        "version = 2\nroot = \"{}\"\nstate = \"{}\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
         [grpc]\n  address = \"{}\"\n[plugins.\"io.containerd.internal.v1.opt\"]\n  path = \"{}\"\n",
        path(root),
        path(&work.join("state")),
        path(&work.join("containerd.sock")),
        path(&work.join("opt")),
    );
    fs::write(&config, text)?;
    let log = fs::File::create(work.join("log"))?;
    line("unshare --mount --propagation private setpriv --pdeathsig KILL containerd --config")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("starting containerd")
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
