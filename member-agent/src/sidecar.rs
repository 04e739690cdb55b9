//! The agent's tasks, on whatever client, node, volume and clock it is given: following the member, looking, working, writing.

use std::sync::Arc;

use cassandra_api::{identity::Identity, v1alpha1::CassandraMember};
use kube::Api;
use tokio::{sync::watch, task::JoinSet};

use crate::{
    agent::Agent,
    clock::Clock,
    error::Error,
    member::{self, CachedMember, LastContact, LiveReader},
    metrics::Metrics,
    operation::runner::Runner,
    probes::ProbeState,
    reading::{Observe, Operate},
    report::Reporter,
    start_request::{BootstrapperReport, StartRequests},
    volume::Volume,
};

/// One agent, put together.
pub struct Sidecar<N, V> {
    api: Api<CassandraMember>,
    identity: Identity,
    metrics: Metrics,
    heard: LastContact,
    probe_state: ProbeState,
    start_requests: Arc<StartRequests>,
    agent: Agent<N, V>,
    runner: Runner<N, V>,
}

impl<N: Observe + Operate, V: Volume> Sidecar<N, V> {
    /// An agent that has not begun, with the API of its member's namespace.
    pub fn new(
        api: Api<CassandraMember>,
        identity: Identity,
        node: N,
        volume: V,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
    ) -> Self {
        let (node, volume) = (Arc::new(node), Arc::new(volume));
        let (heard, bootstrapper, probe_state) = (
            LastContact::default(),
            BootstrapperReport::default(),
            ProbeState::default(),
        );
        let start_requests = Arc::new(StartRequests {
            live: LiveReader::new(api.clone(), identity.clone(), heard.clone()),
            report: bootstrapper.clone(),
        });
        let (standings, jobs) = watch::channel(None);
        let runner = Runner::new(
            Arc::clone(&node),
            Arc::clone(&volume),
            Arc::clone(&clock),
            metrics.clone(),
            identity.member_uid.clone(),
            standings,
        );
        let agent = Agent::new(
            node,
            volume,
            clock,
            identity.clone(),
            bootstrapper,
            probe_state.clone(),
            metrics.clone(),
        )
        .with_jobs(jobs);
        Self {
            api,
            identity,
            metrics,
            heard,
            probe_state,
            start_requests,
            agent,
            runner,
        }
    }

    /// What probes ask.
    pub fn probe_state(&self) -> ProbeState {
        self.probe_state.clone()
    }

    /// What the bootstrapper asks.
    pub fn start_requests(&self) -> Arc<StartRequests> {
        Arc::clone(&self.start_requests)
    }

    /// Works until it is told to stop, and then reports once more. All its tasks end with it.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), Error> {
        let (known, knowing) = watch::channel(CachedMember::default());
        let (on_server, read_back) = watch::channel(CachedMember::default());
        // Each who waits has a channel of its own: those who wait at one are woken in any order.
        let (ordered, orders) = watch::channel(CachedMember::default());
        let (offers, offered) = watch::channel(None);
        let reporter = Reporter::new(
            self.api.clone(),
            self.identity.clone(),
            self.heard.clone(),
            self.metrics.clone(),
        );
        let mut tasks = JoinSet::new();
        tasks.spawn(member::follow(
            self.api,
            self.identity,
            vec![on_server, known, ordered],
            self.heard,
            self.metrics,
        ));
        let working = tasks.spawn(self.runner.run(orders));
        let writing = tasks.spawn(reporter.clone().run(offered, read_back));
        let outcome = tokio::select! {
            biased;
            () = self.agent.run(knowing.clone(), offers) => Err(Error::TaskEnded),
            _ = tasks.join_next() => Err(Error::TaskEnded),
            _ = stop.wait_for(|stop| *stop) => Ok(()),
        };
        writing.abort();
        working.abort();
        let last = knowing.borrow().clone();
        self.agent.last_report(&last, &reporter).await;
        outcome
    }
}
