//! Counters of what the controllers do, and the registry that all metrics are in.

use std::sync::Arc;

use prometheus::{
    Encoder as _, Histogram, HistogramOpts, HistogramTimer, IntCounter, IntCounterVec, IntGauge,
    Opts, Registry, TextEncoder, core::Collector,
};

/// All metrics, in a registry of their own.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    reconcile_seconds: Histogram,
    reconcile_errors: IntCounterVec,
    watch_errors: IntCounterVec,
    writes: IntCounter,
    leader: IntGauge,
}

impl Metrics {
    /// All counters at zero.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let seconds = HistogramOpts::new(
            "cassandra_controller_reconcile_seconds",
            "How long a reconciliation took",
        );
        let errors = Opts::new(
            "cassandra_controller_reconcile_errors_total",
            "Reconciliations that failed, by reason",
        );
        let watch_errors = Opts::new(
            "cassandra_controller_watch_errors_total",
            "Watches that failed, by kind",
        );
        Ok(Self(Arc::new(Inner {
            reconcile_seconds: registered(&registry, Histogram::with_opts(seconds)?)?,
            reconcile_errors: registered(&registry, IntCounterVec::new(errors, &["reason"])?)?,
            watch_errors: registered(&registry, IntCounterVec::new(watch_errors, &["kind"])?)?,
            writes: registered(
                &registry,
                IntCounter::new(
                    "cassandra_controller_writes_total",
                    "Objects written or deleted, status apart",
                )?,
            )?,
            leader: registered(
                &registry,
                IntGauge::new(
                    "cassandra_controller_leader",
                    "1 while this replica holds the Lease",
                )?,
            )?,
            registry,
        })))
    }

    /// Adds a metric of a controller's own.
    pub fn register<M: Collector + Clone + 'static>(
        &self,
        metric: M,
    ) -> Result<M, prometheus::Error> {
        registered(&self.0.registry, metric)
    }

    /// Times a reconciliation until it is dropped.
    pub fn time_reconcile(&self) -> HistogramTimer {
        self.0.reconcile_seconds.start_timer()
    }

    /// A reconciliation failed.
    pub fn failed(&self, reason: &str) {
        self.0.reconcile_errors.with_label_values(&[reason]).inc();
    }

    /// A watch failed.
    pub fn watch_failed(&self, kind: &str) {
        self.0.watch_errors.with_label_values(&[kind]).inc();
    }

    /// Objects were written.
    pub fn wrote(&self, objects: usize) {
        self.0
            .writes
            .inc_by(u64::try_from(objects).unwrap_or(u64::MAX));
    }

    /// Whether this replica leads.
    pub fn leads(&self, leads: bool) {
        self.0.leader.set(i64::from(leads));
    }

    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        match TextEncoder::new().encode(&self.0.registry.gather(), &mut text) {
            Ok(()) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => format!("# {error}\n"),
        }
    }
}

fn registered<M: Collector + Clone + 'static>(
    registry: &Registry,
    metric: M,
) -> Result<M, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
