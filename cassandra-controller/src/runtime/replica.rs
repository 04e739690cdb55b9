//! One replica of the operator, on whatever client and clock it is given: the Lease, and each controller in each scope.
//! All its tasks end with it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use kube::{
    Client,
    runtime::events::{Recorder, Reporter},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    controller::{Controller, Prepared, Scope},
    health::Watching,
    lease::{Election, LeaseError},
};
use crate::{clock::Clock, metrics::Metrics};

/// How long a reconciliation that is under way may take to end when the replica is told to stop.
const GRACE: Duration = Duration::from_secs(15);
/// Who reports, in events.
const REPORTER: &str = "cassandra-controller";

/// How a replica takes part.
#[derive(Clone, Debug)]
pub struct ReplicaOptions {
    /// Namespaces to work in; None is all of them.
    pub scopes: Vec<Option<String>>,
    /// Namespace of the Lease.
    pub lease_namespace: String,
    /// Name of the Lease.
    pub lease_name: String,
    /// Who holds the Lease; unique for each replica.
    pub identity: String,
}

/// One replica of the operator.
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
    /// How it takes part.
    pub options: ReplicaOptions,
    /// What runs in it.
    pub controllers: Vec<Box<dyn Controller>>,
}

impl Replica {
    /// Stands by until it gets the Lease, then works until it is told to stop; then it gives the Lease back. An error:
    /// the Lease was lost.
    pub async fn run(self, stop: CancellationToken) -> Result<(), LeaseError> {
        let options = &self.options;
        let election = Election::new(
            self.client.clone(),
            self.clock.clone(),
            &options.lease_namespace,
            &options.lease_name,
            &options.identity,
        );
        let mut tasks = JoinSet::new();
        // A replica that stands by lists and watches as well, so that it can begin at once.
        let (lists, works): (Vec<_>, Vec<_>) = self
            .prepare(&mut tasks)
            .into_iter()
            .map(|prepared| (prepared.listed, prepared.work))
            .unzip();
        let listed = CancellationToken::new();
        tasks.spawn(announce(
            lists,
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
        tracing::info!(identity = options.identity, "leading");
        let renewals = CancellationToken::new();
        let work = work(works, listed, stop, renewals.clone());
        let outcome = tokio::select! {
            biased;
            kept = election.keep(lease, renewals) => kept,
            never = work => match never {},
        };
        self.metrics.leads(false);
        outcome
    }

    /// Each controller in each scope.
    fn prepare(&self, tasks: &mut JoinSet<()>) -> Vec<Prepared> {
        let reporter = Reporter {
            controller: REPORTER.into(),
            instance: Some(self.options.identity.clone()),
        };
        let recorder = Recorder::new(self.client.clone(), reporter);
        let mut prepared = Vec::new();
        for namespace in &self.options.scopes {
            let scope = Scope {
                client: self.client.clone(),
                namespace: namespace.clone(),
                clock: self.clock.clone(),
                recorder: recorder.clone(),
                metrics: self.metrics.clone(),
                watching: self.watching.clone(),
            };
            let controllers = self.controllers.iter();
            prepared.extend(controllers.map(|controller| controller.prepare(&scope, tasks)));
        }
        prepared
    }
}

/// Tells when everything has been listed once. The only one who waits for the stores: kube wakes just one of those who
/// wait for the same (`DelayedInit` in kube-runtime 5.0 keeps one waker).
async fn announce(
    lists: Vec<BoxFuture<'static, anyhow::Result<()>>>,
    ready: Arc<AtomicBool>,
    listed: CancellationToken,
    stop: CancellationToken,
) {
    for list in lists {
        if let Err(error) = list.await {
            tracing::error!(%error, "a watch ended");
            return stop.cancel();
        }
    }
    tracing::info!("everything is listed");
    ready.store(true, Ordering::Relaxed);
    listed.cancel();
}

type Work = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>;

/// Works until it is told to stop; what is under way then ends while the Lease is still ours, before `ended` is told.
async fn work(
    works: Vec<Work>,
    listed: CancellationToken,
    stop: CancellationToken,
    ended: CancellationToken,
) -> std::convert::Infallible {
    let mut working: JoinSet<()> = works
        .into_iter()
        .map(|work| begin(work, listed.clone(), stop.clone()))
        .collect();
    stop.cancelled().await;
    let all_ended = async { while working.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all_ended).await.is_err() {
        tracing::warn!("a reconciliation did not end in time");
    }
    ended.cancel();
    std::future::pending().await
}

async fn begin(work: Work, listed: CancellationToken, stop: CancellationToken) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = listed.cancelled() => work(stop.clone()).await,
    }
}
