//! The controller of clusters, for the runtime: what it watches in a scope, and what it does when something changes.

use std::sync::Arc;

use cassandra_api::{k8s_openapi::api::core::v1::ConfigMap, names, v1alpha1::CassandraCluster};
use kube::{ResourceExt as _, runtime::reflector::Store};
use tokio::task::JoinSet;

use super::{Context, after_error, gauges::Gauges, kinds::Stores, reconcile};
use crate::{
    metrics::Metrics,
    runtime::{Backoffs, Controller, Prepared, Scope, Triggers, Watches, reconcile_each},
};

/// The controller of clusters.
#[derive(Debug)]
pub struct ClusterController {
    operator_image: String,
    gauges: Gauges,
}

impl ClusterController {
    /// With this image, with agent and bootstrapper, for new members.
    pub fn new(operator_image: &str, metrics: &Metrics) -> Result<Self, prometheus::Error> {
        Ok(Self {
            operator_image: operator_image.into(),
            gauges: Gauges::new(metrics)?,
        })
    }
}

impl Controller for ClusterController {
    fn prepare(&self, scope: &Scope, tasks: &mut JoinSet<()>) -> Prepared {
        let triggers = Triggers::default();
        let watches = Watches::new(scope, triggers.clone());
        let gauges = self.gauges.clone();
        // The series of a cluster that goes are taken back here: nobody reconciles it any more.
        let clusters: Store<CassandraCluster> =
            watches.root(tasks, move |cluster: &CassandraCluster| {
                gauges.forget(
                    &cluster.namespace().unwrap_or_default(),
                    &cluster.name_any(),
                );
            });
        let users = clusters.clone();
        watches.named::<ConfigMap>(tasks, move |namespace, name| {
            let in_use_by = |cluster: &CassandraCluster| {
                cluster.namespace().as_deref() == Some(namespace) && uses_config_map(cluster, name)
            };
            let clusters = users.state_filter(in_use_by).into_iter();
            clusters.map(|cluster| cluster.name_any()).collect()
        });
        let stores = Stores::watch(&watches, tasks);
        let context = Arc::new(Context {
            client: scope.client.clone(),
            stores: stores.clone(),
            clock: scope.clock.clone(),
            operator_image: self.operator_image.clone(),
            recorder: scope.recorder.clone(),
            metrics: scope.metrics.clone(),
            gauges: self.gauges.clone(),
            backoffs: Backoffs::default(),
        });
        let listed = clusters.clone();
        Prepared {
            listed: Box::pin(async move {
                listed.wait_until_ready().await?;
                Ok(stores.listed().await?)
            }),
            work: Box::new(|stop| {
                Box::pin(reconcile_each(
                    clusters,
                    triggers,
                    stop,
                    reconcile,
                    after_error,
                    context,
                ))
            }),
        }
    }
}

fn uses_config_map(cluster: &CassandraCluster, name: &str) -> bool {
    match &cluster.spec.config.from_config_map {
        Some(named) => named == name,
        None => names::conventional_config_map(&cluster.name_any()) == name,
    }
}
