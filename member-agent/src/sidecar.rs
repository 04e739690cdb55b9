//! The agent's tasks, on whatever client, node, volume and clock it is given: following the member, looking, writing.

use std::sync::{Arc, Mutex};

use kube::Client;
use tokio::{sync::watch, task::JoinSet};

use crate::{
    agent::Agent,
    clock::Clock,
    identity::Identity,
    leave::{Handoff, Told},
    member::{self, Heard, Inquiry, Known},
    metrics::Metrics,
    probes::Pulse,
    reading::Node,
    report::Reporter,
    run::Error,
    volume::Volume,
};

/// One agent, put together.
pub struct Sidecar<N, V> {
    client: Client,
    identity: Identity,
    metrics: Metrics,
    heard: Heard,
    pulse: Pulse,
    handoff: Arc<Handoff>,
    agent: Agent<N, V>,
}

impl<N: Node, V: Volume> Sidecar<N, V> {
    /// An agent that has not begun.
    pub fn new(
        client: Client,
        identity: Identity,
        node: N,
        volume: V,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
    ) -> Self {
        let (heard, told, pulse) = (Heard::default(), Told::default(), Pulse::default());
        let api = member::api(client.clone(), &identity);
        let handoff = Arc::new(Handoff {
            inquiry: Inquiry::new(api, identity.clone(), heard.clone()),
            told: told.clone(),
            highest: Mutex::default(),
        });
        let agent = Agent::new(
            node,
            volume,
            clock,
            identity.clone(),
            told,
            pulse.clone(),
            metrics.clone(),
        );
        Self {
            client,
            identity,
            metrics,
            heard,
            pulse,
            handoff,
            agent,
        }
    }

    /// What probes ask.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// What the bootstrapper asks.
    pub fn handoff(&self) -> Arc<Handoff> {
        Arc::clone(&self.handoff)
    }

    /// Works until it is told to stop, and then reports once more. All its tasks end with it.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), Error> {
        let api = member::api(self.client, &self.identity);
        let (known, knowing) = watch::channel(Known::default());
        let (on_server, read_back) = watch::channel(Known::default());
        let (offers, offered) = watch::channel(None);
        let reporter = Reporter::new(
            api.clone(),
            self.identity.clone(),
            self.heard.clone(),
            self.metrics.clone(),
        );
        let mut tasks = JoinSet::new();
        tasks.spawn(member::follow(
            api,
            self.identity,
            vec![on_server, known],
            self.heard,
            self.metrics,
        ));
        let writing = tasks.spawn(reporter.clone().run(offered, read_back));
        let outcome = tokio::select! {
            biased;
            () = self.agent.run(knowing.clone(), offers) => Err(Error::TaskEnded),
            _ = tasks.join_next() => Err(Error::TaskEnded),
            _ = stop.wait_for(|stop| *stop) => Ok(()),
        };
        writing.abort();
        let last = knowing.borrow().clone();
        self.agent.last_report(&last, &reporter).await;
        outcome
    }
}
