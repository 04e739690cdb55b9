//! Names, addresses and paths of the bed: fixed, so that a later command finds what an earlier one
//! started, and that one which was killed can be cleaned up after.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::cache::Cache;

/// Prefix of the network namespaces, and the name of the one with the control plane.
pub(super) const NETNS: &str = "bed";
/// The folder in every cgroup hierarchy below which all pods run.
pub(super) const CGROUP: &str = "cassandra-operator-bed";
/// The pod network's name.
pub(super) const POD_NETWORK: &str = "cassandra-operator-bed";
/// This machine's end of the link to the control plane.
pub(super) const HOST_LINK: &str = "bed0";
pub(super) const HOST_ADDRESS: &str = "198.18.255.1";
/// The control plane, as this machine reaches it.
pub(super) const FROM_HOST: &str = "198.18.255.2";
/// The control plane, as nodes and pods reach it.
pub(super) const FROM_NODES: &str = "198.18.0.1";
pub(super) const SERVICES: &str = "198.19.0.0/16";
pub(super) const FIRST_SERVICE: &str = "198.19.0.1";
pub(super) const DNS_SERVICE: &str = "198.19.0.10";
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

    pub(super) fn address(self) -> String {
        format!("198.18.0.1{}", self.0)
    }

    pub(super) fn pods(self) -> String {
        format!("198.18.{}.0/20", 16 * self.0)
    }

    /// The control plane's end of the link to this node.
    pub(super) fn link(self) -> String {
        format!("v{}", self.0)
    }

    pub(super) fn cgroup(self) -> String {
        format!("{CGROUP}/{}", self.name())
    }
}

/// Where the files of a run are; all of it is removed when the bed goes down.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    run: PathBuf,
}

impl Layout {
    pub(super) fn of(cache: &Cache) -> Result<Self> {
        let run = cache.root().join("testbed");
        // Sockets lie up to 51 characters below, and the name of a socket has 107 at most.
        ensure!(
            run.as_os_str().len() < 56,
            "{} is too long a path, see --cache-dir",
            run.display()
        );
        Ok(Self { run })
    }

    /// Files of a control plane without a bed, in this folder.
    pub(super) fn at(run: PathBuf) -> Self {
        Self { run }
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
