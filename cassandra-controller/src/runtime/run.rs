//! Puts the controller together: endpoints first, then the Lease, then for each scope its reflectors and its
//! reconciler. Ends when it is told to, or when the Lease is lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use futures::{StreamExt as _, stream};
use kube::{
    Client, Config,
    runtime::{Controller, controller, events::Recorder, reflector::ObjectRef},
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    backoff::Backoffs,
    health::{Health, Watching},
    lease::Election,
    triggers::Triggers,
    watches::Watches,
};
use crate::{
    cli::Arguments,
    clock::SystemClock,
    cluster::{self, Context},
    metrics::Metrics,
};

/// Clusters that are worked on at the same time.
const CONCURRENCY: u16 = 8;
/// How long a reconciliation that is under way may take to end when the program is told to stop.
const GRACE: Duration = Duration::from_secs(15);

/// Runs until SIGTERM or SIGINT. An error means that the program should be started again.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    stop_on_signal(&stop)?;
    let client = client().await?;
    let metrics = Metrics::new()?;
    let watching = Arc::new(Watching::new(metrics.clone()));
    let ready = Arc::new(AtomicBool::new(false));
    let health = Health {
        watching: watching.clone(),
        metrics: metrics.clone(),
        ready: ready.clone(),
    };
    let endpoints = tokio::spawn(health.serve(arguments.listen));

    let election = Election::new(
        client.clone(),
        &arguments.lease_namespace,
        &arguments.lease_name,
        &arguments.identity,
    );
    let work = Work {
        client,
        metrics,
        watching,
        stop: stop.clone(),
        arguments,
    };
    // A replica that stands by lists and watches as well, so that it can begin at once.
    let prepared = work.prepare();
    let lease = tokio::select! {
        lease = election.acquire(|| ready.store(true, Ordering::Relaxed)) => lease,
        () = stop.cancelled() => return Ok(()),
    };
    ready.store(true, Ordering::Relaxed);
    work.metrics.leads(true);
    tracing::info!(identity = work.arguments.identity, "leading");

    let renewals = CancellationToken::new();
    let reconcilers = work.reconcile(prepared);
    let outcome = tokio::select! {
        kept = election.keep(lease, renewals.clone()) => kept.map_err(anyhow::Error::from),
        () = async {
            stop.cancelled().await;
            reconcilers.close();
            // What is under way ends while the Lease is still ours.
            if tokio::time::timeout(GRACE, reconcilers.wait()).await.is_err() {
                tracing::warn!("a reconciliation did not end in time");
            }
            renewals.cancel();
            std::future::pending::<()>().await;
        } => Ok(()),
        served = endpoints => served.context("the endpoints' task")?.context("serving the endpoints"),
    };
    work.metrics.leads(false);
    outcome
}

fn stop_on_signal(stop: &CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        stop.cancel();
    });
    Ok(())
}

async fn client() -> anyhow::Result<Client> {
    let mut config = Config::infer()
        .await
        .context("no way to reach the API server")?;
    // Each request has a time limit of ours and each cluster a backoff; retries below them would hide both.
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

struct Work {
    client: Client,
    metrics: Metrics,
    watching: Arc<Watching>,
    stop: CancellationToken,
    arguments: Arguments,
}

/// One scope's reconciler, ready to begin.
struct Prepared {
    context: Arc<Context>,
    triggers: Triggers,
}

impl Work {
    fn prepare(&self) -> Vec<Prepared> {
        let recorder = Recorder::new(
            self.client.clone(),
            cluster::reporter(&self.arguments.identity),
        );
        let scopes = self.arguments.scopes().into_iter();
        scopes
            .map(|namespace| {
                let triggers = Triggers::default();
                let watches = Watches {
                    client: self.client.clone(),
                    namespace,
                    triggers: triggers.clone(),
                    watching: self.watching.clone(),
                    metrics: self.metrics.clone(),
                };
                let context = Context {
                    client: self.client.clone(),
                    stores: watches.start(),
                    clock: Arc::new(SystemClock),
                    operator_image: self.arguments.operator_image.clone(),
                    recorder: recorder.clone(),
                    metrics: self.metrics.clone(),
                    backoffs: Backoffs::default(),
                };
                Prepared {
                    context: Arc::new(context),
                    triggers,
                }
            })
            .collect()
    }

    fn reconcile(&self, prepared: Vec<Prepared>) -> TaskTracker {
        let tracker = TaskTracker::new();
        for scope in prepared {
            tracker.spawn(reconcile(scope, self.stop.clone()));
        }
        tracker
    }
}

async fn reconcile(scope: Prepared, stop: CancellationToken) {
    let Prepared { context, triggers } = scope;
    let stores = context.stores.clone();
    let listed = tokio::select! {
        listed = stores.ready() => listed,
        () = stop.cancelled() => return,
    };
    if let Err(error) = listed {
        tracing::error!(%error, "a watch ended");
        return stop.cancel();
    }
    let keys = triggers
        .stream()
        .map(|(namespace, name)| ObjectRef::new(&name).within(&namespace));
    Controller::for_stream(stream::pending(), stores.clusters.clone())
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
        .reconcile_on(keys)
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(cluster::reconcile, cluster::after_error, context)
        .for_each(|_| std::future::ready(()))
        .await;
}
