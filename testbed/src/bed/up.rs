//! Brings the bed up: nodes and control plane at the same time, for the waiting is theirs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::binaries::{Binaries, KUBERNETES_NAMES};
use super::layout::{Layout, NODES, Node};
use super::status::Status;
use super::{addons, control_plane, down, finish, import, network, node, owner, pki, seed, sysctl};
use crate::cache::{Cache, recipe_key};
use crate::images::{DEFAULT_CASSANDRA_VERSION, cassandra_image, coredns_image, pause_image};
use crate::progress::Progress;
use crate::wait::wait_for;

/// Starts the bed unless it is up and well.
pub(super) fn up(
    cache: &Cache,
    layout: &Layout,
    cassandra: &[String],
    progress: Progress,
) -> Result<()> {
    if is_up(layout, progress)? {
        return has_family(layout);
    }
    owner::check(layout)?;
    let binaries = Binaries::build(cache, progress)?;
    let images = images(cache, &binaries, cassandra, progress)?;
    let seed = seed::seed(cache, &images, progress)?;
    if !down::leftovers(layout).is_empty() {
        progress.step("clean up after an earlier run", || down::down(layout))?;
    }
    owner::claim(layout)?;
    progress.step("folders, certificates, network", || {
        folders(layout, &binaries)?;
        layout.keep_family()?;
        pki::make(layout)?;
        pki::kubeconfigs(layout)?;
        sysctl::keep(layout)?;
        images
            .iter()
            .try_for_each(|image| import::mark_imported(layout, image))?;
        network::make(layout.family())
    })?;
    thread::scope(|scope| {
        let nodes: Vec<_> = NODES
            .iter()
            .map(|node| scope.spawn(|| start_node(layout, *node, &seed, progress)))
            .collect();
        let control_plane = progress
            .step("control plane", || control_plane::up(layout))
            .and_then(|()| {
                addons::apply(layout)?;
                addons::start_provisioner(layout)
            });
        nodes.into_iter().try_for_each(finish).and(control_plane)
    })?;
    progress.step("nodes and name server ready", || {
        addons::wait_until_ready(layout)
    })?;
    Ok(fs::write(layout.ready(), key())?)
}

fn is_up(layout: &Layout, progress: Progress) -> Result<bool> {
    let Ok(started_as) = fs::read_to_string(layout.ready()) else {
        return Ok(false);
    };
    // A busy machine is slow to answer; that is no reason to take away what runs in the bed.
    let running = Status::of(layout)?.running();
    let patience = if running {
        Duration::from_mins(1)
    } else {
        Duration::ZERO
    };
    let healthy = || Status::of(layout).is_ok_and(|status| status.healthy());
    let healthy = wait_for("the bed that there is", patience, healthy).is_ok();
    if healthy && started_as != key() {
        progress.say(
            "the bed that is up is of another version; to change it: testbed down, testbed up",
        );
    }
    Ok(healthy)
}

/// Fails if the bed that is up has other addresses than are wanted: nothing that runs in it could stay.
fn has_family(layout: &Layout) -> Result<()> {
    // A bed of before there were two has no file.
    let there = layout.family_on_file()?.unwrap_or_default();
    ensure!(
        there == layout.family(),
        "the bed that is up has {there} and not {}; to change it: testbed down, testbed up",
        layout.family()
    );
    Ok(())
}

/// A name for what a bed consists of.
fn key() -> String {
    recipe_key([
        Binaries::key().as_bytes(),
        env!("CARGO_PKG_VERSION").as_bytes(),
    ])
}

fn folders(layout: &Layout, binaries: &Binaries) -> Result<()> {
    for folder in layout.folders() {
        fs::create_dir_all(folder)?;
    }
    for name in KUBERNETES_NAMES {
        symlink(&binaries.kubernetes, layout.program(name))?;
    }
    symlink(&binaries.etcd, layout.program("etcd"))?;
    // A copy, since the next build replaces this program while the bed runs.
    fs::copy(own_program()?, layout.program("xtask"))?;
    Ok(())
}

/// This program, also when a build has replaced its file since it was started, as that of the unit tests does.
fn own_program() -> Result<&'static Path> {
    let file = std::env::current_exe()?;
    let name = file.file_name().context("a program has a name")?;
    // What the kernel appends to the name of a file that was removed: proc_pid_exe(5).
    let name = name.to_string_lossy();
    ensure!(
        name.trim_end_matches(" (deleted)") == "xtask",
        "only `cargo xtask` can start the test bed, {} cannot: it becomes one of its servers",
        file.display()
    );
    Ok(Path::new("/proc/self/exe"))
}

/// The images that the nodes have from the start; others are imported when they run.
fn images(
    cache: &Cache,
    binaries: &Binaries,
    cassandra: &[String],
    progress: Progress,
) -> Result<Vec<PathBuf>> {
    let mut images = vec![
        pause_image(cache)?,
        coredns_image(cache, &binaries.coredns)?,
    ];
    // Only this one: each combination of versions would be another gigabyte in the cache.
    if cassandra
        .iter()
        .any(|version| version == DEFAULT_CASSANDRA_VERSION)
    {
        images.push(cassandra_image(cache, DEFAULT_CASSANDRA_VERSION, progress)?);
    }
    Ok(images)
}

fn start_node(layout: &Layout, node: Node, seed: &Path, progress: Progress) -> Result<()> {
    progress.step(&format!("node {}", node.name()), || {
        node::configure(layout, node)?;
        seed::plant(layout, node, seed)?;
        node::start_containerd(layout, node)?;
        node::start_kubelet(layout, node)
    })
}
