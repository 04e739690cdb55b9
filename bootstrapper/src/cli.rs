//! The command line. What the operator sets in the pod comes by the environment.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use cassandra_api::identity::{Identity, Place, variable};
use cassandra_management::{Config, Endpoint};
use clap::{Args, FromArgMatches as _, Parser, Subcommand, builder::Resettable};

use crate::judge::Owner;

/// Prepares each start of a Cassandra node, and helps its container.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Waits for the permit to start Cassandra and writes its configuration.
    Bootstrap(Box<Bootstrap>),
    /// Becomes Cassandra, unless another process has its volume.
    Run(Run),
    /// Drains Cassandra before its container stops. Never fails, so that the stop goes on.
    Drain(Drain),
    /// Tells by its exit code whether Cassandra's process answers.
    Live(Live),
}

/// Who the member is, and where its folders are.
#[derive(Clone, Debug, Args)]
pub struct Bootstrap {
    /// Address of this pod.
    #[arg(long, env = variable::POD_IP)]
    pub pod_ip: IpAddr,
    /// Address that other nodes and clients use. Default: the pod's.
    #[arg(long, env = variable::BROADCAST_ADDRESS)]
    pub broadcast_address: Option<IpAddr>,
    /// Name of this pod.
    #[arg(long, env = variable::POD_NAME)]
    pub pod_name: String,
    /// Name of the CassandraMember.
    #[arg(long, env = variable::MEMBER_NAME)]
    pub member_name: String,
    /// UID of the CassandraMember.
    #[arg(long, env = variable::MEMBER_UID)]
    pub member_uid: String,
    /// UID of the CassandraCluster.
    #[arg(long, env = variable::CLUSTER_UID)]
    pub cluster_uid: String,
    /// UID of the earlier CassandraCluster whose volume may be taken over.
    #[arg(long, env = variable::ADOPTED_FROM)]
    pub adopted_from: Option<String>,
    /// Cassandra datacenter.
    #[arg(long, env = variable::DATACENTER)]
    pub datacenter: String,
    /// Cassandra rack.
    #[arg(long, env = variable::RACK)]
    pub rack: String,
    /// UID of the volume claim. Absent: the data is on an emptyDir.
    #[arg(long, env = variable::PVC_UID)]
    pub pvc_uid: Option<String>,
    /// Memory limit of the Cassandra container.
    #[arg(long, env = variable::MEMORY_LIMIT_BYTES)]
    pub memory_limit_bytes: u64,
    /// Cpu limit of the Cassandra container, in thousandths of a core.
    #[arg(long, env = variable::CPU_LIMIT_MILLICORES)]
    pub cpu_limit_millicores: Option<u64>,
    /// Name of the ConfigMap with the revision of the configuration.
    #[arg(long, env = variable::CONFIG_REVISION)]
    pub config_revision: String,
    /// Where that ConfigMap is mounted.
    #[arg(long, default_value = "/operator/revision")]
    pub revision: PathBuf,
    /// Cassandra's configuration folder, which holds a copy of the image's.
    #[arg(long, default_value = "/etc/cassandra")]
    pub configuration: PathBuf,
    /// Folder for what the Cassandra container needs beside its image.
    #[arg(long, default_value = "/extra-lib")]
    pub extra_lib: PathBuf,
    /// Data folder.
    #[arg(long, default_value = "/var/lib/cassandra")]
    pub data: PathBuf,
    /// Folder of this program and the Java agents.
    #[arg(long, default_value = "/opt/operator")]
    pub programs: PathBuf,
    /// Address of the agent.
    #[arg(long, default_value = "127.0.0.1:8091")]
    pub agent: SocketAddr,
}

impl Bootstrap {
    /// The options of a container that has these variables and no arguments: of this process' own environment nothing is
    /// read.
    pub fn of_container(variable: impl Fn(&str) -> Option<String>) -> Result<Self, clap::Error> {
        let command = Self::augment_args(clap::Command::new("bootstrap")).no_binary_name(true);
        let given = command.get_arguments().filter_map(|argument| {
            let value = variable(argument.get_env()?.to_str()?)?;
            Some(format!("--{}={value}", argument.get_long()?))
        });
        let given: Vec<_> = given.collect();
        let command = command.mut_args(|argument| argument.env(Resettable::Reset));
        Self::from_arg_matches(&command.try_get_matches_from(given)?)
    }

    /// The address that other nodes and clients use.
    pub fn broadcast(&self) -> IpAddr {
        self.broadcast_address.unwrap_or(self.pod_ip)
    }

    /// Whose data the volume must hold.
    pub fn owner(&self, cluster_name: &str) -> Owner {
        Owner {
            pod: self.pod_name.clone(),
            identity: Identity {
                member: self.member_name.clone(),
                member_uid: self.member_uid.clone(),
                pvc_uid: self.pvc_uid.clone(),
                broadcast_address: self.broadcast_address.map(|address| address.to_string()),
                pod_ip: Some(self.pod_ip.to_string()),
            },
            place: Place {
                cluster_uid: self.cluster_uid.clone(),
                adopted_from: self.adopted_from.clone(),
                cluster_name: cluster_name.to_owned(),
                datacenter: self.datacenter.clone(),
                rack: self.rack.clone(),
            },
        }
    }
}

/// What to run, and on which volume.
#[derive(Clone, Debug, Args)]
pub struct Run {
    /// Data folder.
    #[arg(long, default_value = "/var/lib/cassandra")]
    pub data: PathBuf,
    /// Folder of Cassandra's libraries, whose names tell its release.
    #[arg(long, default_value = "/opt/cassandra/lib")]
    pub libraries: PathBuf,
    /// The program and its arguments.
    #[arg(trailing_var_arg = true, required = true)]
    pub command: Vec<String>,
}

/// How to drain.
#[derive(Clone, Debug, Args)]
pub struct Drain {
    /// Where Cassandra's management interface is.
    #[command(flatten)]
    pub jolokia: Jolokia,
    /// Longest time that a drain may take.
    #[arg(long, default_value_t = 120)]
    pub timeout_seconds: u64,
    /// Where to log. Default: the output of the container's own process, since what a hook prints is lost.
    #[arg(long, default_value = "/proc/1/fd/1")]
    pub log: PathBuf,
}

/// How to ask whether Cassandra answers.
#[derive(Clone, Debug, Args)]
pub struct Live {
    /// Where Cassandra's management interface is.
    #[command(flatten)]
    pub jolokia: Jolokia,
    /// Longest time that an answer may take.
    #[arg(long, default_value_t = 10)]
    pub timeout_seconds: u64,
}

/// Where Cassandra's management interface is.
#[derive(Clone, Debug, Args)]
pub struct Jolokia {
    /// Address of Jolokia.
    #[arg(long = "jolokia", value_parser = Endpoint::parse, default_value = "http://127.0.0.1:8778/jolokia/")]
    pub endpoint: Endpoint,
}

impl Drain {
    /// The client's configuration.
    pub fn config(&self) -> Config {
        Config {
            jolokia: self.jolokia.endpoint.clone(),
            limit: Some(Duration::from_secs(self.timeout_seconds)),
        }
    }
}

impl Live {
    /// The client's configuration.
    pub fn config(&self) -> Config {
        Config {
            jolokia: self.jolokia.endpoint.clone(),
            limit: Some(Duration::from_secs(self.timeout_seconds)),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_agent_is_asked_at_its_port() {
        let command = Cli::command();
        let bootstrap = command.find_subcommand("bootstrap").unwrap();
        let agent = bootstrap
            .get_arguments()
            .find(|arg| arg.get_id() == "agent");
        assert_eq!(
            agent.unwrap().get_default_values(),
            [format!("127.0.0.1:{}", cassandra_api::ports::AGENT_LOCAL).as_str()]
        );
    }
}
