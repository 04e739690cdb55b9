//! What tests break: the API server, a process in a pod, a whole node.

use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::Signal;

use super::layout::{Layout, NODES, Node};
use super::{Bed, cgroup, control_plane, network, node, servers};
use crate::wait::wait_for;

impl Bed {
    /// Ends the API server; etcd and everything else go on.
    pub fn stop_api_server(&self) -> Result<()> {
        servers::stop(&self.layout, control_plane::API_SERVER, Signal::KILL)
    }

    /// Starts the API server and waits until it is ready; nothing to do if it runs.
    pub fn start_api_server(&self) -> Result<()> {
        control_plane::start_api_server(&self.layout)
    }

    /// Sends a signal to the first process of a container; works without the API server.
    pub fn kill_process_in_pod(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        signal: Signal,
    ) -> Result<()> {
        let mut found = Vec::new();
        for node in NODES {
            if servers::running(&self.layout, &node::containerd_name(node)) {
                let wanted = (namespace, pod, container);
                found.extend(node::container_process(&self.layout, node, wanted)?);
            }
        }
        ensure!(
            !found.is_empty(),
            "{namespace}/{pod} has no running container {container}"
        );
        found
            .into_iter()
            .try_for_each(|pid| servers::signal_process(pid, signal))
    }

    /// Takes a node away as a power cut does: nothing on it runs, nothing reaches it.
    pub fn node_down(&self, node: Node) -> Result<()> {
        network::set_link(node, "down")?;
        for server in servers_of(node) {
            servers::stop(&self.layout, &server, Signal::KILL)?;
        }
        end_pods(&self.layout, node)
    }

    /// Brings a node back; its pods start again.
    pub fn node_up(&self, node: Node) -> Result<()> {
        network::set_link(node, "up")?;
        node::start_containerd(&self.layout, node)?;
        node::start_kubelet(&self.layout, node)
    }
}

fn servers_of(node: Node) -> [String; 3] {
    [
        node::kubelet_name(node),
        node::containerd_name(node),
        node::proxy_name(node),
    ]
}

/// Ends a node's containers and their shims.
fn end_pods(layout: &Layout, node: Node) -> Result<()> {
    let what = format!("the end of the pods on {}", node.name());
    wait_for(&what, Duration::from_secs(30), || {
        let mut found = cgroup::of_node(node);
        found.extend(super::members::shims(&layout.containerd_socket(node)));
        for pid in &found {
            let _ = servers::signal_process(*pid, Signal::KILL);
        }
        found.is_empty()
    })
}
