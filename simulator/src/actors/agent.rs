//! The agent's container: the real agent, started again when it dies.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bootstrapper::waiting::Agent;
use cassandra_api::identity::Identity;
use cassandra_management::{
    Error,
    start_request::{StartRequest, StartResponse},
};
use kube::Api;
use member_agent::{
    metrics::Metrics, probes::ProbeState, sidecar::Sidecar, start_request::StartRequests,
};
use tokio::{
    sync::{broadcast, watch},
    time::sleep,
};

use super::Environment;
use crate::{
    kubernetes::Connection,
    ring::{Disk, Management},
};

/// How long until a container that ended runs again.
const RESTART: Duration = Duration::from_secs(2);

/// The agent's container of one pod.
pub(super) struct AgentContainer {
    pub(super) connection: Connection,
    pub(super) namespace: String,
    pub(super) identity: Identity,
    pub(super) node: Management,
    pub(super) disk: Disk,
    pub(super) environment: Arc<Environment>,
    pub(super) loopback: Loopback,
}

impl AgentContainer {
    /// Runs until it is told to stop.
    pub(super) async fn run(self, told: watch::Receiver<bool>) {
        let mut killed = self.environment.killed.subscribe();
        while let Ok(metrics) = Metrics::new() {
            let sidecar = Sidecar::new(
                Api::namespaced(self.connection.client(), &self.namespace),
                self.identity.clone(),
                self.node.clone(),
                self.disk.clone(),
                self.environment.clock.clone(),
                metrics,
            );
            self.loopback
                .is(Some((sidecar.start_requests(), sidecar.probe_state())));
            tokio::select! {
                biased;
                ended = sidecar.run(told.clone()) => if ended.is_ok() { return },
                () = dies(&mut killed, &self.identity.member) => {}
            }
            self.loopback.is(None);
            sleep(RESTART).await;
        }
    }
}

async fn dies(killed: &mut broadcast::Receiver<String>, member: &str) {
    loop {
        match killed.recv().await {
            Ok(name) if name == member => return,
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// The agent of the same pod, asked without HTTP. None: it does not run.
#[derive(Clone, Debug, Default)]
pub(super) struct Loopback(Arc<Mutex<Option<Running>>>);

/// What can be asked of an agent that runs.
type Running = (Arc<StartRequests>, ProbeState);

impl Loopback {
    fn is(&self, agent: Option<Running>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = agent;
    }

    fn now(&self) -> Option<Running> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What the readiness probe gets.
    pub(super) fn is_ready(&self) -> bool {
        self.now()
            .is_some_and(|(_, probe_state)| probe_state.is_ready().is_ok())
    }
}

impl Agent for Loopback {
    async fn ask(&self, question: &StartRequest) -> Result<StartResponse, Error> {
        match self.now() {
            Some((requests, _)) => Ok(requests.answer(question.clone()).await),
            None => Err(Error::Refused {
                endpoint: "the agent".into(),
            }),
        }
    }
}
