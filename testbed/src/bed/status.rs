//! How the bed is.

use std::fmt;

use anyhow::Result;

use super::control_plane::api_ready;
use super::family::Family;
use super::kubectl;
use super::layout::{Layout, NODES};
use super::servers;
use crate::process::stdout;

/// What runs and what does not.
#[derive(Debug, Clone)]
pub struct Status {
    /// Each server, and whether it runs.
    pub servers: Vec<(String, bool)>,
    /// Whether the API server is ready.
    pub api: bool,
    /// Which addresses it has.
    pub family: Family,
    /// Names of the nodes that are ready.
    pub ready_nodes: Vec<String>,
}

impl Status {
    pub(super) fn of(layout: &Layout) -> Result<Self> {
        let servers: Vec<_> = servers::started(layout)
            .into_iter()
            .map(|name| (name.clone(), servers::running(layout, &name)))
            .collect();
        let api = !servers.is_empty() && api_ready(layout);
        let ready_nodes = if api {
            ready_nodes(layout)?
        } else {
            Vec::new()
        };
        Ok(Self {
            servers,
            api,
            family: layout.family(),
            ready_nodes,
        })
    }

    /// Whether none of the servers has ended.
    pub fn running(&self) -> bool {
        !self.servers.is_empty() && self.servers.iter().all(|(_, runs)| *runs)
    }

    /// Whether everything is as it should be.
    pub fn healthy(&self) -> bool {
        self.running() && self.api && self.ready_nodes.len() == NODES.len()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.servers.is_empty() {
            return write!(out, "the test bed is down");
        }
        for (name, runs) in &self.servers {
            writeln!(out, "{} {name}", if *runs { '✔' } else { '✘' })?;
        }
        writeln!(out, "{} API", if self.api { '✔' } else { '✘' })?;
        writeln!(out, "addresses: {}", self.family)?;
        write!(out, "nodes ready: {}", self.ready_nodes.join(" "))
    }
}

/// The nodes whose kubelet says that they are ready.
pub(super) fn ready_nodes(layout: &Layout) -> Result<Vec<String>> {
    let template = r#"jsonpath={range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}"#;
    let listed = stdout(kubectl(layout).args(["get", "nodes", "-o", template]))?;
    Ok(listed
        .lines()
        .filter_map(|line| line.strip_suffix("=True"))
        .map(str::to_owned)
        .collect())
}
