//! The init container: looks, waits for permit, and prepares the start.
//!
//! The order is the safety: the marker says whose data it is before Cassandra can write any, and Cassandra
//! can't start before this program has ended well. Cut short anywhere, it does the same again.

use std::{io, path::PathBuf, time::Duration};

use cassandra_management::{AgentClient, marker};

use crate::{
    cli,
    folders::{Folders, Mounted, WriteError},
    permit::{self, StartPermit},
    render::{self, Place, Setting, render},
    sources::{self, Sources},
    volume::Volume,
    waiting::{Agent, Waiter},
};

/// How long an answer of the agent may take: it asks the API server first.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Why Cassandra could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the configuration is made of can't be read.
    #[error("failed to read what the configuration is made of")]
    Sources(#[from] sources::Error),
    /// The volume can't be looked at.
    #[error("failed to look at the data folder {path}")]
    Volume {
        /// The data folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The marker can't be written.
    #[error("failed to write the marker")]
    Marker(#[from] marker::Error),
    /// The configuration can't be rendered, though it could before.
    #[error("failed to render the configuration")]
    Render(#[from] render::Error),
    /// A file can't be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Prepares one start of Cassandra, in the folders that the command line names. Returns when it may start.
pub async fn run(args: &cli::Bootstrap) -> Result<(), Error> {
    let (host, port) = (args.agent.ip().to_string(), args.agent.port());
    let agent = AgentClient::new(host, port, ANSWER_LIMIT);
    prepare(args, &Mounted(args), &agent).await
}

/// The steps of one start, on these folders and with this agent.
pub async fn prepare(
    args: &cli::Bootstrap,
    folders: &impl Folders,
    agent: &impl Agent,
) -> Result<(), Error> {
    let sources = folders.sources()?;
    let owner = args.owner(&sources.revision.cluster_name);
    // What can't be used is told at once, not when there is permit.
    let tried = render(&sources, &setting(args, &sources, Vec::new()));
    let waiter = Waiter {
        owner: &owner,
        own_address: args.broadcast(),
        agent,
        configuration: tried.err().map(|problem| problem.to_string()),
    };
    let (volume, permit) =
        waiter
            .wait(|| folders.look())
            .await
            .map_err(|source| Error::Volume {
                path: args.data.clone(),
                source,
            })?;
    log(&volume, &permit);
    let rendered = render(&sources, &setting(args, &sources, permit.seeds.clone()))?;
    folders.store(&permit::marker(
        &owner,
        &volume,
        &permit,
        &args.config_revision,
    ))?;
    folders.install(&rendered)?;
    tracing::info!(revision = args.config_revision, "Cassandra can start");
    Ok(())
}

fn log(volume: &Volume, permit: &StartPermit) {
    let joined = volume.marker().is_some_and(|marker| marker.joined);
    let by = if permit.by_marker {
        "the marker on the volume, since nobody else can be asked"
    } else {
        "the operator"
    };
    tracing::info!(epoch = permit.epoch, seeds = ?permit.seeds, joined, "may start, by {by}");
}

fn setting(args: &cli::Bootstrap, sources: &Sources, seeds: Vec<String>) -> Setting {
    Setting {
        place: Place {
            cluster_name: sources.revision.cluster_name.clone(),
            listen: args.pod_ip,
            broadcast: args.broadcast(),
            seeds,
            data: args.data.display().to_string(),
        },
        datacenter: args.datacenter.clone(),
        rack: args.rack.clone(),
        memory_limit_bytes: args.memory_limit_bytes,
        cpu_limit_millicores: args.cpu_limit_millicores,
        configuration: args.configuration.display().to_string(),
        extra_lib: args.extra_lib.display().to_string(),
    }
}
