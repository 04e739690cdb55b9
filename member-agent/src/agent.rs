//! One pass of the agent: look at the member, then at Cassandra and the volume, do what is due, and offer the
//! status for writing. It keeps no state that it can't read again, except whether Cassandra has answered since the
//! agent started.

use std::{sync::Arc, time::Duration};

use cassandra_api::{
    identity::Identity,
    v1alpha1::{CassandraMember, CassandraMemberStatus, MemberState, OperationState, Replication},
};
use cassandra_management::{Mode, marker::Marker};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use crate::{
    clock::Clock,
    joining,
    member::CachedMember,
    metrics::Metrics,
    operation::{runner::Standings, standing},
    probes::ProbeState,
    reading::{Observe, Operate, Reading, read},
    report::{OnServer, Reporter},
    seeds,
    start_request::BootstrapperReport,
    state,
    status::{MarkerSeen, Observed, build},
    volume::{self, Volume},
};

/// How long after a pass the next one is, while something may be going on.
const OFTEN: Duration = Duration::from_secs(2);
/// The same, while nothing is.
const SELDOM: Duration = Duration::from_secs(5);
/// How long after seeds could not be brought to the node that is tried again.
const SEEDS_AGAIN: Duration = Duration::from_secs(30);
/// How long the last report may take.
const LAST_REPORT: Duration = Duration::from_secs(5);

/// The agent of one member.
#[derive(Debug)]
pub struct Agent<N, V> {
    node: Arc<N>,
    volume: Arc<V>,
    clock: Arc<dyn Clock>,
    identity: Identity,
    bootstrapper: BootstrapperReport,
    jobs: watch::Receiver<Standings>,
    probe_state: ProbeState,
    metrics: Metrics,
    memory: Memory,
}

/// What is remembered from pass to pass.
#[derive(Debug, Default)]
struct Memory {
    /// Cassandra has answered since this agent began.
    was_up: bool,
    /// The status that was true last. None: the one that the member has.
    status: Option<Arc<CassandraMemberStatus>>,
    /// How the ring's keyspaces are replicated, and in which schema.
    replication: Option<(String, Vec<Replication>)>,
    /// When seeds could not be brought to the node.
    seeds_failed: Option<Instant>,
    /// The trouble with the volume that was told last.
    trouble: Option<&'static str>,
}

impl<N: Observe + Operate, V: Volume> Agent<N, V> {
    /// An agent that has not looked at anything yet.
    pub fn new(
        node: Arc<N>,
        volume: Arc<V>,
        clock: Arc<dyn Clock>,
        identity: Identity,
        bootstrapper: BootstrapperReport,
        probe_state: ProbeState,
        metrics: Metrics,
    ) -> Self {
        Self {
            node,
            volume,
            clock,
            identity,
            bootstrapper,
            jobs: watch::channel(None).1,
            probe_state,
            metrics,
            memory: Memory::default(),
        }
    }

    /// The same agent, which reports what somebody else says of the member's jobs.
    #[must_use]
    pub fn with_jobs(self, jobs: watch::Receiver<Standings>) -> Self {
        Self { jobs, ..self }
    }

    /// Looks and offers, for ever: soon again after something has changed, at once when the spec changes,
    /// the bootstrapper says something new, or a job stands otherwise.
    pub async fn run(
        &mut self,
        mut known: watch::Receiver<CachedMember>,
        offers: watch::Sender<Option<Arc<CassandraMemberStatus>>>,
    ) {
        loop {
            let now = known.borrow_and_update().clone();
            let before = self.memory.status.clone();
            let status = self.pass(&now).await;
            let settled = status.is_some() && status == before && is_serving(status.as_deref());
            offers.send_replace(status);
            let bootstrapper = self.bootstrapper.clone();
            let mut jobs = self.jobs.clone();
            tokio::select! {
                biased;
                () = sleep(if settled { SELDOM } else { OFTEN }) => {}
                () = bootstrapper.news() => {}
                () = changed(&mut jobs) => {}
                () = spec_changed(&mut known, now.version_of_spec()) => {}
            }
        }
    }

    /// One pass. None: there is no member to report on.
    pub async fn pass(&mut self, known: &CachedMember) -> Option<Arc<CassandraMemberStatus>> {
        self.jobs.mark_unchanged();
        let reading = self.look().await;
        let mut marker = self.load().await;
        self.remember_joining(&reading, &mut marker).await;
        self.read_replication(&reading).await;
        let member = known.member();
        if let Some(member) = member {
            self.refresh_seeds(member, &reading, &mut marker).await;
        }
        let status = member.map(|member| {
            let state = state::state(
                &reading,
                self.memory.was_up,
                self.bootstrapper.recent().as_ref(),
            );
            Arc::new(self.status(member, &reading, &marker, state))
        });
        if let (Some(member), Some(status)) = (member, &status) {
            self.metrics.report(member, status);
            self.tell(member, status);
        }
        self.memory.status.clone_from(&status);
        self.probe_state.passed();
        status
    }

    /// Reports that Cassandra is stopped, if it is. For the end: Kubernetes stops the agent after the
    /// containers of the pod, and nobody will look any more.
    pub async fn last_report(&mut self, known: &CachedMember, reporter: &Reporter) {
        let report = async {
            let reading = Reading::from(read(&*self.node).await);
            let marker = self.load().await;
            let member = known.member()?;
            if reading != Reading::Refused || self.bootstrapper.recent().is_some() {
                return None;
            }
            let mut status = self.status(member, &reading, &marker, MemberState::Stopped);
            status.jobs = standing::abandoned(&status.jobs);
            // What was true last may only have been offered: the reporter takes its time.
            let written = member.status.as_ref().map(CassandraMemberStatus::of_agent);
            let on_server = OnServer::of(member);
            (written.as_ref() != Some(&status)).then_some((status, on_server))
        };
        let write = async {
            match report.await {
                Some((status, over)) => reporter.write(&status, &over).await.map(drop),
                None => Ok(()),
            }
        };
        match timeout(LAST_REPORT, write).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last status was not written"),
            Err(_) => tracing::warn!("the last status was not written in time"),
        }
    }

    async fn look(&mut self) -> Reading {
        let begun = Instant::now();
        let outcome = read(&*self.node).await;
        let failure = outcome
            .as_ref()
            .err()
            .map(cassandra_management::Error::reason);
        self.metrics.read(begun.elapsed(), failure);
        let reading = Reading::from(outcome);
        if let Some(facts) = reading.facts() {
            self.memory.was_up = true;
            self.bootstrapper.forget();
            tracing::debug!(?facts, "Cassandra answered");
        }
        let mode = reading.facts().and_then(|facts| facts.mode.as_ref());
        let native_transport = reading.facts().is_some_and(|facts| facts.native_transport);
        self.metrics
            .observe(mode.map(Mode::as_str), native_transport);
        self.probe_state.looked(begun, &reading);
        reading
    }

    /// Reads how keyspaces are replicated when the schema is another one. What can't be read is tried again in the next pass.
    async fn read_replication(&mut self, reading: &Reading) {
        let facts = reading
            .facts()
            .filter(|facts| facts.mode == Some(Mode::Normal));
        let Some(schema) = facts.and_then(|facts| facts.schema_version.as_ref()) else {
            return;
        };
        if !self.replication_of(reading).is_empty() {
            return;
        }
        match self.node.replication().await {
            Ok(replication) => self.memory.replication = Some((schema.clone(), replication)),
            Err(error) => {
                tracing::warn!(%error, "failed to read how keyspaces are replicated; trying on");
            }
        }
    }

    /// How keyspaces are replicated in the schema that Cassandra has now. Empty: that was not read yet.
    fn replication_of(&self, reading: &Reading) -> &[Replication] {
        let schema = reading
            .facts()
            .and_then(|facts| facts.schema_version.as_ref());
        let known = self.memory.replication.as_ref();
        let current = known.filter(|(of, _)| Some(of) == schema);
        current.map_or(&[], |(_, told)| told)
    }

    async fn load(&mut self) -> MarkerSeen {
        match self.volume.load().await {
            Ok(Some(marker)) => {
                self.memory.trouble = None;
                MarkerSeen::Present(Box::new(marker))
            }
            Ok(None) => {
                self.memory.trouble = None;
                MarkerSeen::Absent
            }
            Err(error) => {
                self.trouble(&error);
                MarkerSeen::Unknown
            }
        }
    }

    async fn remember_joining(&mut self, reading: &Reading, marker: &mut MarkerSeen) {
        let MarkerSeen::Present(found) = marker else {
            return;
        };
        if let Some(joined) = joining::to_remember(reading, found, &self.identity)
            && self.store(joined.clone()).await
        {
            tracing::info!(
                host_id = joined.host_id,
                release = joined.release,
                "the node is in the ring, as its volume says now"
            );
            **found = joined;
        }
    }

    async fn refresh_seeds(
        &mut self,
        member: &CassandraMember,
        reading: &Reading,
        marker: &mut MarkerSeen,
    ) {
        let MarkerSeen::Present(found) = marker else {
            return;
        };
        let Some(wanted) = seeds::to_refresh(member, found, reading) else {
            return;
        };
        let failed = self.memory.seeds_failed;
        if failed.is_some_and(|at| at.elapsed() < SEEDS_AGAIN) {
            return;
        }
        if self.bring_seeds(&wanted).await {
            let refreshed = Marker {
                seeds: wanted,
                ..Marker::clone(found)
            };
            if self.store(refreshed.clone()).await {
                tracing::info!(seeds = refreshed.seeds.join(","), "the node has new seeds");
                self.metrics.seed_refreshes.inc();
                **found = refreshed;
            }
        }
    }

    async fn bring_seeds(&mut self, wanted: &[String]) -> bool {
        let written = self.volume.set_seeds(wanted.to_vec()).await;
        let outcome = match written {
            Ok(()) => self.node.reload_seeds().await.map(drop).map_err(|error| {
                tracing::warn!(%error, "Cassandra did not read its seeds anew; trying on");
            }),
            Err(error) => {
                self.trouble(&error);
                Err(())
            }
        };
        self.memory.seeds_failed = outcome.err().map(|()| Instant::now());
        outcome.is_ok()
    }

    async fn store(&mut self, marker: Marker) -> bool {
        let outcome = self.volume.store(marker).await;
        outcome.map_err(|error| self.trouble(&error)).is_ok()
    }

    fn status(
        &self,
        member: &CassandraMember,
        reading: &Reading,
        marker: &MarkerSeen,
        state: MemberState,
    ) -> CassandraMemberStatus {
        let before = self.memory.status.as_deref();
        let jobs = self.jobs.borrow().clone();
        let nothing = CassandraMemberStatus::default();
        build(&Observed {
            identity: &self.identity,
            member,
            reading,
            marker,
            bootstrapper: self.bootstrapper.last().as_ref(),
            jobs: jobs.as_ref().map(|jobs| jobs.as_slice()),
            state,
            replication: self.replication_of(reading),
            earlier: before.or(member.status.as_ref()).unwrap_or(&nothing),
            now: &self.clock.now(),
        })
    }

    fn trouble(&mut self, error: &volume::Error) {
        self.metrics.disk_error(error.reason());
        if self.memory.trouble != Some(error.reason()) {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(%error, cause, "the volume is not as it should be; trying on");
            self.memory.trouble = Some(error.reason());
        }
    }

    fn tell(&self, member: &CassandraMember, status: &CassandraMemberStatus) {
        let before = self.memory.status.as_ref().map(|before| before.state);
        if before != Some(status.state) {
            let mode = status.mode.as_deref();
            tracing::info!(state = status.state.as_str(), mode, "the member's state");
        }
        let earlier = self.memory.status.as_deref().or(member.status.as_ref());
        if let Some(operation) = &member.spec.operation
            && is_done(Some(status), &operation.id)
            && !is_done(earlier, &operation.id)
        {
            self.metrics.outcome(operation.kind.as_str(), "Done");
        }
    }
}

fn is_serving(status: Option<&CassandraMemberStatus>) -> bool {
    status.is_some_and(|status| status.state == MemberState::Ready)
}

/// Whether a status says that this operation is done. Of an operation there is no other end.
fn is_done(status: Option<&CassandraMemberStatus>, id: &str) -> bool {
    let stands = status.and_then(|status| status.operation.as_ref());
    stands.is_some_and(|stands| stands.id == id && stands.state == OperationState::Done)
}

/// Waits until a job stands otherwise.
async fn changed(jobs: &mut watch::Receiver<Standings>) {
    if jobs.changed().await.is_err() {
        // Nobody will tell of changes any more.
        std::future::pending::<()>().await;
    }
}

/// Waits until the spec is another one. The agent's own writes of the status don't count.
async fn spec_changed(known: &mut watch::Receiver<CachedMember>, version: Option<i64>) {
    while known.changed().await.is_ok() {
        if known.borrow_and_update().version_of_spec() != version {
            return;
        }
    }
    // Nobody will tell of changes any more.
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests;
