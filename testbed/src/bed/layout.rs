//! Names and paths of the bed: fixed, as its addresses are (`family`), so that a later command finds what an earlier
//! one started, and that one which was killed can be cleaned up after.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::family::{Addresses, Family};
use crate::cache::Cache;

/// Prefix of the network namespaces, and the name of the one with the control plane.
pub(super) const NETNS: &str = "bed";
/// The folder in every cgroup hierarchy below which all pods run.
pub(super) const CGROUP: &str = "cassandra-operator-bed";
/// The pod network's name.
pub(super) const POD_NETWORK: &str = "cassandra-operator-bed";
/// This machine's end of the link to the control plane.
pub(super) const HOST_LINK: &str = "bed0";
/// The nodes, each in a zone of its own.
pub const NODES: [Node; 3] = [Node(1), Node(2), Node(3)];

/// One of the bed's nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node(u8);

impl Node {
    /// The node with this name.
    pub fn named(name: &str) -> Option<Self> {
        NODES.into_iter().find(|node| node.name() == name)
    }

    /// `n1`, `n2` or `n3`.
    pub fn name(self) -> String {
        format!("n{}", self.0)
    }

    /// `z1`, `z2` or `z3`.
    pub fn zone(self) -> String {
        format!("z{}", self.0)
    }

    pub(super) fn netns(self) -> String {
        format!("{NETNS}-{}", self.name())
    }

    /// 1, 2 or 3.
    pub(super) fn number(self) -> u8 {
        self.0
    }

    /// The control plane's end of the link to this node.
    pub(super) fn link(self) -> String {
        format!("v{}", self.0)
    }

    pub(super) fn cgroup(self) -> String {
        format!("{CGROUP}/{}", self.name())
    }
}

/// Where the files of a run are; all of it is removed when the bed goes down. And which addresses it has.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    run: PathBuf,
    family: Family,
}

impl Layout {
    /// That of the bed that there is.
    pub(super) fn of(cache: &Cache) -> Result<Self> {
        let layout = Self::with(cache, Family::default())?;
        let family = layout.family_on_file()?.unwrap_or_default();
        Ok(Self { family, ..layout })
    }

    /// That of a bed with addresses of this family.
    pub(super) fn with(cache: &Cache, family: Family) -> Result<Self> {
        let run = cache.root().join("testbed");
        // Sockets lie up to 51 characters below, and the name of a socket has 107 at most.
        ensure!(
            run.as_os_str().len() < 56,
            "{} is too long a path, see --cache-dir",
            run.display()
        );
        Ok(Self { run, family })
    }

    /// Files of a control plane without a bed, in this folder.
    pub(super) fn at(run: PathBuf) -> Self {
        let family = Family::default();
        Self { run, family }
    }

    /// Which addresses the bed has.
    pub(super) fn family(&self) -> Family {
        self.family
    }

    /// Those that there are once.
    pub(super) fn addresses(&self) -> &'static Addresses {
        self.family.addresses()
    }

    /// The family of the bed that there is: later commands must know it.
    pub(super) fn family_on_file(&self) -> Result<Option<Family>> {
        let file = self.family_file();
        match fs::read_to_string(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            read => Family::named(&read?)
                .map(Some)
                .with_context(|| file.display().to_string()),
        }
    }

    /// Writes down the family.
    pub(super) fn keep_family(&self) -> Result<()> {
        Ok(fs::write(self.family_file(), self.family.to_string())?)
    }

    fn family_file(&self) -> PathBuf {
        self.run.join("family")
    }

    pub(super) fn run(&self) -> &Path {
        &self.run
    }

    /// There once everything is up; holds the name of what was started.
    pub(super) fn ready(&self) -> PathBuf {
        self.run.join("ready")
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.run.join("bin").join(name)
    }

    pub(super) fn pki(&self, file: &str) -> PathBuf {
        self.run.join("pki").join(file)
    }

    pub(super) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.run.join(format!("{user}.kubeconfig"))
    }

    pub(super) fn log(&self, server: &str) -> PathBuf {
        self.run.join("log").join(format!("{server}.log"))
    }

    pub(super) fn pid(&self, server: &str) -> PathBuf {
        self.run.join("pid").join(server)
    }

    pub(super) fn imported(&self, archive: &str) -> PathBuf {
        self.run.join("imported").join(archive)
    }

    pub(super) fn node(&self, node: Node, file: &str) -> PathBuf {
        self.run.join(node.name()).join(file)
    }

    pub(super) fn containerd_socket(&self, node: Node) -> PathBuf {
        self.node(node, "containerd.sock")
    }

    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let own = ["bin", "pki", "log", "pid", "imported"].map(|name| self.run.join(name));
        let nodes = NODES.into_iter().flat_map(|node| {
            ["cni", "kubelet", "volumes", "pod-logs"].map(|name| self.node(node, name))
        });
        own.into_iter().chain(nodes).collect()
    }
}
