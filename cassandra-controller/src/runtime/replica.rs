//! One replica of the controller, on whatever client and clock it is given: the Lease, and for each scope the watches
//! and the reconciler. All its tasks end with it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt as _, stream};
use kube::{
    Client,
    runtime::{Controller, controller, events::Recorder, reflector::ObjectRef},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    backoff::Backoffs,
    health::Watching,
    lease::{Election, LeaseError},
    triggers::Triggers,
    watches::{Stores, Watches},
};
use crate::{
    clock::Clock,
    cluster::{self, Context},
    metrics::Metrics,
};

/// Clusters that are worked on at the same time.
const CONCURRENCY: u16 = 8;
/// How long a reconciliation that is under way may take to end when the replica is told to stop.
const GRACE: Duration = Duration::from_secs(15);

/// What a replica is told to do.
#[derive(Clone, Debug)]
pub struct ReplicaOptions {
    /// Namespaces to work in; None is all of them.
    pub scopes: Vec<Option<String>>,
    /// The image with agent and bootstrapper for new members.
    pub operator_image: String,
    /// Namespace of the Lease.
    pub lease_namespace: String,
    /// Name of the Lease.
    pub lease_name: String,
    /// Who holds the Lease; unique for each replica.
    pub identity: String,
}

/// One replica of the controller.
pub struct Replica {
    /// Client of the API server.
    pub client: Client,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Counters and gauges.
    pub metrics: Metrics,
    /// Where failures of watches are told.
    pub watching: Arc<Watching>,
    /// Set once everything has been listed: from then on this replica can take over at any moment.
    pub ready: Arc<AtomicBool>,
    /// What to do.
    pub duties: ReplicaOptions,
}

/// One scope's reconciler, ready to begin.
struct Prepared {
    context: Arc<Context>,
    triggers: Triggers,
}

impl Replica {
    /// Stands by until it gets the Lease, then works until it is told to stop; then it gives the Lease back. An error:
    /// the Lease was lost.
    pub async fn run(self, stop: CancellationToken) -> Result<(), LeaseError> {
        let duties = &self.duties;
        let election = Election::new(
            self.client.clone(),
            self.clock.clone(),
            &duties.lease_namespace,
            &duties.lease_name,
            &duties.identity,
        );
        let mut tasks = JoinSet::new();
        // A replica that stands by lists and watches as well, so that it can begin at once.
        let prepared = self.prepare(&mut tasks);
        let listed = CancellationToken::new();
        let stores: Vec<_> = prepared
            .iter()
            .map(|scope| scope.context.stores.clone())
            .collect();
        tasks.spawn(announce(
            stores,
            self.ready.clone(),
            listed.clone(),
            stop.clone(),
        ));
        let lease = tokio::select! {
            biased;
            lease = election.acquire() => lease,
            () = stop.cancelled() => return Ok(()),
        };
        self.metrics.leads(true);
        tracing::info!(identity = duties.identity, "leading");
        let renewals = CancellationToken::new();
        let work = work(prepared, listed, stop, renewals.clone());
        let outcome = tokio::select! {
            biased;
            kept = election.keep(lease, renewals) => kept,
            never = work => match never {},
        };
        self.metrics.leads(false);
        outcome
    }

    fn prepare(&self, tasks: &mut JoinSet<()>) -> Vec<Prepared> {
        let recorder = Recorder::new(
            self.client.clone(),
            cluster::reporter(&self.duties.identity),
        );
        let scopes = self.duties.scopes.iter();
        scopes
            .map(|namespace| {
                let triggers = Triggers::default();
                let watches = Watches {
                    client: self.client.clone(),
                    namespace: namespace.clone(),
                    triggers: triggers.clone(),
                    watching: self.watching.clone(),
                    metrics: self.metrics.clone(),
                };
                let context = Context {
                    client: self.client.clone(),
                    stores: watches.start(tasks),
                    clock: self.clock.clone(),
                    operator_image: self.duties.operator_image.clone(),
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
}

/// Tells when everything has been listed once. The only one who waits for the stores: kube wakes just one of those who
/// wait for the same (`DelayedInit` in kube-runtime 5.0 keeps one waker).
async fn announce(
    scopes: Vec<Stores>,
    ready: Arc<AtomicBool>,
    listed: CancellationToken,
    stop: CancellationToken,
) {
    for stores in scopes {
        if let Err(error) = stores.ready().await {
            tracing::error!(%error, "a watch ended");
            return stop.cancel();
        }
    }
    tracing::info!("everything is listed");
    ready.store(true, Ordering::Relaxed);
    listed.cancel();
}

/// Reconciles in all scopes until it is told to stop; what is under way then ends while the Lease is still ours, before
/// `ended` is told.
async fn work(
    scopes: Vec<Prepared>,
    listed: CancellationToken,
    stop: CancellationToken,
    ended: CancellationToken,
) -> std::convert::Infallible {
    let mut reconcilers: JoinSet<()> = scopes
        .into_iter()
        .map(|scope| reconcile(scope, listed.clone(), stop.clone()))
        .collect();
    stop.cancelled().await;
    let all_ended = async { while reconcilers.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all_ended).await.is_err() {
        tracing::warn!("a reconciliation did not end in time");
    }
    ended.cancel();
    std::future::pending().await
}

async fn reconcile(scope: Prepared, listed: CancellationToken, stop: CancellationToken) {
    let Prepared { context, triggers } = scope;
    tokio::select! {
        biased;
        () = stop.cancelled() => return,
        () = listed.cancelled() => {}
    }
    let clusters = context.stores.clusters.clone();
    let keys = triggers
        .stream()
        .map(|(namespace, name)| ObjectRef::new(&name).within(&namespace));
    Controller::for_stream(stream::pending(), clusters)
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
        .reconcile_on(keys)
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(cluster::reconcile, cluster::after_error, context)
        .for_each(|_| std::future::ready(()))
        .await;
}
