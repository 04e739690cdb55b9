//! One reflector for each kind, in a task and with a backoff of its own, so that one watch that fails does not slow
//! the others down (kube-runtime gives all watches of a `Controller` one backoff). Of foreign objects nothing is kept.

use std::{fmt::Debug, sync::Arc};

use cassandra_api::{
    k8s_openapi::api::{
        apps::v1::StatefulSet,
        core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Service, ServiceAccount},
        policy::v1::PodDisruptionBudget,
        rbac::v1::{Role, RoleBinding},
    },
    labels,
    v1alpha1::{CassandraCluster, CassandraMember},
};
use futures::StreamExt as _;
use kube::{
    Api, Client, Resource, ResourceExt,
    core::{NamespaceResourceScope, PartialObjectMeta},
    runtime::{
        WatchStreamExt as _,
        reflector::{self, Store},
        watcher::{self, Event, watcher},
    },
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::task::JoinSet;

use super::{
    health::Watching,
    packed_store::{PackedStore, packed_store},
    triggers::Triggers,
};
use crate::metrics::Metrics;

/// Shorter than the idle time after which load balancers cut a connection without a word, usually 240 s.
const WATCH_TIMEOUT: u32 = 200;
const PAGE: u32 = 50;

/// What the operator owns in one scope, by kind.
#[derive(Clone)]
#[allow(missing_docs, reason = "each is its kind")]
pub struct Stores {
    pub clusters: Store<CassandraCluster>,
    pub members: PackedStore<CassandraMember>,
    pub stateful_sets: PackedStore<StatefulSet>,
    pub services: PackedStore<Service>,
    pub volume_claims: PackedStore<PersistentVolumeClaim>,
    pub pods: PackedStore<Pod>,
    pub config_maps: PackedStore<ConfigMap>,
    pub service_accounts: PackedStore<ServiceAccount>,
    pub roles: PackedStore<Role>,
    pub role_bindings: PackedStore<RoleBinding>,
    pub budgets: PackedStore<PodDisruptionBudget>,
}

/// Where watches look and where they tell.
pub(super) struct Watches {
    pub(super) client: Client,
    /// None: all namespaces.
    pub(super) namespace: Option<String>,
    pub(super) triggers: Triggers,
    pub(super) watching: Arc<Watching>,
    pub(super) metrics: Metrics,
}

impl Watches {
    /// Starts all reflectors, each a task; the stores are usable when all have listed once.
    pub(super) fn start(&self, tasks: &mut JoinSet<()>) -> Stores {
        let (clusters, writer) = reflector::store();
        self.clusters(tasks, writer);
        self.user_config_maps(tasks, clusters.clone());
        Stores {
            members: self.owned(tasks, tidy),
            stateful_sets: self.owned(tasks, tidy),
            services: self.owned(tasks, tidy),
            volume_claims: self.owned(tasks, tidy),
            pods: self.owned(tasks, trim_pod),
            config_maps: self.owned(tasks, trim_config_map),
            service_accounts: self.owned(tasks, tidy),
            roles: self.owned(tasks, tidy),
            role_bindings: self.owned(tasks, tidy),
            budgets: self.owned(tasks, tidy),
            clusters,
        }
    }

    /// The clusters themselves. The series of one that goes are taken back here: nobody reconciles it any more.
    fn clusters(
        &self,
        tasks: &mut JoinSet<()>,
        writer: reflector::store::Writer<CassandraCluster>,
    ) {
        let api = self.api::<CassandraCluster>();
        let stream = watcher(api, config())
            .default_backoff()
            .modify(tidy)
            .reflect(writer);
        let (triggers, watching) = (self.triggers.clone(), self.watching.clone());
        let metrics = self.metrics.clone();
        tasks.spawn(async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(event) = stream.next().await {
                match event {
                    Ok(Event::Apply(cluster) | Event::InitApply(cluster)) => {
                        triggers
                            .push((cluster.namespace().unwrap_or_default(), cluster.name_any()));
                    }
                    Ok(Event::Delete(cluster)) => {
                        metrics.forget(
                            &cluster.namespace().unwrap_or_default(),
                            &cluster.name_any(),
                        );
                    }
                    Ok(Event::Init | Event::InitDone) => {}
                    Err(error) => watching.failed("CassandraCluster", &error),
                }
            }
        });
    }

    fn owned<K>(&self, tasks: &mut JoinSet<()>, trim: fn(&mut K)) -> PackedStore<K>
    where
        K: Watched + Serialize,
    {
        let (objects, writer) = packed_store();
        let stream = watcher(self.api::<K>(), config().labels(labels::MANAGED_SELECTOR));
        let stream = stream.default_backoff().modify(trim);
        let (triggers, watching) = (self.triggers.clone(), self.watching.clone());
        tasks.spawn(async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(event) = stream.next().await {
                if let Ok(event) = &event {
                    writer.apply(event);
                }
                match event {
                    Ok(Event::Apply(object) | Event::InitApply(object) | Event::Delete(object)) => {
                        if let Some(cluster) = object.labels().get(labels::CLUSTER) {
                            triggers
                                .push((object.namespace().unwrap_or_default(), cluster.clone()));
                        }
                    }
                    Ok(Event::Init | Event::InitDone) => {}
                    Err(error) => watching.failed(&K::kind(&()), &error),
                }
            }
        });
        objects
    }

    /// The users' ConfigMaps wake the clusters that use them. Only names pass by; nothing is kept.
    fn user_config_maps(&self, tasks: &mut JoinSet<()>, clusters: Store<CassandraCluster>) {
        let stream =
            watcher(self.api::<PartialObjectMeta<ConfigMap>>(), config()).default_backoff();
        let (triggers, watching) = (self.triggers.clone(), self.watching.clone());
        tasks.spawn(async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(event) = stream.next().await {
                match event {
                    Ok(Event::Apply(map) | Event::InitApply(map) | Event::Delete(map)) => {
                        let (namespace, name) = (map.namespace(), map.name_any());
                        let uses = |cluster: &CassandraCluster| {
                            cluster.namespace() == namespace && uses_config_map(cluster, &name)
                        };
                        for cluster in clusters.state_filter(uses) {
                            triggers
                                .push((namespace.clone().unwrap_or_default(), cluster.name_any()));
                        }
                    }
                    Ok(Event::Init | Event::InitDone) => {}
                    Err(error) => watching.failed("ConfigMap metadata", &error),
                }
            }
        });
    }

    fn api<K: Watched>(&self) -> Api<K> {
        match &self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }
}

impl Stores {
    /// Waits until every kind has been listed. A decision on less would take what it has not seen for absent.
    pub(super) async fn ready(&self) -> anyhow::Result<()> {
        let Self {
            clusters,
            members,
            stateful_sets,
            services,
            volume_claims,
            pods,
            config_maps,
            service_accounts,
            roles,
            role_bindings,
            budgets,
        } = self;
        clusters.wait_until_ready().await?;
        members.wait_until_ready().await?;
        stateful_sets.wait_until_ready().await?;
        services.wait_until_ready().await?;
        volume_claims.wait_until_ready().await?;
        pods.wait_until_ready().await?;
        config_maps.wait_until_ready().await?;
        service_accounts.wait_until_ready().await?;
        roles.wait_until_ready().await?;
        role_bindings.wait_until_ready().await?;
        Ok(budgets.wait_until_ready().await?)
    }
}

/// A kind that can be watched in a namespace.
trait Watched:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + DeserializeOwned
    + Debug
    + Send
    + Sync
    + 'static
{
}

impl<K> Watched for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + Debug
        + Send
        + Sync
        + 'static
{
}

fn config() -> watcher::Config {
    watcher::Config::default()
        .timeout(WATCH_TIMEOUT)
        .page_size(PAGE)
        .any_semantic()
}

fn uses_config_map(cluster: &CassandraCluster, name: &str) -> bool {
    match &cluster.spec.config.from_config_map {
        Some(named) => named == name,
        None => cassandra_api::names::conventional_config_map(&cluster.name_any()) == name,
    }
}

/// About half of an object's metadata is of no use to a decision.
fn tidy<K: ResourceExt>(object: &mut K) {
    object.meta_mut().managed_fields = None;
}

/// A decision looks at a pod's identity, node and status.
fn trim_pod(pod: &mut Pod) {
    tidy(pod);
    pod.spec = None;
    if let Some(status) = &mut pod.status {
        status.ephemeral_container_statuses = None;
        status.resource_claim_statuses = None;
        status.pod_ips = None;
        status.host_ips = None;
    }
}

/// A revision is immutable and named by its content, so the content need not be kept.
fn trim_config_map(map: &mut ConfigMap) {
    tidy(map);
    map.data = None;
    map.binary_data = None;
}
