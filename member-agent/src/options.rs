//! Options, from the command line or the environment.

use std::{
    net::{Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use cassandra_api::{
    identity::{Identity, variable},
    ports,
};
use cassandra_management::Endpoint;
use clap::Parser;

/// The agent of one Cassandra node.
#[derive(Clone, Debug, Parser)]
#[command(name = "member-agent", version)]
pub struct Options {
    /// The pod's namespace.
    #[arg(long, env = variable::POD_NAMESPACE)]
    pub pod_namespace: String,
    /// The pod's name.
    #[arg(long, env = variable::POD_NAME)]
    pub pod_name: String,
    /// The pod's address.
    #[arg(long, env = variable::POD_IP)]
    pub pod_ip: String,
    /// The CassandraMember that this pod is the node of.
    #[arg(long, env = variable::MEMBER_NAME)]
    pub member_name: String,
    /// UID of that CassandraMember. Another one of the same name is another member.
    #[arg(long, env = variable::MEMBER_UID)]
    pub member_uid: String,
    /// The address that other nodes and clients use, if it is not the pod's.
    #[arg(long, env = variable::BROADCAST_ADDRESS)]
    pub broadcast_address: Option<String>,
    /// UID of the volume claim.
    #[arg(long, env = variable::PVC_UID)]
    pub pvc_uid: Option<String>,
    /// Cassandra's data folder, with the marker.
    #[arg(long, env = "DATA_DIR", default_value = "/var/lib/cassandra")]
    pub data_dir: PathBuf,
    /// Cassandra's configuration, whose seeds are kept up to date.
    #[arg(
        long,
        env = "CASSANDRA_YAML",
        default_value = "/etc/cassandra/cassandra.yaml"
    )]
    pub cassandra_yaml: PathBuf,
    /// Address for /live, /ready and /metrics. Default: all addresses, IPv4 and IPv6.
    #[arg(long, env = "LISTEN", default_value_t = any(ports::AGENT))]
    pub listen: SocketAddr,
    /// Address for the bootstrapper's question. Keep it on loopback.
    #[arg(long, env = "AGENT_LOCAL", default_value_t = loopback(ports::AGENT_LOCAL))]
    pub agent_local: SocketAddr,
    /// Address of Cassandra's Jolokia.
    #[arg(long, env = "JOLOKIA", default_value = "http://127.0.0.1:8778/jolokia", value_parser = Endpoint::parse)]
    pub jolokia: Endpoint,
    /// Log filter, for instance `info` or `member_agent=debug`.
    #[arg(long, env = "RUST_LOG", default_value = "info")]
    pub log: String,
}

impl Options {
    /// Who this agent speaks for.
    pub fn identity(&self) -> Identity {
        Identity {
            member: self.member_name.clone(),
            member_uid: self.member_uid.clone(),
            pod_ip: Some(self.pod_ip.clone()),
            broadcast_address: given(self.broadcast_address.as_ref()),
            pvc_uid: given(self.pvc_uid.as_ref()),
        }
    }
}

/// A variable that is set and empty is not given.
fn given(value: Option<&String>) -> Option<String> {
    value.filter(|value| !value.is_empty()).cloned()
}

fn any(port: i32) -> SocketAddr {
    SocketAddr::from((
        Ipv6Addr::UNSPECIFIED,
        u16::try_from(port).unwrap_or_default(),
    ))
}

fn loopback(port: i32) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_the_pod_is_has_to_be_given() {
        let options = Options::try_parse_from([
            "member-agent",
            "--pod-namespace=shop",
            "--pod-name=orders-r1-0-0",
            "--pod-ip=10.0.0.1",
            "--member-name=orders-r1-0",
            "--member-uid=u",
            "--broadcast-address=",
        ])
        .unwrap();
        assert_eq!(options.listen.to_string(), "[::]:8090");
        assert_eq!(options.agent_local.to_string(), "127.0.0.1:8091");
        assert_eq!(options.identity().broadcast_address, None);
        assert!(Options::try_parse_from(["member-agent"]).is_err());
    }
}
