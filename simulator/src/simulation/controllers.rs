//! Controllers that come and go.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use cassandra_controller::{
    cluster::ClusterController,
    metrics::Metrics,
    runtime::{Replica, ReplicaOptions, Watching},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::time::{Skew, Watch};
use crate::kubernetes::{Server, SimulatedClock, User};

/// The operator's image.
pub const OPERATOR_IMAGE: &str = "operator:1";
/// How long a program takes to be started again.
pub(super) const RESTART: Duration = Duration::from_secs(2);
const OPERATOR_NAMESPACE: &str = "cassandra-operator";
const CONTROLLER: &str = "cassandra-controller";

/// A controller's process.
pub(super) struct Controller {
    pub(super) stop: CancellationToken,
    pub(super) ready: Arc<AtomicBool>,
    task: tokio::task::AbortHandle,
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts and kills controllers.
#[derive(Clone)]
pub(super) struct Starter {
    pub(super) server: Server,
    pub(super) clock: SimulatedClock,
    pub(super) skew: Skew,
    pub(super) controllers: Arc<Mutex<BTreeMap<String, Controller>>>,
}

impl Starter {
    /// A controller that loses the Lease ends, and Kubernetes starts it again.
    pub(super) fn start(&self, name: &str) {
        let (starter, identity, stop) = (self.clone(), name.to_owned(), CancellationToken::new());
        let (stopped, ready) = (stop.clone(), Arc::new(AtomicBool::new(false)));
        let told_ready = ready.clone();
        let program = async move {
            while let Some(replica) = starter.replica(&identity, told_ready.clone())
                && replica.run(stopped.clone()).await.is_err()
            {
                sleep(RESTART).await;
            }
        };
        let task = tokio::spawn(program).abort_handle();
        self.controllers()
            .insert(name.to_owned(), Controller { stop, ready, task });
    }

    fn replica(&self, identity: &str, ready: Arc<AtomicBool>) -> Option<Replica> {
        let metrics = Metrics::new().ok()?;
        let clusters = ClusterController::new(OPERATOR_IMAGE, &metrics).ok()?;
        let user = User::service_account(OPERATOR_NAMESPACE, CONTROLLER);
        let connection = self.server.connect(identity, user);
        Some(Replica {
            client: connection.client(),
            clock: Arc::new(Watch {
                clock: self.clock,
                skew: self.skew.clone(),
                component: identity.to_owned(),
            }),
            watching: Arc::new(Watching::new(metrics.clone())),
            metrics,
            ready,
            controllers: vec![Box::new(clusters)],
            options: ReplicaOptions {
                scopes: vec![None],
                lease_namespace: OPERATOR_NAMESPACE.into(),
                lease_name: CONTROLLER.into(),
                identity: identity.into(),
            },
        })
    }

    pub(super) fn kill(&self, name: &str) {
        self.controllers().remove(name);
    }

    fn controllers(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Controller>> {
        self.controllers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
