//! Counters of what the controller does, and gauges of what its members are.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use cassandra_api::{
    quantity::Quantity,
    v1alpha1::{CassandraClusterStatus, MemberState, Phase},
};
use prometheus::{
    Encoder as _, GaugeVec, Histogram, HistogramOpts, HistogramTimer, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::cluster::Observed;

const CLUSTER: &[&str] = &["namespace", "cluster"];
const MEMBER: &[&str] = &["namespace", "cluster", "rack", "member"];

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
    invalid_specs: IntCounterVec,
    members_wanted: IntGaugeVec,
    waiting: IntGaugeVec,
    up: IntGaugeVec,
    joined: IntGaugeVec,
    mode: IntGaugeVec,
    load: GaugeVec,
    /// Label values in use, so that series go with their cluster.
    series: Mutex<BTreeMap<(String, String), BTreeSet<Series>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Series {
    Member {
        rack: String,
        member: String,
    },
    Mode {
        rack: String,
        member: String,
        mode: String,
    },
    Waiting {
        rule: String,
    },
}

impl Metrics {
    /// All metrics at zero.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let seconds = HistogramOpts::new(
            "cassandra_controller_reconcile_seconds",
            "How long a reconciliation took",
        );
        let vec = |name: &str, help: &str, labels: &[&str]| {
            let metric = IntGaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(metric.clone()))?;
            Ok::<_, prometheus::Error>(metric)
        };
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(metric.clone()))?;
            Ok::<_, prometheus::Error>(metric)
        };
        let with = |extra: &'static str| [MEMBER, &[extra]].concat();
        let inner = Inner {
            reconcile_seconds: Histogram::with_opts(seconds)?,
            reconcile_errors: counters(
                "cassandra_controller_reconcile_errors_total",
                "Reconciliations that failed, by reason",
                &["reason"],
            )?,
            watch_errors: counters(
                "cassandra_controller_watch_errors_total",
                "Watches that failed, by kind",
                &["kind"],
            )?,
            writes: IntCounter::new(
                "cassandra_controller_writes_total",
                "Objects written or deleted, status apart",
            )?,
            leader: IntGauge::new(
                "cassandra_controller_leader",
                "1 while this replica holds the Lease",
            )?,
            invalid_specs: counters(
                "cassandra_cluster_invalid_specs_total",
                "Specs that could not be carried out",
                CLUSTER,
            )?,
            members_wanted: vec(
                "cassandra_cluster_members_wanted",
                "Members that the spec asks for",
                CLUSTER,
            )?,
            waiting: vec(
                "cassandra_cluster_waiting",
                "1 for each waiting rule that holds something up",
                &[CLUSTER, &["rule"]].concat(),
            )?,
            up: vec("cassandra_member_up", "1 if the member serves", MEMBER)?,
            joined: vec(
                "cassandra_member_joined",
                "1 if the member has joined the ring",
                MEMBER,
            )?,
            mode: vec(
                "cassandra_member_mode",
                "1 for the member's operation mode",
                &with("mode"),
            )?,
            load: GaugeVec::new(
                Opts::new(
                    "cassandra_member_load_bytes",
                    "Data on disk, rounded up to a power of two",
                ),
                MEMBER,
            )?,
            series: Mutex::default(),
            registry,
        };
        inner
            .registry
            .register(Box::new(inner.reconcile_seconds.clone()))?;
        inner.registry.register(Box::new(inner.writes.clone()))?;
        inner.registry.register(Box::new(inner.leader.clone()))?;
        inner.registry.register(Box::new(inner.load.clone()))?;
        Ok(Self(Arc::new(inner)))
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

    /// How a cluster and its members stand.
    pub fn record(&self, observed: &Observed, status: &CassandraClusterStatus) {
        let metadata = &observed.cluster.metadata;
        let (Some(namespace), Some(cluster)) = (&metadata.namespace, &metadata.name) else {
            return;
        };
        let labels = [namespace.as_str(), cluster.as_str()];
        let inner = &self.0;
        let before = observed
            .cluster
            .status
            .as_ref()
            .and_then(|status| status.observed_generation);
        let invalid = inner.invalid_specs.with_label_values(&labels);
        if status.phase == Some(Phase::Invalid) && before != metadata.generation {
            invalid.inc();
        }
        let wanted: i32 = observed
            .cluster
            .spec
            .racks
            .iter()
            .map(|rack| rack.members)
            .sum();
        inner
            .members_wanted
            .with_label_values(&labels)
            .set(wanted.into());
        let mut series = BTreeSet::new();
        for blocked in &status.blocked {
            inner
                .waiting
                .with_label_values(&[namespace, cluster, blocked.rule.name()])
                .set(1);
            series.insert(Series::Waiting {
                rule: blocked.rule.name().into(),
            });
        }
        for (name, member) in &observed.owned.members {
            let rack = &member.spec.rack;
            let labels = [namespace.as_str(), cluster, rack, name];
            let status = member.status.clone().unwrap_or_default();
            let up = status.state == MemberState::Ready;
            inner.up.with_label_values(&labels).set(up.into());
            inner
                .joined
                .with_label_values(&labels)
                .set(status.bootstrapped.is_some().into());
            inner
                .load
                .with_label_values(&labels)
                .set(bytes(status.load.as_deref()));
            series.insert(Series::Member {
                rack: rack.clone(),
                member: name.clone(),
            });
            if let Some(mode) = status.mode {
                inner
                    .mode
                    .with_label_values(&[namespace, cluster, rack, name, &mode])
                    .set(1);
                series.insert(Series::Mode {
                    rack: rack.clone(),
                    member: name.clone(),
                    mode,
                });
            }
        }
        self.keep(namespace, cluster, &series);
    }

    /// The cluster is gone: so are its series.
    pub fn forget(&self, namespace: &str, cluster: &str) {
        self.keep(namespace, cluster, &BTreeSet::new());
        let labels = [namespace, cluster];
        // They are not there if the cluster never had any.
        let _ = self.0.members_wanted.remove_label_values(&labels);
        let _ = self.0.invalid_specs.remove_label_values(&labels);
    }

    fn keep(&self, namespace: &str, cluster: &str, series: &BTreeSet<Series>) {
        let inner = &self.0;
        let mut all = inner.series.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (namespace.to_owned(), cluster.to_owned());
        let old = if series.is_empty() {
            all.remove(&key)
        } else {
            all.insert(key, series.clone())
        };
        for gone in old.unwrap_or_default().difference(series) {
            // A series that is gone already is as good.
            match gone {
                Series::Member { rack, member } => {
                    let labels = [namespace, cluster, rack, member];
                    let _ = inner.up.remove_label_values(&labels);
                    let _ = inner.joined.remove_label_values(&labels);
                    let _ = inner.load.remove_label_values(&labels);
                }
                Series::Mode { rack, member, mode } => {
                    let _ = inner
                        .mode
                        .remove_label_values(&[namespace, cluster, rack, member, mode]);
                }
                Series::Waiting { rule } => {
                    let _ = inner
                        .waiting
                        .remove_label_values(&[namespace, cluster, rule]);
                }
            }
        }
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

/// `64MiB` as the agent writes it.
#[allow(clippy::cast_precision_loss, reason = "a gauge of powers of two")]
fn bytes(load: Option<&str>) -> f64 {
    let quantity = load.map(|load| Quantity(load.trim_end_matches('B').to_owned()));
    quantity.and_then(|quantity| quantity.units()).unwrap_or(0) as f64
}
