//! What clusters and members are, as metrics.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use cassandra_api::{
    quantity::Quantity,
    v1alpha1::{CassandraClusterStatus, Phase},
};
use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec, Opts};

use super::{decide, observe::Observed};
use crate::metrics::Metrics;

const CLUSTER: &[&str] = &["namespace", "cluster"];
const MEMBER: &[&str] = &["namespace", "cluster", "rack", "member"];

/// The gauges of all clusters.
#[derive(Clone, Debug)]
pub(super) struct Gauges(Arc<Inner>);

#[derive(Debug)]
struct Inner {
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

impl Gauges {
    /// Without a series.
    pub(super) fn new(metrics: &Metrics) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            metrics.register(IntGaugeVec::new(Opts::new(name, help), labels)?)
        };
        let with = |labels: &[&'static str], extra: &'static str| [labels, &[extra]].concat();
        let invalid = Opts::new(
            "cassandra_cluster_invalid_specs_total",
            "Specs that could not be carried out",
        );
        let load = Opts::new(
            "cassandra_member_load_bytes",
            "Data on disk, rounded up to a power of two",
        );
        Ok(Self(Arc::new(Inner {
            invalid_specs: metrics.register(IntCounterVec::new(invalid, CLUSTER)?)?,
            members_wanted: gauge(
                "cassandra_cluster_members_wanted",
                "Members that the spec asks for",
                CLUSTER,
            )?,
            waiting: gauge(
                "cassandra_cluster_waiting",
                "1 for each waiting rule that holds something up",
                &with(CLUSTER, "rule"),
            )?,
            up: gauge(
                "cassandra_member_up",
                "1 if the member serves and most others see it up",
                MEMBER,
            )?,
            joined: gauge(
                "cassandra_member_joined",
                "1 if the member has joined the ring",
                MEMBER,
            )?,
            mode: gauge(
                "cassandra_member_mode",
                "1 for the member's operation mode",
                &with(MEMBER, "mode"),
            )?,
            load: metrics.register(GaugeVec::new(load, MEMBER)?)?,
            series: Mutex::default(),
        })))
    }

    /// How a cluster and its members stand.
    pub(super) fn record(&self, observed: &Observed, status: &CassandraClusterStatus) {
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
        let serving = decide::serving(observed);
        for (name, member) in &observed.owned.members {
            let rack = &member.spec.rack;
            let labels = [namespace.as_str(), cluster, rack, name];
            let status = member.status.clone().unwrap_or_default();
            let up = serving.contains(name);
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
    pub(super) fn forget(&self, namespace: &str, cluster: &str) {
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
}

/// `64MiB` as the agent writes it.
#[allow(clippy::cast_precision_loss, reason = "a gauge of powers of two")]
fn bytes(load: Option<&str>) -> f64 {
    let quantity = load.map(|load| Quantity(load.trim_end_matches('B').to_owned()));
    quantity.and_then(|quantity| quantity.units()).unwrap_or(0) as f64
}
