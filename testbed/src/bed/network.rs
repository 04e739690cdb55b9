//! The bed's network: namespaces that no route leads out of, so that nothing in the bed can reach
//! another machine.
//!
//! ```text
//! this machine ──198.18.255.0/30── bed (control plane) ──bridge 198.18.0.0/24── bed-n1, -n2, -n3
//! ```
//!
//! Each node has a range of 198.18.0.0/16 for its pods; this machine can reach nodes and pods. With IPv6 it is the
//! same in other ranges: `family`.

use anyhow::{Context as _, Result};

use super::family::{Addresses, Family};
use super::layout::{HOST_LINK, NETNS, NODES, Node};
use crate::process::{line, run, stdout};

/// Makes the namespaces and what joins them.
pub(super) fn make(family: Family) -> Result<()> {
    let Addresses {
        host,
        from_host,
        host_prefix,
        from_nodes,
        nodes_prefix,
        bed,
        forwarding,
        ..
    } = family.addresses();
    ip(&format!("netns add {NETNS}"))?;
    ip(&format!(
        "link add {HOST_LINK} type veth peer name up0 netns {NETNS}"
    ))?;
    ip(&format!("link set {HOST_LINK} up"))?;
    ip(&address(host, *host_prefix, HOST_LINK))
        .with_context(|| format!("this machine must have {family}"))?;
    ip(&format!("route add {bed} via {from_host} dev {HOST_LINK}"))?;
    for command in [
        "link set lo up".to_owned(),
        address(from_host, *host_prefix, "up0"),
        "link set up0 up".to_owned(),
        "link add br0 type bridge".to_owned(),
        address(from_nodes, *nodes_prefix, "br0"),
        "link set br0 up".to_owned(),
    ] {
        ip(&format!("-n {NETNS} {command}"))?;
    }
    for node in NODES {
        join(node, family)?;
    }
    forward(NETNS, forwarding)
}

fn join(node: Node, family: Family) -> Result<()> {
    let Addresses {
        from_nodes,
        nodes_prefix,
        forwarding,
        ..
    } = family.addresses();
    let (netns, link) = (node.netns(), node.link());
    ip(&format!("netns add {netns}"))?;
    ip(&format!(
        "link add {link} netns {NETNS} type veth peer name eth0 netns {netns}"
    ))?;
    ip(&format!("-n {NETNS} link set {link} master br0 up"))?;
    ip(&format!("-n {NETNS} {}", route_to_pods(node, family)))?;
    for command in [
        "link set lo up".to_owned(),
        address(&family.node(node), *nodes_prefix, "eth0"),
        "link set eth0 up".to_owned(),
        format!("route add default via {from_nodes}"),
    ] {
        ip(&format!("-n {netns} {command}"))?;
    }
    for other in NODES.into_iter().filter(|other| *other != node) {
        ip(&format!("-n {netns} {}", route_to_pods(other, family)))?;
    }
    forward(&netns, forwarding)
}

/// Without the search for another party that has the address: nobody else is there, and until it ends IPv6 does not
/// use it.
fn address(address: &str, prefix: u8, link: &str) -> String {
    format!("addr add {address}/{prefix} dev {link} nodad")
}

fn route_to_pods(node: Node, family: Family) -> String {
    format!("route add {} via {}", family.pods(node), family.node(node))
}

/// Takes a node's cable out, or puts it back.
pub(super) fn set_link(node: Node, state: &str) -> Result<()> {
    ip(&format!("-n {NETNS} link set {} {state}", node.link()))
}

/// Addresses in the bed's namespaces that are not of its family. Those of the loopback and those that each link gives
/// itself don't count: nothing is reached by them.
pub(super) fn foreign_addresses(family: Family) -> Result<String> {
    let nodes = NODES.into_iter().map(Node::netns);
    let all = std::iter::once(NETNS.to_owned()).chain(nodes);
    let shown = all.map(|netns| {
        let show = format!("-n {netns} -oneline address show scope global");
        stdout(&mut line(&format!("ip {} {show}", family.other())))
    });
    shown.collect()
}

fn forward(netns: &str, setting: &str) -> Result<()> {
    // Not `ip netns exec`, which mounts another /sys: programs would not see the cgroups.
    run(&mut line(&format!(
        "nsenter --net=/run/netns/{netns} sysctl -qw {setting}=1"
    )))
}

fn ip(words: &str) -> Result<()> {
    run(&mut line(&format!("ip {words}")))
}
