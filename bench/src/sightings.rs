//! When the first object of each cluster is seen, by kind: what somebody who watches sees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use cassandra_api::labels;
use cassandra_api::v1alpha1::CassandraMember;
use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt as _};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// What was seen so far of one cluster.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// The first object of any kind.
    pub(super) object: Option<Instant>,
    /// The first StatefulSet.
    pub(super) stateful_set: Option<Instant>,
    /// The last StatefulSet.
    pub(super) last_stateful_set: Option<Instant>,
    /// How many StatefulSets.
    pub(super) stateful_sets: usize,
}

/// Watches for what the controller makes.
pub(super) struct Sightings {
    shared: Arc<Shared>,
    _watches: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<BTreeMap<String, Seen>>,
    more: Notify,
}

impl Sightings {
    /// Begins; what is there already counts as seen.
    pub(super) fn begin(client: &Client) -> Self {
        let shared = Arc::new(Shared::default());
        let mut watches = JoinSet::new();
        // The first that it makes, and what pods come from.
        watches.spawn(watch::<ServiceAccount>(
            client.clone(),
            shared.clone(),
            false,
        ));
        watches.spawn(watch::<CassandraMember>(
            client.clone(),
            shared.clone(),
            false,
        ));
        watches.spawn(watch::<StatefulSet>(client.clone(), shared.clone(), true));
        Self {
            shared,
            _watches: watches,
        }
    }

    /// Waits until what was seen of a cluster is enough.
    pub(super) async fn until(
        &self,
        cluster: &str,
        limit: Duration,
        enough: impl Fn(&Seen) -> bool,
    ) -> Result<Seen> {
        let looking = async {
            loop {
                let more = self.shared.more.notified();
                let seen = self.shared.of(cluster);
                if enough(&seen) {
                    return seen;
                }
                more.await;
            }
        };
        match timeout(limit, looking).await {
            Ok(seen) => Ok(seen),
            Err(_) => bail!("of {cluster}, only {:?} was seen", self.shared.of(cluster)),
        }
    }
}

impl Shared {
    fn of(&self, cluster: &str) -> Seen {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(cluster).copied().unwrap_or_default()
    }

    fn saw(&self, cluster: &str, stateful_set: bool) {
        let now = Instant::now();
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = all.entry(cluster.to_owned()).or_default();
        seen.object.get_or_insert(now);
        if stateful_set {
            seen.stateful_set.get_or_insert(now);
            seen.last_stateful_set = Some(now);
            seen.stateful_sets += 1;
        }
        drop(all);
        self.more.notify_waiters();
    }
}

async fn watch<K>(client: Client, shared: Arc<Shared>, stateful_set: bool)
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + Send + Sync + 'static,
{
    let api: Api<PartialObjectMeta<K>> = Api::all(client);
    let config = watcher::Config::default().labels(labels::MANAGED_SELECTOR);
    let mut events = std::pin::pin!(watcher(api, config).default_backoff());
    let mut known = BTreeSet::new();
    while let Some(event) = events.next().await {
        let Ok(Event::Apply(object) | Event::InitApply(object)) = event else {
            continue;
        };
        let Some(cluster) = object.labels().get(labels::CLUSTER) else {
            continue;
        };
        if known.insert(object.metadata.uid.clone()) {
            shared.saw(cluster, stateful_set);
        }
    }
}
