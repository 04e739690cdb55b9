//! The bed's addresses. All of them are of one family, and all come from here: how they are written, how long their
//! prefixes are, and what the kernel calls their settings.
//!
//! IPv4's are those for tests of networks (RFC 2544), IPv6's unique local ones (RFC 4193): on no network of others.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Context as _, Result, bail};

use super::layout::Node;

/// Which addresses nodes, pods, Services, control plane and name server have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Family {
    /// IPv4 only.
    #[default]
    Ipv4,
    /// IPv6 only; of IPv4 there is the loopback.
    Ipv6,
}

/// What is the same on every bed of a family.
#[derive(Debug)]
pub(super) struct Addresses {
    /// This machine's end of the link to the control plane.
    pub(super) host: &'static str,
    /// The control plane, as this machine reaches it.
    pub(super) from_host: &'static str,
    /// How long the prefix of that link is.
    pub(super) host_prefix: u8,
    /// The control plane, as nodes and pods reach it.
    pub(super) from_nodes: &'static str,
    /// How long the prefix is that it shares with the nodes.
    pub(super) nodes_prefix: u8,
    /// Control plane, nodes and pods.
    pub(super) bed: &'static str,
    /// The Services.
    pub(super) services: &'static str,
    /// That of the API server.
    pub(super) first_service: &'static str,
    /// That of the name server.
    pub(super) dns_service: &'static str,
    /// All addresses of the party that listens.
    pub(super) any: &'static str,
    /// All that there are.
    pub(super) everywhere: &'static str,
    /// The kernel's setting for those who pass packets on.
    pub(super) forwarding: &'static str,
}

const IPV4: Addresses = Addresses {
    host: "198.18.255.1",
    from_host: "198.18.255.2",
    host_prefix: 30,
    from_nodes: "198.18.0.1",
    nodes_prefix: 24,
    bed: "198.18.0.0/16",
    services: "198.19.0.0/16",
    first_service: "198.19.0.1",
    dns_service: "198.19.0.10",
    any: "0.0.0.0",
    everywhere: "0.0.0.0/0",
    forwarding: "net.ipv4.ip_forward",
};

const IPV6: Addresses = Addresses {
    host: "fdca:55a:bed:ff::1",
    from_host: "fdca:55a:bed:ff::2",
    host_prefix: 64,
    from_nodes: "fdca:55a:bed::1",
    nodes_prefix: 64,
    bed: "fdca:55a:bed::/56",
    // The API server takes no more than 20 bits of them.
    services: "fdca:55a:bed:100::/112",
    first_service: "fdca:55a:bed:100::1",
    dns_service: "fdca:55a:bed:100::10",
    any: "::",
    everywhere: "::/0",
    forwarding: "net.ipv6.conf.all.forwarding",
};

impl Family {
    /// The addresses that there are once.
    pub(super) fn addresses(self) -> &'static Addresses {
        match self {
            Self::Ipv4 => &IPV4,
            Self::Ipv6 => &IPV6,
        }
    }

    /// A node's address.
    pub(super) fn node(self, node: Node) -> String {
        match self {
            Self::Ipv4 => format!("198.18.0.1{}", node.number()),
            Self::Ipv6 => format!("fdca:55a:bed::1{}", node.number()),
        }
    }

    /// The addresses of a node's pods.
    pub(super) fn pods(self, node: Node) -> String {
        match self {
            Self::Ipv4 => format!("198.18.{}.0/20", 16 * node.number()),
            Self::Ipv6 => format!("fdca:55a:bed:{}0::/64", node.number()),
        }
    }

    /// Whether an address, which must be one, is of this family.
    pub fn has(self, address: &str) -> Result<bool> {
        let address: IpAddr = address
            .parse()
            .with_context(|| format!("{address} is no address"))?;
        Ok(address.is_ipv6() == (self == Self::Ipv6))
    }

    /// What the program `ip` calls the other one.
    pub(super) fn other(self) -> &'static str {
        match self {
            Self::Ipv4 => "-6",
            Self::Ipv6 => "-4",
        }
    }

    /// The family of this name.
    pub(super) fn named(name: &str) -> Result<Self> {
        let all = [Self::Ipv4, Self::Ipv6];
        let found = all.into_iter().find(|family| family.to_string() == name);
        let Some(family) = found else {
            bail!("{name} is no family of addresses");
        };
        Ok(family)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        })
    }
}

/// An address with a port: IPv6's in brackets.
pub(super) fn with_port(address: &str, port: u16) -> Result<SocketAddr> {
    let address = address
        .parse()
        .with_context(|| format!("{address} is no address"))?;
    Ok(SocketAddr::new(address, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bed::NODES;

    /// Every address of a family: those of parties, and the first of each range.
    fn all(family: Family) -> Vec<String> {
        let Addresses {
            host,
            from_host,
            from_nodes,
            bed,
            services,
            first_service,
            dns_service,
            any,
            everywhere,
            ..
        } = family.addresses();
        let once = [
            host,
            from_host,
            from_nodes,
            bed,
            services,
            first_service,
            dns_service,
            any,
            everywhere,
        ];
        let nodes = NODES.map(|node| family.node(node));
        let pods = NODES.map(|node| family.pods(node));
        let all = once.map(|address| (*address).to_owned()).into_iter();
        all.chain(nodes).chain(pods).collect()
    }

    #[test]
    fn every_address_is_of_the_family_and_as_kubernetes_writes_it() {
        for family in [Family::Ipv4, Family::Ipv6] {
            for text in all(family) {
                let address = text.split('/').next().unwrap();
                assert!(family.has(address).unwrap(), "{family} {text}");
                let parsed: IpAddr = address.parse().unwrap();
                assert_eq!(parsed.to_string(), address);
            }
        }
        assert!(!Family::Ipv4.has("::1").unwrap() && !Family::Ipv6.has("127.0.0.1").unwrap());
        assert!(Family::Ipv6.has("orders").is_err());
    }

    #[test]
    fn a_family_is_found_by_its_name() {
        for family in [Family::Ipv4, Family::Ipv6] {
            assert_eq!(Family::named(&family.to_string()).unwrap(), family);
        }
        assert!(Family::named("").is_err());
    }

    #[test]
    fn an_ipv6_address_with_a_port_is_in_brackets() {
        let text = |family: Family| with_port(family.addresses().from_host, 6443).unwrap();
        assert_eq!(text(Family::Ipv4).to_string(), "198.18.255.2:6443");
        assert_eq!(text(Family::Ipv6).to_string(), "[fdca:55a:bed:ff::2]:6443");
    }
}
