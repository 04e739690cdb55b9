//! The agent's metrics.

use std::time::Duration;

use cassandra_api::v1alpha1::{
    CassandraMember, CassandraMemberStatus, OperationState, OperationStatus,
};
use prometheus::{
    Encoder as _, Error, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder, core::Collector,
};

/// The agent's metrics, in a registry of their own.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    up: IntGauge,
    native_transport: IntGauge,
    mode: IntGaugeVec,
    state: IntGaugeVec,
    operations: IntGaugeVec,
    begun: IntGaugeVec,
    outcomes: IntCounterVec,
    writes: IntCounterVec,
    jolokia_errors: IntCounterVec,
    disk_errors: IntCounterVec,
    reads: Histogram,
    /// Failed or broken watches.
    pub watch_errors: IntCounter,
    /// Seeds that were brought to a running node.
    pub seed_refreshes: IntCounter,
}

impl Metrics {
    /// All of them, at zero.
    pub fn new() -> Result<Self, Error> {
        let registry = Registry::new();
        let new = Registration(&registry);
        let reads = HistogramOpts::new(
            "member_agent_read_seconds",
            "Duration of a look at Cassandra",
        )
        .buckets(vec![0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0]);
        Ok(Self {
            up: new.gauge(
                "cassandra_node_up",
                "1 if Cassandra answered at the last look",
            )?,
            native_transport: new.gauge(
                "cassandra_node_native_transport",
                "1 if Cassandra serves CQL",
            )?,
            mode: new.gauges(
                "cassandra_node_mode",
                "1 for Cassandra's operation mode",
                &["mode"],
            )?,
            state: new.gauges(
                "cassandra_node_state",
                "1 for the member's state",
                &["state"],
            )?,
            operations: new.gauges(
                "member_agent_operations",
                "How many of the member's operation and its jobs stand so",
                &["kind", "state"],
            )?,
            begun: new.gauges(
                "member_agent_operation_started_seconds",
                "When the earliest was begun that is under way, in seconds since 1970",
                &["kind"],
            )?,
            outcomes: new.counters(
                "member_agent_operation_outcomes_total",
                "Operations and jobs that have ended",
                &["kind", "outcome"],
            )?,
            writes: new.counters(
                "member_agent_status_writes_total",
                "Writes of the member's status",
                &["result"],
            )?,
            jolokia_errors: new.counters(
                "member_agent_jolokia_errors_total",
                "Looks at Cassandra that failed",
                &["reason"],
            )?,
            disk_errors: new.counters(
                "member_agent_disk_errors_total",
                "Work on the volume that failed",
                &["reason"],
            )?,
            reads: new.add(Histogram::with_opts(reads))?,
            watch_errors: new.counter(
                "member_agent_watch_errors_total",
                "Failures of the watch of the member",
            )?,
            seed_refreshes: new.counter(
                "member_agent_seed_refreshes_total",
                "Seeds that were brought to the running node",
            )?,
            registry,
        })
    }

    /// A look at Cassandra that took this long and, if it failed, why.
    pub fn read(&self, took: Duration, failure: Option<&'static str>) {
        self.reads.observe(took.as_secs_f64());
        self.up.set(failure.is_none().into());
        if let Some(reason) = failure {
            self.jolokia_errors.with_label_values(&[reason]).inc();
        }
    }

    /// What is true now.
    pub fn observe(&self, mode: Option<&str>, native_transport: bool) {
        self.native_transport.set(native_transport.into());
        self.mode.reset();
        if let Some(mode) = mode {
            self.mode.with_label_values(&[mode]).set(1);
        }
    }

    /// What is reported of a member.
    pub fn report(&self, member: &CassandraMember, status: &CassandraMemberStatus) {
        self.state.reset();
        self.state
            .with_label_values(&[status.state.as_str()])
            .set(1);
        self.operations.reset();
        self.begun.reset();
        for (kind, stands) in operations(member, status) {
            let labels = [kind, state(stands.state)];
            self.operations.with_label_values(&labels).inc();
            let is_under_way = matches!(
                stands.state,
                OperationState::Running | OperationState::Unknown
            );
            if let (true, Some(time)) = (is_under_way, &stands.started_at) {
                let (begun, time) = (self.begun.with_label_values(&[kind]), time.0.as_second());
                begun.set(match begun.get() {
                    0 => time,
                    earlier => earlier.min(time),
                });
            }
        }
    }

    /// An operation or a job that has ended, and how.
    pub fn outcome(&self, kind: &str, outcome: &str) {
        self.outcomes.with_label_values(&[kind, outcome]).inc();
    }

    /// A write of the status: `ok`, or why not.
    pub fn write(&self, result: &str) {
        self.writes.with_label_values(&[result]).inc();
    }

    /// Work on the volume that failed.
    pub fn disk_error(&self, reason: &str) {
        self.disk_errors.with_label_values(&[reason]).inc();
    }

    /// Everything, in Prometheus' text format.
    pub fn text(&self) -> Result<Vec<u8>, Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// The member's operation and its jobs that the status tells of, each with its kind.
fn operations<'a>(
    member: &'a CassandraMember,
    status: &'a CassandraMemberStatus,
) -> impl Iterator<Item = (&'static str, &'a OperationStatus)> {
    let spec = &member.spec;
    let operation = spec.operation.iter().filter_map(|operation| {
        let stands = status.operation.as_ref()?;
        (stands.id == operation.id).then(|| (operation.kind.as_str(), stands))
    });
    let jobs = spec.jobs.iter().filter_map(|job| {
        let stands = status.jobs.iter().find(|stands| stands.id == job.id)?;
        Some((job.kind.as_str(), stands))
    });
    operation.chain(jobs)
}

/// How something stands, as the API names it.
fn state(state: OperationState) -> &'static str {
    match state {
        OperationState::Waiting => "Waiting",
        OperationState::Running => "Running",
        OperationState::Done => "Done",
        OperationState::Failed => "Failed",
        OperationState::Unknown => "Unknown",
    }
}

/// Makes metrics for a registry.
struct Registration<'a>(&'a Registry);

impl Registration<'_> {
    fn add<C: Collector + Clone + 'static>(&self, metric: Result<C, Error>) -> Result<C, Error> {
        let metric = metric?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, Error> {
        self.add(IntGauge::new(name, help))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
        self.add(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        self.add(IntCounter::new(name, help))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        self.add(IntCounterVec::new(Opts::new(name, help), labels))
    }
}

#[cfg(test)]
mod tests {
    use cassandra_api::v1alpha1::{Operation, OperationKind};

    use super::*;
    use crate::fixtures::{at, flush, member};

    fn stands(id: &str, state: OperationState, begun: Option<i64>) -> OperationStatus {
        OperationStatus {
            id: id.into(),
            state,
            progress: None,
            message: String::new(),
            started_at: begun.map(at),
        }
    }

    impl Metrics {
        /// The lines of the metrics whose names begin so, without their help.
        pub(crate) fn lines(&self, name: &str) -> Vec<String> {
            let text = String::from_utf8(self.text().unwrap()).unwrap();
            let lines = text.lines().filter(|line| line.starts_with(name));
            lines.map(str::to_owned).collect()
        }
    }

    #[test]
    fn what_the_status_tells_of_operations_and_jobs_is_shown_by_kind() {
        let mut member = member();
        member.spec.operation = Some(Operation {
            id: "o".into(),
            kind: OperationKind::Join,
        });
        member.spec.jobs = vec![flush("a"), flush("b"), flush("c"), flush("d")];
        let status = CassandraMemberStatus {
            operation: Some(stands("o", OperationState::Running, Some(50))),
            jobs: vec![
                stands("a", OperationState::Unknown, Some(40)),
                stands("b", OperationState::Running, Some(30)),
                stands("c", OperationState::Waiting, None),
                stands("x", OperationState::Done, Some(10)),
            ],
            ..CassandraMemberStatus::default()
        };
        let metrics = Metrics::new().unwrap();
        metrics.report(&member, &status);
        let shown = [
            r#"member_agent_operation_started_seconds{kind="Flush"} 30"#,
            r#"member_agent_operation_started_seconds{kind="Join"} 50"#,
            r#"member_agent_operations{kind="Flush",state="Running"} 1"#,
            r#"member_agent_operations{kind="Flush",state="Unknown"} 1"#,
            r#"member_agent_operations{kind="Flush",state="Waiting"} 1"#,
            r#"member_agent_operations{kind="Join",state="Running"} 1"#,
        ];
        assert_eq!(metrics.lines("member_agent_operation"), shown);
        // Nothing is left of what was.
        let over = CassandraMemberStatus {
            operation: Some(stands("another", OperationState::Running, Some(50))),
            jobs: vec![stands("a", OperationState::Done, Some(40))],
            ..status
        };
        metrics.report(&member, &over);
        let shown = [r#"member_agent_operations{kind="Flush",state="Done"} 1"#];
        assert_eq!(metrics.lines("member_agent_operation"), shown);
    }
}
