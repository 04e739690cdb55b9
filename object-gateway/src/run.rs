//! What the program does.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::{EnvFilter, fmt};

use crate::{
    cli::{Arguments, Closeness, Command, Fsck, Ring, Serve},
    environment::System,
    front::{Front, Options},
    keys::Keyring,
    metrics::Metrics,
    ops::{Depth, Gateway, Limits},
    server,
    store::{
        Store,
        cassandra::{self, CassandraStore},
        memory::MemoryStore,
    },
};

/// How often what operations have left is done.
const CLEAN_UP: Duration = Duration::from_secs(5);
/// How often the file of keys is looked at.
const KEYS: Duration = Duration::from_secs(5);

/// Does what the command line says.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let filter = EnvFilter::try_new(&arguments.log).context("the filter of the log")?;
    fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(std::io::stdout)
        .init();
    let metrics = Metrics::new()?;
    match arguments.command {
        Command::Serve(options) => Box::pin(serve(*options, metrics)).await,
        Command::Migrate(ring) => {
            migrate(&ring).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Fsck(options) => fsck(options, &metrics).await,
    }
}

fn ring_options(ring: &Ring) -> anyhow::Result<cassandra::Options> {
    let login = match &ring.login {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path).context("the file with the login")?;
            let mut lines = text.lines();
            let pair = lines.next().zip(lines.next());
            let (user, password) = pair.context("the file with the login needs two lines")?;
            Some((user.to_owned(), password.to_owned()))
        }
    };
    Ok(cassandra::Options {
        contact_points: ring.contact_points.clone(),
        datacenter: ring.datacenter.clone(),
        keyspace: ring.keyspace.clone(),
        login,
    })
}

async fn migrate(ring: &Ring) -> anyhow::Result<()> {
    anyhow::ensure!(!ring.memory, "there is nothing to migrate in memory");
    let mut copies = BTreeMap::new();
    for pair in &ring.replication {
        let pair = pair
            .split_once('=')
            .and_then(|(name, copies)| Some((name, copies.parse().ok()?)));
        let (name, count): (&str, u32) = pair.context("--replication is datacenter=copies")?;
        copies.insert(name.to_owned(), count);
    }
    CassandraStore::migrate(&ring_options(ring)?, &copies).await?;
    tracing::info!(version = cassandra::VERSION, "the schema is there");
    Ok(())
}

async fn open(ring: &Ring, metrics: &Metrics) -> anyhow::Result<Arc<dyn Store>> {
    if ring.memory {
        return Ok(Arc::new(MemoryStore::new(Arc::new(System::default()))));
    }
    Ok(Arc::new(
        CassandraStore::open(&ring_options(ring)?, metrics.clone()).await?,
    ))
}

async fn serve(options: Serve, metrics: Metrics) -> anyhow::Result<ExitCode> {
    let keys = Arc::new(Keyring::load(&options.keys)?);
    if options.migrate {
        migrate(&options.ring).await?;
    }
    let store = open(&options.ring, &metrics).await?;
    let limits = Limits {
        memory: options.memory_budget << 20,
        shards: options.shards,
        ..Limits::default()
    };
    let gateway = Arc::new(Gateway::new(store, Arc::new(System::default()), limits));
    let front = Options {
        region: options.region,
        domain: options.domain,
        ..Options::default()
    };
    let front = Front::new(
        Arc::clone(&gateway),
        Arc::clone(&keys),
        front,
        metrics.clone(),
    );
    let listener = server::bind(options.listen)
        .await
        .context("the address for S3")?;
    let health = server::bind(options.health)
        .await
        .context("the address for health")?;
    tracing::info!(listen = %listener.local_addr()?, health = %health.local_addr()?, "serving");
    let (draining, stop) = (CancellationToken::new(), CancellationToken::new());
    let health = server::serve_health(
        health,
        Arc::clone(&gateway),
        metrics.clone(),
        draining.clone(),
        stop.clone(),
    );
    let health = tokio::spawn(health);
    tokio::spawn(watch_keys(keys, options.keys, stop.clone()));
    tokio::spawn(clean_up(Arc::clone(&gateway), stop.clone()));
    tokio::spawn(collect(
        Arc::clone(&gateway),
        metrics,
        options.collect_every,
        stop.clone(),
    ));
    let signal = draining.clone();
    tokio::spawn(async move {
        shutdown().await;
        signal.cancel();
    });
    let drain = Duration::from_secs(options.drain);
    server::serve(listener, Arc::new(front), draining, drain).await;
    stop.cancel();
    if let Err(error) = gateway.clean_up().await {
        tracing::warn!("what was left is left to the collector: {error}");
    }
    health.await?;
    Ok(ExitCode::SUCCESS)
}

async fn shutdown() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn watch_keys(keys: Arc<Keyring>, path: PathBuf, stop: CancellationToken) {
    let changed = || {
        std::fs::metadata(&path)
            .and_then(|file| file.modified())
            .ok()
    };
    let mut last = changed();
    while stop
        .run_until_cancelled(tokio::time::sleep(KEYS))
        .await
        .is_some()
    {
        let now = changed();
        if now != last {
            last = now;
            match keys.reload(&path) {
                Ok(()) => tracing::info!("the keys were read again"),
                Err(error) => tracing::error!("the old keys stay: {error}"),
            }
        }
    }
}

async fn clean_up(gateway: Arc<Gateway>, stop: CancellationToken) {
    while stop
        .run_until_cancelled(tokio::time::sleep(CLEAN_UP))
        .await
        .is_some()
    {
        if let Err(error) = gateway.clean_up().await {
            tracing::warn!("what was left is left to the collector: {error}");
        }
    }
}

async fn collect(gateway: Arc<Gateway>, metrics: Metrics, every: u64, stop: CancellationToken) {
    if every == 0 {
        return;
    }
    while stop
        .run_until_cancelled(tokio::time::sleep(Duration::from_secs(every)))
        .await
        .is_some()
    {
        match gateway.collect().await {
            Ok(done) => metrics.collected(&done),
            Err(error) => tracing::warn!("the collector will try again: {error}"),
        }
    }
}

async fn fsck(options: Fsck, metrics: &Metrics) -> anyhow::Result<ExitCode> {
    let store = open(&options.ring, metrics).await?;
    let gateway = Gateway::new(store, Arc::new(System::default()), Limits::default());
    let depth = match options.depth {
        Closeness::Ends => Depth::Ends,
        Closeness::Full => Depth::Full,
    };
    let report = gateway.check(depth, options.remove).await?;
    serde_json::to_writer_pretty(std::io::stdout(), &report)?;
    Ok(if report.is_sound() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
