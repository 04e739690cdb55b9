//! The agent's metrics.

use std::time::Duration;

use cassandra_api::v1alpha1::CassandraMemberStatus;
use prometheus::{
    Encoder as _, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder, core::Collector,
};

/// The agent's metrics, in a registry of their own.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    up: IntGauge,
    native_transport: IntGauge,
    mode: IntGaugeVec,
    state: IntGaugeVec,
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
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        Ok(Self {
            up: add(
                &registry,
                IntGauge::new(
                    "cassandra_node_up",
                    "1 if Cassandra answered at the last look",
                )?,
            )?,
            native_transport: add(
                &registry,
                IntGauge::new(
                    "cassandra_node_native_transport",
                    "1 if Cassandra serves CQL",
                )?,
            )?,
            mode: add(
                &registry,
                IntGaugeVec::new(
                    Opts::new("cassandra_node_mode", "1 for Cassandra's operation mode"),
                    &["mode"],
                )?,
            )?,
            state: add(
                &registry,
                IntGaugeVec::new(
                    Opts::new("cassandra_node_state", "1 for the member's state"),
                    &["state"],
                )?,
            )?,
            writes: add(
                &registry,
                IntCounterVec::new(
                    Opts::new(
                        "member_agent_status_writes_total",
                        "Writes of the member's status",
                    ),
                    &["result"],
                )?,
            )?,
            jolokia_errors: add(
                &registry,
                IntCounterVec::new(
                    Opts::new(
                        "member_agent_jolokia_errors_total",
                        "Looks at Cassandra that failed",
                    ),
                    &["reason"],
                )?,
            )?,
            disk_errors: add(
                &registry,
                IntCounterVec::new(
                    Opts::new(
                        "member_agent_disk_errors_total",
                        "Work on the volume that failed",
                    ),
                    &["reason"],
                )?,
            )?,
            reads: add(
                &registry,
                Histogram::with_opts(
                    HistogramOpts::new(
                        "member_agent_read_seconds",
                        "Duration of a look at Cassandra",
                    )
                    .buckets(vec![0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0]),
                )?,
            )?,
            watch_errors: add(
                &registry,
                IntCounter::new(
                    "member_agent_watch_errors_total",
                    "Failures of the watch of the member",
                )?,
            )?,
            seed_refreshes: add(
                &registry,
                IntCounter::new(
                    "member_agent_seed_refreshes_total",
                    "Seeds that were brought to the running node",
                )?,
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

    /// What is reported.
    pub fn report(&self, status: &CassandraMemberStatus) {
        self.state.reset();
        self.state
            .with_label_values(&[status.state.as_str()])
            .set(1);
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
    pub fn text(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

fn add<C: Collector + Clone + 'static>(
    registry: &Registry,
    metric: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
