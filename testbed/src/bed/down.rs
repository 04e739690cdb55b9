//! Takes the bed away without a trace, also after a run that was killed half-way.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::Signal;

use super::layout::{HOST_LINK, Layout};
use super::members::{NETNS_FOLDER, mounts, namespaces, processes};
use super::{cgroup, owner, servers, sysctl};
use crate::cache::remove;
use crate::process::{line, run, succeeds};
use crate::wait::wait_for;

/// Where the network plug-ins write down what they did.
const NETWORK_RESULTS: &str = "/var/lib/cni/results";
/// Where every kubelet of a machine puts links to the logs of its containers.
const LOG_LINKS: &str = "/var/log/containers";
/// Where every containerd and every kubelet of a machine has sockets.
const SOCKETS: [&str; 2] = ["/run/containerd/s", "/var/lib/kubelet/device-plugins"];
/// Folders of others that go if nothing is left in them, inner ones first.
const FOLDERS: [&str; 7] = [
    NETWORK_RESULTS,
    "/var/lib/cni",
    LOG_LINKS,
    "/run/containerd/s",
    "/run/containerd",
    "/var/lib/kubelet/device-plugins",
    "/var/lib/kubelet",
];

/// Removes everything, and fails if something is left.
pub(super) fn down(layout: &Layout) -> Result<()> {
    owner::check(layout)?;
    end_processes(layout)?;
    sysctl::restore(layout)?;
    unmount(layout)?;
    if link_exists() {
        run(&mut line(&format!("ip link del {HOST_LINK}")))?;
    }
    for name in namespaces() {
        run(&mut line(&format!("ip netns del {name}")))?;
    }
    forget_empty_netns_folder();
    for folder in cgroup::folders() {
        wait_for(
            &format!("{} to be empty", folder.display()),
            Duration::from_secs(10),
            || cgroup::remove(&folder).is_ok(),
        )?;
    }
    for file in strays(layout) {
        remove(&file)?;
    }
    owner::release()?;
    for folder in FOLDERS {
        let _ = fs::remove_dir(folder);
    }
    remove(layout.run())?;
    let left = leftovers(layout);
    ensure!(
        left.is_empty(),
        "the bed left something behind:\n  {}",
        left.join("\n  ")
    );
    Ok(())
}

/// What there still is of a bed; nothing after `down`.
pub(super) fn leftovers(layout: &Layout) -> Vec<String> {
    let name = |path: PathBuf| path.display().to_string();
    let mut left = Vec::new();
    left.extend(
        processes(layout)
            .iter()
            .map(|pid| format!("process {pid} {}", command(*pid))),
    );
    left.extend(
        mounts(layout)
            .into_iter()
            .map(|path| format!("mount {}", name(path))),
    );
    left.extend(
        namespaces()
            .into_iter()
            .map(|space| format!("network namespace {space}")),
    );
    left.extend(
        cgroup::folders()
            .into_iter()
            .map(|path| format!("cgroup {}", name(path))),
    );
    left.extend(
        strays(layout)
            .into_iter()
            .map(|path| format!("file {}", name(path))),
    );
    left.extend(link_exists().then(|| format!("network link {HOST_LINK}")));
    left.extend(
        layout
            .run()
            .exists()
            .then(|| format!("folder {}", layout.run().display())),
    );
    left
}

fn end_processes(layout: &Layout) -> Result<()> {
    // Again and again: one that is ending may still start another.
    wait_for(
        "the bed's processes to end",
        Duration::from_secs(30),
        || {
            let found = processes(layout);
            for pid in &found {
                let _ = servers::signal_process(*pid, Signal::KILL);
            }
            found.is_empty()
        },
    )
}

fn unmount(layout: &Layout) -> Result<()> {
    wait_for("unmounting", Duration::from_secs(30), || {
        let mounted = mounts(layout);
        for point in mounted.iter().rev() {
            if !succeeds(line("umount").arg(point)) {
                succeeds(line("umount --lazy").arg(point));
            }
        }
        mounted.is_empty()
    })
}

/// `ip netns add` mounts the folder on itself, and nobody ever undoes that.
fn forget_empty_netns_folder() {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let on_itself = table.lines().any(|line| {
        let fields: Vec<_> = line.split(' ').collect();
        matches!(fields.as_slice(), [_, _, _, root, point, ..] if *point == NETNS_FOLDER && *root != "/")
    });
    let empty = fs::read_dir(NETNS_FOLDER).is_ok_and(|mut names| names.next().is_none());
    if on_itself && empty && succeeds(line("umount").arg(NETNS_FOLDER)) {
        let _ = fs::remove_dir(NETNS_FOLDER);
    }
}

fn link_exists() -> bool {
    let links = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let mut names = links.lines().filter_map(|line| line.split_once(':'));
    names.any(|(name, _)| name.trim() == HOST_LINK)
}

/// Files of the bed in folders that are not its own.
fn strays(layout: &Layout) -> Vec<PathBuf> {
    let run = layout.run().to_string_lossy();
    let results = files(NETWORK_RESULTS)
        .into_iter()
        .filter(|path| fs::read_to_string(path).is_ok_and(|result| result.contains(run.as_ref())));
    let links = files(LOG_LINKS)
        .into_iter()
        .filter(|path| fs::read_link(path).is_ok_and(|target| target.starts_with(layout.run())));
    let open = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let dead = SOCKETS.into_iter().flat_map(files).filter(|path| {
        let socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
        socket && !open.contains(path.to_string_lossy().as_ref())
    });
    results.chain(links).chain(dead).collect()
}

fn files(folder: &str) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect()
}

fn command(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm"))
        .unwrap_or_default()
        .trim()
        .to_owned()
}
