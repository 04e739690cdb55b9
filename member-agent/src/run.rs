//! Putting the agent together, and its end.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use cassandra_management::{Config, Management};
use kube::Client;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};

use crate::{
    agent::Agent,
    clock::SystemClock,
    leave::{self, Handoff, Told},
    member::{self, Heard, Inquiry, Known},
    metrics::Metrics,
    options::Options,
    probes::{self, Pulse},
    report::Reporter,
    volume::{Folders, Patient},
};

/// How long connecting to the API server may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Why the agent could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no configuration of a Kubernetes client.
    #[error("failed to find the API server")]
    Configuration(#[source] Box<kube::config::InferConfigError>),
    /// The Kubernetes client could not be made.
    #[error("failed to make a Kubernetes client")]
    Client(#[source] Box<kube::Error>),
    /// The metrics contradict each other.
    #[error("failed to register the metrics")]
    Metrics(#[from] prometheus::Error),
    /// Somebody else has the port.
    #[error("failed to listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The signals can't be waited for.
    #[error("failed to wait for signals")]
    Signals(#[source] io::Error),
    /// A task that never ends did.
    #[error("a task of the agent ended")]
    TaskEnded,
}

/// Runs the agent until it is told to stop.
pub async fn run(options: Options) -> Result<(), Error> {
    let client = client().await?;
    let identity = options.identity();
    let metrics = Metrics::new()?;
    let (heard, told, pulse) = (Heard::default(), Told::default(), Pulse::default());
    let api = member::api(client, &identity);
    let (known, knowing) = watch::channel(Known::default());
    let (offers, offered) = watch::channel(None);
    let reporter = Reporter::new(
        api.clone(),
        identity.clone(),
        heard.clone(),
        metrics.clone(),
    );
    let handoff = Arc::new(Handoff {
        inquiry: Inquiry::new(api.clone(), identity.clone(), heard.clone()),
        told: told.clone(),
        highest: std::sync::Mutex::default(),
    });
    let folders = Folders {
        data: options.data_dir.clone(),
        cassandra_yaml: options.cassandra_yaml.clone(),
    };
    let node = Management::new(Config {
        jolokia: options.jolokia.clone(),
        ..Config::default()
    });

    let mut tasks = JoinSet::new();
    serve(&mut tasks, options.handoff, leave::routes(handoff)).await?;
    let probes = probes::routes(pulse.clone(), metrics.clone());
    serve(&mut tasks, options.listen, probes).await?;
    tasks.spawn(member::follow(
        api,
        identity.clone(),
        known,
        heard,
        metrics.clone(),
    ));
    let writing = tasks.spawn(reporter.clone().run(offered, knowing.clone()));

    let mut agent = Agent::new(
        node,
        Patient::new(folders),
        Arc::new(SystemClock),
        identity,
        told,
        pulse,
        metrics,
    );
    let stopped = tokio::select! {
        () = agent.run(knowing.clone(), offers) => Err(Error::TaskEnded),
        _ = tasks.join_next() => Err(Error::TaskEnded),
        stopped = told_to_stop() => stopped,
    };
    writing.abort();
    let last = knowing.borrow().clone();
    agent.last_report(&last, &reporter).await;
    stopped
}

async fn client() -> Result<Client, Error> {
    let mut config = kube::Config::infer()
        .await
        .map_err(|error| Error::Configuration(Box::new(error)))?;
    // Every call has its own time limit and is made again by the next pass.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_LIMIT);
    Client::try_from(config).map_err(|error| Error::Client(Box::new(error)))
}

async fn serve(
    tasks: &mut JoinSet<()>,
    address: SocketAddr,
    routes: axum::Router,
) -> Result<(), Error> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| Error::Listen { address, source })?;
    tasks.spawn(async move {
        // It ends only if its listener does.
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, %address, "a server has ended");
        }
    });
    Ok(())
}

async fn told_to_stop() -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("told to stop");
    Ok(())
}
