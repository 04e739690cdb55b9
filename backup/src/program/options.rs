//! The command line.

use std::path::PathBuf;

use backup::{
    crypto::Identity,
    error::{Error, Result},
    ids::{BackupId, Uuid},
    retention::Policy,
    store::{Credentials, Provider, StoreSettings, parse_url},
    transfer::Limits,
};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Backs up Cassandra nodes to an object store, and brings them back.
///
/// Returns 0 if it is done, 2 if the command line is wrong, 3 if what was asked can't be, 4 if the store refuses the
/// credentials, 5 if the store fails or is too busy (try again), 6 if something is damaged, 7 if the disk is full or
/// fails, 8 if somebody else was faster, and 1 for everything else.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) store: StoreOptions,
    /// A file of age identities, by which encrypted backups are read.
    #[arg(long, global = true, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// How to print.
    #[arg(long, global = true, value_enum, default_value = "text")]
    pub(crate) output: Output,
    /// Memory for bytes on their way, in MiB.
    #[arg(long, global = true, value_name = "MIB", default_value_t = 128)]
    memory: u64,
    /// Requests at once.
    #[arg(long, global = true, value_name = "NUMBER", default_value_t = 16)]
    concurrency: usize,
    /// Bytes per second at most, in MiB. 0: as fast as it goes.
    #[arg(long, global = true, value_name = "MIB", default_value_t = 0)]
    rate: u64,
    /// What to log on standard error: error, warn, info, debug.
    #[arg(long, global = true, default_value = "warn")]
    pub(crate) log: String,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the store is.
#[derive(Debug, Args)]
pub(crate) struct StoreOptions {
    /// s3://bucket/prefix, gs://bucket/prefix, az://account/container/prefix or file:///folder.
    #[arg(
        long,
        global = true,
        env = "CASSANDRA_BACKUP_STORE",
        value_name = "URL"
    )]
    store: Option<String>,
    /// A file with the settings of the store in JSON, instead of a URL.
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "store")]
    store_settings: Option<PathBuf>,
    /// The address of a store that speaks S3 and is not Amazon's.
    #[arg(long, global = true, value_name = "URL")]
    endpoint: Option<String>,
    /// The region of the bucket.
    #[arg(long, global = true)]
    region: Option<String>,
    /// A folder with the credentials in files: access_key_id, secret_access_key, session_token; service_account.json;
    /// account_key or sas_token. Without it they come from the environment.
    #[arg(long, global = true, value_name = "FOLDER")]
    credentials: Option<PathBuf>,
    /// A file of certificates that are trusted.
    #[arg(long, global = true, value_name = "FILE")]
    ca_bundle: Option<PathBuf>,
    /// Speak plain HTTP.
    #[arg(long, global = true)]
    allow_http: bool,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// For programs: one JSON object on standard output.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a repository for a cluster.
    Init(Init),
    /// Try the store out: write, read, list and delete a canary.
    Check,
    /// Take a snapshot of this node, upload what is new, and commit it unless told otherwise.
    Backup(Backup),
    /// Commit a backup of several nodes, each of which has run `backup --no-commit`.
    Commit(Commit),
    /// List the backups.
    List,
    /// Show one backup.
    Show(One),
    /// Say whether a backup can be restored.
    Verify(Verify),
    /// Delete a backup. What only it used goes with the next `gc`.
    Delete(One),
    /// Delete the backups that no rule keeps.
    Prune(Prune),
    /// Remove what no backup uses any more.
    Gc(Gc),
    /// Bring the files of a node back.
    Restore(Restore),
    /// Write a backup as plain folders of SSTables.
    Export(Export),
    /// Use backups that Medusa has taken: the store is Medusa's bucket, with its prefix.
    #[command(subcommand)]
    Medusa(Medusa),
}

/// What can be done with Medusa's backups.
#[derive(Debug, Subcommand)]
pub(crate) enum Medusa {
    /// List them.
    List,
    /// Bring the files of a node back.
    Restore(MedusaRestore),
}

/// A node's files, from Medusa.
#[derive(Debug, Args)]
pub(crate) struct MedusaRestore {
    /// Which backup.
    pub(crate) backup: String,
    /// Which node, by the name that Medusa knew it by.
    #[arg(long, value_name = "NAME")]
    pub(crate) node: String,
    /// Where the files go, as `<keyspace>/<table>-<id>/`.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) into: PathBuf,
    /// Only this keyspace or table (`shop`, `shop.orders`). May be given several times.
    #[arg(long)]
    pub(crate) only: Vec<String>,
}

/// A new repository.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The cluster's UID. Without it one is made.
    #[arg(long, value_name = "UUID")]
    pub(crate) cluster_uid: Option<Uuid>,
    /// The cluster's name.
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster_name: String,
    /// Encrypt for this age recipient. May be given several times.
    #[arg(long = "recipient", value_name = "age1…")]
    pub(crate) recipients: Vec<String>,
    /// The size of a chunk in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=256))]
    pub(crate) chunk: u64,
}

/// A backup of this node.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The backup's name, the same on all nodes. Without it one is made.
    #[arg(long, value_name = "ULID")]
    pub(crate) id: Option<BackupId>,
    /// Which try of this node it is. Take the next number after a conflict.
    #[arg(long, default_value_t = 1)]
    pub(crate) attempt: u32,
    /// Cassandra's data directory. May be given several times, in the order of cassandra.yaml.
    #[arg(
        long = "data-dir",
        value_name = "FOLDER",
        default_value = "/var/lib/cassandra/data"
    )]
    pub(crate) data_dirs: Vec<PathBuf>,
    /// Where the program keeps its journal, on a disk that stays.
    #[arg(
        long,
        value_name = "FOLDER",
        default_value = "/var/lib/cassandra-backup"
    )]
    pub(crate) state: PathBuf,
    #[command(flatten)]
    pub(crate) node: Node,
    /// What people call it.
    #[arg(long, default_value = "")]
    pub(crate) name: String,
    /// What there is to say about it.
    #[arg(long, default_value = "")]
    pub(crate) description: String,
    /// How long it may take, in seconds, until it is committed.
    #[arg(long, default_value_t = 24 * 3600)]
    pub(crate) seconds: u64,
    /// Do not commit: other nodes have to be ready too.
    #[arg(long)]
    pub(crate) no_commit: bool,
}

/// How the node is spoken to.
#[derive(Debug, Args)]
pub(crate) struct Node {
    /// The nodetool to run, with options if it needs some.
    #[arg(long, default_value = "nodetool")]
    pub(crate) nodetool: String,
    /// Speak to Jolokia at this address instead.
    #[arg(long, value_name = "URL")]
    pub(crate) jolokia: Option<String>,
}

/// The commit of several nodes' backups.
#[derive(Debug, Args)]
pub(crate) struct Commit {
    /// Which backup.
    pub(crate) id: BackupId,
    /// What people call it.
    #[arg(long, default_value = "")]
    pub(crate) name: String,
    /// What there is to say about it.
    #[arg(long, default_value = "")]
    pub(crate) description: String,
    /// How many nodes have to be in it.
    #[arg(long)]
    pub(crate) nodes: usize,
}

/// One backup.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// Which: its id, its name, or `latest`.
    pub(crate) backup: String,
}

/// A look at a backup.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Which: its id, its name, or `latest`.
    pub(crate) backup: String,
    /// 0: what the commit names. 1: each blob is there. 2: and as long as it should be. 3: blobs are read.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=3))]
    pub(crate) level: u8,
    /// At level 3, read one blob of so many.
    #[arg(long, default_value_t = 1)]
    pub(crate) one_of: u32,
    /// Which of the shares. Count it up from run to run.
    #[arg(long, default_value_t = 0)]
    pub(crate) share: u32,
}

/// Rules by which backups are kept.
#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// Keep so many of the newest.
    #[arg(long, default_value_t = 0)]
    keep_last: u32,
    /// Keep the newest of each of so many days.
    #[arg(long, default_value_t = 0)]
    keep_daily: u32,
    /// Keep the newest of each of so many weeks.
    #[arg(long, default_value_t = 0)]
    keep_weekly: u32,
    /// Keep the newest of each of so many months.
    #[arg(long, default_value_t = 0)]
    keep_monthly: u32,
    /// Keep all that are younger than so many days.
    #[arg(long, default_value_t = 0)]
    keep_within_days: u64,
    /// Only say what would be deleted.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl Prune {
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            keep_last: self.keep_last,
            keep_daily: self.keep_daily,
            keep_weekly: self.keep_weekly,
            keep_monthly: self.keep_monthly,
            keep_within_seconds: self.keep_within_days * 24 * 3600,
        }
    }
}

/// A collection.
#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Only say what would be removed.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// A folder for lists that are too long for memory.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) scratch: Option<PathBuf>,
}

/// A node's files.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// Which: its id, its name, or `latest`.
    pub(crate) backup: String,
    /// Which node of it. Not needed if it has one.
    #[arg(long, value_name = "UUID")]
    pub(crate) host_id: Option<Uuid>,
    /// Where the files go, as `<keyspace>/<table>-<id>/`. May be given several times, one for each data directory.
    #[arg(long, value_name = "FOLDER", required = true)]
    pub(crate) into: Vec<PathBuf>,
    /// Only this keyspace or table (`shop`, `shop.orders`). May be given several times.
    #[arg(long)]
    pub(crate) only: Vec<String>,
    /// A data directory on the same disk, whose files are linked instead of fetched where they are the same.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) local: Vec<PathBuf>,
}

/// Plain folders.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Which: its id, its name, or `latest`.
    pub(crate) backup: String,
    /// Where to. Each node gets a folder, named by its host id.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) into: PathBuf,
    /// Only this keyspace or table (`shop`, `shop.orders`). May be given several times.
    #[arg(long)]
    pub(crate) only: Vec<String>,
}

impl Options {
    pub(crate) fn identities(&self) -> Result<Vec<Identity>> {
        let Some(file) = &self.identity else {
            return Ok(Vec::new());
        };
        let text = std::fs::read_to_string(file).map_err(|source| Error::File {
            what: "read",
            path: file.clone(),
            source,
        })?;
        Identity::parse_file(&text)
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            memory_bytes: self.memory << 20,
            concurrency: self.concurrency,
            bytes_per_second: (self.rate > 0).then_some(self.rate << 20),
            requests_per_second: None,
        }
    }
}

impl StoreOptions {
    pub(crate) fn settings(&self) -> Result<StoreSettings> {
        let wrong = |detail: String| Error::StoreSettings { detail };
        let mut settings: StoreSettings = match (&self.store, &self.store_settings) {
            (Some(url), _) => parse_url(url)?,
            (None, Some(file)) => {
                let text = std::fs::read(file).map_err(|source| Error::File {
                    what: "read",
                    path: file.clone(),
                    source,
                })?;
                serde_json::from_slice(&text)
                    .map_err(|error| wrong(format!("{}: {error}", file.display())))?
            }
            (None, None) => {
                return Err(wrong(
                    "say where the store is: --store or --store-settings".to_owned(),
                ));
            }
        };
        match &mut settings.provider {
            Provider::S3 {
                endpoint, region, ..
            } => {
                *endpoint = self.endpoint.clone().or_else(|| endpoint.take());
                *region = self.region.clone().or_else(|| region.take());
            }
            Provider::Gcs { endpoint, .. } | Provider::Azure { endpoint, .. } => {
                *endpoint = self.endpoint.clone().or_else(|| endpoint.take());
            }
            Provider::Folder { .. } | Provider::Memory => {
                if self.endpoint.is_some() {
                    return Err(wrong(
                        "--endpoint is for stores that have an address".to_owned(),
                    ));
                }
            }
        }
        if let Some(folder) = &self.credentials {
            settings.credentials = Credentials::Folder(folder.clone());
        }
        if self.ca_bundle.is_some() {
            settings.ca_bundle.clone_from(&self.ca_bundle);
        }
        settings.allow_http |= self.allow_http;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn options_are_added_to_what_the_url_says() {
        let options = Options::parse_from([
            "cassandra-backup",
            "--store",
            "s3://bucket/prefix",
            "--endpoint",
            "http://127.0.0.1:1",
            "--allow-http",
            "list",
        ]);
        let settings = options.store.settings().unwrap();
        assert!(settings.allow_http);
        let Provider::S3 {
            endpoint, region, ..
        } = settings.provider
        else {
            panic!("not S3");
        };
        assert_eq!(
            (endpoint.as_deref(), region),
            (Some("http://127.0.0.1:1"), None)
        );
    }
}
