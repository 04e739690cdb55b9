//! The bed's network: namespaces that no route leads out of, so that nothing in the bed can reach
//! another machine.
//!
//! ```text
//! this machine ──198.18.255.0/30── bed (control plane) ──bridge 198.18.0.0/24── bed-n1, -n2, -n3
//! ```
//!
//! Each node has a range of 198.18.0.0/16 for its pods; this machine can reach nodes and pods.

use anyhow::Result;

use super::layout::{FROM_HOST, FROM_NODES, HOST_ADDRESS, HOST_LINK, NETNS, NODES, Node};
use crate::process::{line, run};

/// Makes the namespaces and what joins them.
pub(super) fn make() -> Result<()> {
    ip(&format!("netns add {NETNS}"))?;
    ip(&format!(
        "link add {HOST_LINK} type veth peer name up0 netns {NETNS}"
    ))?;
    ip(&format!("addr add {HOST_ADDRESS}/30 dev {HOST_LINK}"))?;
    ip(&format!("link set {HOST_LINK} up"))?;
    ip(&format!(
        "route add 198.18.0.0/16 via {FROM_HOST} dev {HOST_LINK}"
    ))?;
    for command in [
        "link set lo up".to_owned(),
        format!("addr add {FROM_HOST}/30 dev up0"),
        "link set up0 up".to_owned(),
        "link add br0 type bridge".to_owned(),
        format!("addr add {FROM_NODES}/24 dev br0"),
        "link set br0 up".to_owned(),
    ] {
        ip(&format!("-n {NETNS} {command}"))?;
    }
    for node in NODES {
        join(node)?;
    }
    forward(NETNS)
}

fn join(node: Node) -> Result<()> {
    let (netns, link) = (node.netns(), node.link());
    ip(&format!("netns add {netns}"))?;
    ip(&format!(
        "link add {link} netns {NETNS} type veth peer name eth0 netns {netns}"
    ))?;
    ip(&format!("-n {NETNS} link set {link} master br0 up"))?;
    ip(&format!(
        "-n {NETNS} route add {} via {}",
        node.pods(),
        node.address()
    ))?;
    for command in [
        "link set lo up".to_owned(),
        format!("addr add {}/24 dev eth0", node.address()),
        "link set eth0 up".to_owned(),
        format!("route add default via {FROM_NODES}"),
    ] {
        ip(&format!("-n {netns} {command}"))?;
    }
    for other in NODES.into_iter().filter(|other| *other != node) {
        ip(&format!(
            "-n {netns} route add {} via {}",
            other.pods(),
            other.address()
        ))?;
    }
    forward(&netns)
}

/// Takes a node's cable out, or puts it back.
pub(super) fn set_link(node: Node, state: &str) -> Result<()> {
    ip(&format!("-n {NETNS} link set {} {state}", node.link()))
}

fn forward(netns: &str) -> Result<()> {
    // Not `ip netns exec`, which mounts another /sys: programs would not see the cgroups.
    run(&mut line(&format!(
        "nsenter --net=/run/netns/{netns} sysctl -qw net.ipv4.ip_forward=1"
    )))
}

fn ip(words: &str) -> Result<()> {
    run(&mut line(&format!("ip {words}")))
}
