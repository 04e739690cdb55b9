//! Command line and environment.

use std::net::SocketAddr;

use clap::Parser;

/// Runs the controller of CassandraClusters.
#[derive(Clone, Debug, Parser)]
#[command(version, about)]
pub struct Arguments {
    /// Namespaces to work in, separated by commas. Empty: all of them, which needs a ClusterRoleBinding.
    #[arg(
        long,
        env = "WATCH_NAMESPACES",
        value_delimiter = ',',
        default_value = ""
    )]
    pub watch_namespaces: Vec<String>,
    /// The image with agent and bootstrapper for new members.
    #[arg(long, env = "OPERATOR_IMAGE")]
    pub operator_image: String,
    /// Address of /livez, /readyz and /metrics. `[::]` is all addresses, IPv4 and IPv6.
    #[arg(long, env = "LISTEN", default_value = "[::]:8080")]
    pub listen: SocketAddr,
    /// Namespace of the Lease.
    #[arg(long, env = "POD_NAMESPACE", default_value = "cassandra-operator")]
    pub lease_namespace: String,
    /// Name of the Lease. Two replicas with one Lease never work at the same time.
    #[arg(long, env = "LEASE_NAME", default_value = "cassandra-controller")]
    pub lease_name: String,
    /// Who holds the Lease; unique for each replica.
    #[arg(long, env = "POD_NAME")]
    pub identity: String,
    /// What is logged, for instance `info` or `info,cassandra_controller=debug`.
    #[arg(long, env = "RUST_LOG", default_value = "info")]
    pub log: String,
}

impl Arguments {
    /// The scopes to work in: None is the whole cluster.
    pub fn scopes(&self) -> Vec<Option<String>> {
        let named: Vec<_> = self
            .watch_namespaces
            .iter()
            .map(|name| name.trim())
            .filter(|n| !n.is_empty())
            .collect();
        if named.is_empty() {
            vec![None]
        } else {
            named
                .into_iter()
                .map(|name| Some(name.to_owned()))
                .collect()
        }
    }
}
