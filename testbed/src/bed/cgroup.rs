//! A cgroup for each node, in which its kubelet puts the pods.
//!
//! Three kubelets on one machine would otherwise take each other's pods for strays. With cgroup v1
//! each controller has a tree of its own, and cpuset starts empty in each new folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::layout::{CGROUP, Node};

const MOUNT: &str = "/sys/fs/cgroup";

/// Makes the node's folder in every hierarchy.
pub(super) fn make(node: Node) -> Result<()> {
    let own = node.cgroup();
    if !version_1() {
        fs::create_dir_all(Path::new(MOUNT).join(&own))?;
        for parent in [Path::new(MOUNT).to_owned(), Path::new(MOUNT).join(CGROUP)] {
            fs::write(
                parent.join("cgroup.subtree_control"),
                "+cpu +memory +pids +cpuset +io",
            )?;
        }
        return Ok(());
    }
    for hierarchy in hierarchies() {
        let folder = hierarchy.join(&own);
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    }
    let cpuset = Path::new(MOUNT).join("cpuset");
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let all = fs::read_to_string(cpuset.join(file))?;
        for folder in [CGROUP, &own] {
            fs::write(cpuset.join(folder).join(file), &all)?;
        }
    }
    Ok(())
}

/// The bed's folders, in every hierarchy.
pub(super) fn folders() -> Vec<PathBuf> {
    let roots = if version_1() {
        hierarchies()
    } else {
        vec![PathBuf::from(MOUNT)]
    };
    roots
        .into_iter()
        .map(|root| root.join(CGROUP))
        .filter(|folder| folder.is_dir())
        .collect()
}

/// The processes in a folder and below.
pub(super) fn processes(folder: &Path) -> Vec<i32> {
    let listed = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    let own = listed.lines().filter_map(|pid| pid.parse().ok());
    own.chain(children(folder).iter().flat_map(|child| processes(child)))
        .collect()
}

/// The processes of a node's pods.
pub(super) fn of_node(node: Node) -> Vec<i32> {
    let folders = folders();
    folders
        .iter()
        .flat_map(|folder| processes(&folder.join(node.name())))
        .collect()
}

/// Removes a folder and those below; there must be no process in them.
pub(super) fn remove(folder: &Path) -> Result<()> {
    for child in children(folder) {
        remove(&child)?;
    }
    fs::remove_dir(folder).with_context(|| format!("removing {}", folder.display()))
}

fn version_1() -> bool {
    Path::new(MOUNT).join("cpuset").is_dir()
}

fn hierarchies() -> Vec<PathBuf> {
    // Controllers that are mounted together have links by each of their names.
    children(Path::new(MOUNT))
        .into_iter()
        .filter(|folder| !folder.is_symlink())
        .collect()
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).into_iter().flatten().flatten();
    listed
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
}
