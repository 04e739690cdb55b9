//! Counters of what a gateway does. Labels are bounded: operations and codes, never buckets or keys.

use std::{sync::Arc, time::Duration};

use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder, core::Collector,
};

use crate::ops::Collected;

/// All metrics, in a registry of their own.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    received: IntCounter,
    sent: IntCounter,
    in_flight: IntGauge,
    store_calls: IntCounterVec,
    collected: IntCounterVec,
    reserved: IntGauge,
}

fn registered<M: Collector + Clone + 'static>(
    registry: &Registry,
    metric: M,
) -> Result<M, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

/// A request that is being answered.
#[derive(Debug)]
pub struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// All counters at zero.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| {
            registered(&registry, IntCounter::with_opts(Opts::new(name, help))?)
        };
        let counters = |name: &str, help: &str, labels: &[&str]| {
            registered(
                &registry,
                IntCounterVec::new(Opts::new(name, help), labels)?,
            )
        };
        let gauge = |name: &str, help: &str| registered(&registry, IntGauge::new(name, help)?);
        let buckets = vec![
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
        ];
        let seconds = HistogramOpts::new(
            "object_gateway_request_seconds",
            "How long a request took, to the last byte of its answer",
        );
        Ok(Self(Arc::new(Inner {
            requests: counters(
                "object_gateway_requests_total",
                "Requests, by operation, HTTP status and S3 error code",
                &["operation", "status", "code"],
            )?,
            seconds: registered(
                &registry,
                HistogramVec::new(seconds.buckets(buckets), &["operation"])?,
            )?,
            received: counter(
                "object_gateway_received_bytes_total",
                "Bytes of bodies from clients",
            )?,
            sent: counter(
                "object_gateway_sent_bytes_total",
                "Bytes of bodies to clients",
            )?,
            in_flight: gauge(
                "object_gateway_requests_in_flight",
                "Requests that are being answered",
            )?,
            store_calls: counters(
                "object_gateway_store_calls_total",
                "Calls of the store, by call and result",
                &["call", "result"],
            )?,
            collected: counters(
                "object_gateway_collected_total",
                "What the collector has removed or settled, by kind",
                &["kind"],
            )?,
            reserved: gauge(
                "object_gateway_reserved_bytes",
                "Memory that bodies on their way hold",
            )?,
            registry,
        })))
    }

    /// A request has come.
    pub fn begin(&self) -> InFlight {
        self.0.in_flight.inc();
        InFlight(self.0.in_flight.clone())
    }

    /// A request was answered.
    pub fn answered(
        &self,
        operation: &str,
        status: u16,
        code: Option<&str>,
        took: Duration,
        received: u64,
        sent: u64,
    ) {
        let status = status.to_string();
        self.0
            .requests
            .with_label_values(&[operation, &status, code.unwrap_or("")])
            .inc();
        self.0
            .seconds
            .with_label_values(&[operation])
            .observe(took.as_secs_f64());
        self.0.received.inc_by(received);
        self.0.sent.inc_by(sent);
    }

    /// The store was called.
    pub fn store_called(&self, call: &str, result: &str) {
        self.0.store_calls.with_label_values(&[call, result]).inc();
    }

    /// The collector has made a pass.
    pub fn collected(&self, done: &Collected) {
        for (kind, count) in [
            ("versions", done.versions),
            ("blobs", done.blobs),
            ("keys", done.keys),
            ("expired", done.expired),
            ("uploads", done.uploads),
            ("intents", done.intents),
            ("failed", done.failed),
        ] {
            self.0.collected.with_label_values(&[kind]).inc_by(count);
        }
    }

    /// In Prometheus' text format.
    pub fn render(&self, reserved: u64) -> Result<String, prometheus::Error> {
        self.0
            .reserved
            .set(i64::try_from(reserved).unwrap_or(i64::MAX));
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.0.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
