//! Which processes and mounts are the bed's: those in its network namespaces and cgroups, below its
//! folder, or on file as servers. This finds them also after a run that was killed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::layout::{Layout, NETNS, NODES};
use super::{cgroup, servers};

/// Where `ip netns` keeps its namespaces.
pub(super) const NETNS_FOLDER: &str = "/run/netns";

/// The bed's network namespaces that there are.
pub(super) fn namespaces() -> Vec<String> {
    let nodes = NODES.into_iter().map(super::layout::Node::netns);
    let all = std::iter::once(NETNS.to_owned()).chain(nodes);
    all.filter(|name| Path::new(NETNS_FOLDER).join(name).exists())
        .collect()
}

/// The bed's processes.
pub(super) fn processes(layout: &Layout) -> BTreeSet<i32> {
    let mut found: BTreeSet<i32> = cgroup::folders()
        .iter()
        .flat_map(|folder| cgroup::processes(folder))
        .chain(
            servers::started(layout)
                .iter()
                .filter_map(|name| servers::pid(layout, name)),
        )
        .collect();
    let files = namespaces()
        .into_iter()
        .map(|name| Path::new(NETNS_FOLDER).join(name));
    let namespaces: BTreeSet<_> = files
        .chain(mounts(layout))
        .filter_map(|file| identity(&file))
        .collect();
    for pid in all_processes() {
        let network = identity(Path::new(&format!("/proc/{pid}/ns/net")));
        if network.is_some_and(|network| namespaces.contains(&network)) {
            found.insert(pid);
        }
    }
    found.extend(shims(layout.run()));
    found.remove(&rustix::process::getpid().as_raw_nonzero().get());
    found
}

/// What is mounted below the bed's folder, in the order of mounting.
pub(super) fn mounts(layout: &Layout) -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = table.lines().filter_map(|line| line.split(' ').nth(4));
    let paths = points.map(|point| PathBuf::from(point.replace("\\040", " ")));
    paths
        .filter(|path| path.starts_with(layout.run()))
        .collect()
}

/// containerd's keepers of containers, of the containerd with its socket at or below this path.
pub(super) fn shims(socket: &Path) -> Vec<i32> {
    let of_ours = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<_> = line
            .split(|byte| *byte == 0)
            .map(String::from_utf8_lossy)
            .collect();
        let keeps = words
            .first()
            .is_some_and(|word| word.contains("containerd-shim"));
        keeps
            && words
                .iter()
                .any(|word| Path::new(word.as_ref()).starts_with(socket))
    };
    all_processes().into_iter().filter(of_ours).collect()
}

fn all_processes() -> Vec<i32> {
    let listed = fs::read_dir("/proc").into_iter().flatten().flatten();
    listed
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

fn identity(file: &Path) -> Option<(u64, u64)> {
    fs::metadata(file)
        .ok()
        .map(|found| (found.dev(), found.ino()))
}
