//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// S3 on a Cassandra ring.
#[derive(Debug, Parser)]
#[command(name = "object-gateway", version)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What is logged, as for `RUST_LOG`. The protocol library is left out: it logs what is in requests.
    #[arg(
        long,
        env = "OBJECT_GATEWAY_LOG",
        default_value = "info,s3s=off",
        global = true
    )]
    pub log: String,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve S3.
    Serve(Box<Serve>),
    /// Make the keyspaces and tables, or bring them to this version's form. One at a time.
    Migrate(Ring),
    /// Check that every object has its bytes, and that all bytes have an object.
    Fsck(Fsck),
}

/// Which Cassandra.
#[derive(Debug, Args)]
pub struct Ring {
    /// Addresses of Cassandra nodes, `host:port`.
    #[arg(long, value_delimiter = ',', required_unless_present = "memory")]
    pub contact_points: Vec<String>,
    /// Keep everything in memory instead: to try it out. All is lost at the end.
    #[arg(long, conflicts_with = "contact_points")]
    pub memory: bool,
    /// The datacenter that reads and writes go to. Not given: the one of the contact points.
    #[arg(long)]
    pub datacenter: Option<String>,
    /// The keyspace of objects.
    #[arg(long, default_value = "object_gateway")]
    pub keyspace: String,
    /// Replication of the keyspace as `datacenter=copies`, for `migrate`.
    #[arg(long, value_delimiter = ',')]
    pub replication: Vec<String>,
    /// A file with the user's name in its first line and the password in its second.
    #[arg(long)]
    pub login: Option<PathBuf>,
}

/// How to serve.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where the data is.
    #[command(flatten)]
    pub ring: Ring,
    /// The file of tenants and keys. It is read again when it changes.
    #[arg(long)]
    pub keys: PathBuf,
    /// The address for S3. `[::]` is all addresses, IPv4 and IPv6.
    #[arg(long, default_value = "[::]:8080")]
    pub listen: SocketAddr,
    /// The address for health and metrics. `[::]` is all addresses, IPv4 and IPv6.
    #[arg(long, default_value = "[::]:8081")]
    pub health: SocketAddr,
    /// The region.
    #[arg(long, default_value = "us-east-1")]
    pub region: String,
    /// The domain for buckets in host names.
    #[arg(long)]
    pub domain: Option<String>,
    /// Make or migrate the keyspace first. Only where nobody else does.
    #[arg(long)]
    pub migrate: bool,
    /// Memory for bodies on their way, in MiB.
    #[arg(long, default_value_t = 128)]
    pub memory_budget: u64,
    /// Shards of new buckets.
    #[arg(long, default_value_t = 16)]
    pub shards: u16,
    /// How often the collector looks for what is due, in seconds; 0 for never.
    #[arg(long, default_value_t = 600)]
    pub collect_every: u64,
    /// How long requests may take to finish at the end, in seconds.
    #[arg(long, default_value_t = 30)]
    pub drain: u64,
}

/// How to check.
#[derive(Debug, Args)]
pub struct Fsck {
    /// Where the data is.
    #[command(flatten)]
    pub ring: Ring,
    /// How closely.
    #[arg(long, value_enum, default_value_t = Closeness::Ends)]
    pub depth: Closeness,
    /// Remove bytes that nothing refers to.
    #[arg(long)]
    pub remove: bool,
}

/// How closely blobs are looked at.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Closeness {
    /// The first and the last block of each.
    Ends,
    /// Every block.
    Full,
}
