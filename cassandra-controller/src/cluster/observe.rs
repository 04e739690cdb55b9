//! Reads everything that a decision needs, and nothing else reads. The cluster and the user's ConfigMap come
//! from a live GET, what the operator owns from its reflectors.

use std::{collections::BTreeMap, sync::Arc};

use cassandra_api::{
    k8s_openapi::{
        api::{core::v1::ConfigMap, events::v1::Event},
        apimachinery::pkg::apis::meta::v1::Time,
        jiff::{SignedDuration, Timestamp},
    },
    names,
    rules::{Rule, Waiting},
    v1alpha1::{Blocked, CassandraCluster},
};
use kube::{Api, api::ListParams};

use super::{Context, Error, error::bounded, kinds::Owned, refused};

/// How long Kubernetes may take to make a pod before it is asked why.
pub(super) const POD_IS_ASKED_FOR_AFTER: SignedDuration = SignedDuration::from_secs(10);
/// Members whose missing pod is asked for in one pass.
const MOST_ASKED: usize = 3;
/// The longest that the StatefulSet controller waits until it tries again, and tells again (Kubernetes, its work queue).
const TOLD_AGAIN_WITHIN: SignedDuration = SignedDuration::from_mins(20);
/// Clocks differ, and times are told in whole seconds.
const EARLIER: SignedDuration = SignedDuration::from_secs(5);

/// Everything that a decision about one cluster needs.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The time of the observation.
    pub now: Time,
    /// The cluster, read live.
    pub cluster: Arc<CassandraCluster>,
    /// The image with agent and bootstrapper for new members.
    pub operator_image: String,
    /// The user's ConfigMap.
    pub user_config: UserConfig,
    /// What the operator owns of this cluster, by kind and name.
    pub owned: Owned,
    /// What the API server has refused in this pass.
    pub refused: Vec<Refused>,
    /// Members whose pod Kubernetes has not made, and why, where it says so.
    pub pods_refused: BTreeMap<String, Waiting>,
}

/// A write that the API server has refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The member whose object it is. None: the cluster's.
    pub member: Option<String>,
    /// What is waited for now.
    pub waiting: Waiting,
}

/// The user's ConfigMap.
#[derive(Clone, Debug, PartialEq)]
pub enum UserConfig {
    /// None is named, and there is none by convention.
    None,
    /// The one that the spec names is not there.
    Missing(String),
    /// It is there.
    Present(Box<ConfigMap>),
}

/// What there is of a cluster, and what of it could not be read.
pub(super) struct Reading {
    pub(super) observed: Observed,
    /// Nothing is decided on half of it.
    pub(super) failure: Option<Error>,
}

/// Reads what there is of this cluster. None: the cluster is gone.
pub(super) async fn observe(
    context: &Context,
    namespace: &str,
    name: &str,
) -> Result<Option<Reading>, Error> {
    // Before the cluster is read: while that was there, nothing was collected for its sake. The other way round, what the
    // collector had just taken of a deleted cluster would look like something to be put back.
    let owned = context.stores.of_cluster(namespace, name)?;
    let clusters: Api<CassandraCluster> = Api::namespaced(context.client.clone(), namespace);
    // Most clusters use no ConfigMap or that of the conventional name, so it is read at the same time.
    let conventional = names::conventional_config_map(name);
    let now = context.clock.now();
    let (cluster, conventional) = tokio::join!(
        bounded("read the cluster", name, clusters.get_opt(name)),
        config_map(context, namespace, &conventional),
    );
    let Some(cluster) = cluster? else {
        return Ok(None);
    };
    let pods_refused = pods_refused(context, &cluster, &owned, now.0).await;
    let user_config = match cluster.spec.config.from_config_map.as_deref() {
        None => conventional.map(|map| match map {
            None => UserConfig::None,
            Some(map) => UserConfig::Present(Box::new(map)),
        }),
        Some(named) => config_map(context, namespace, named)
            .await
            .map(|map| match map {
                None => UserConfig::Missing(named.to_owned()),
                Some(map) => UserConfig::Present(Box::new(map)),
            }),
    };
    let (user_config, failure) = match user_config {
        Ok(user_config) => (user_config, None),
        Err(failure) => (UserConfig::None, Some(failure)),
    };
    let observed = Observed {
        now,
        operator_image: context.operator_image.clone(),
        user_config,
        owned,
        refused: Vec::new(),
        pods_refused,
        cluster: Arc::new(cluster),
    };
    Ok(Some(Reading { observed, failure }))
}

/// Why pods are not made that have been missing for a while, by member. Only the events of their StatefulSets tell. What
/// can't be read is not known.
async fn pods_refused(
    context: &Context,
    cluster: &CassandraCluster,
    owned: &Owned,
    now: Timestamp,
) -> BTreeMap<String, Waiting> {
    let namespace = cluster.metadata.namespace.as_deref().unwrap_or_default();
    let events: Api<Event> = Api::namespaced(context.client.clone(), namespace);
    let told = cluster.status.iter().flat_map(|status| &status.blocked);
    let missing = told.filter_map(|told| Some((missing_pod(owned, told, now)?, told)));
    let mut refused = BTreeMap::new();
    for ((member, set), told) in missing.take(MOST_ASKED) {
        let of_set = format!("regarding.uid={set},reason=FailedCreate");
        let of_set = ListParams::default().fields(&of_set);
        let list = bounded("list the events of", member, events.list(&of_set));
        let Ok(list) = list.await else {
            continue;
        };
        // Of a pod that was missing before there may be events as well.
        let patience = if told.rule == Rule::ObjectAccepted {
            TOLD_AGAIN_WITHIN
        } else {
            EARLIER
        };
        let recent = |event: &Event| {
            last_told(event).is_some_and(|last| told.since.0.duration_since(last) <= patience)
        };
        let newest = list.items.into_iter().filter(recent).max_by_key(last_told);
        if let Some(note) = newest.and_then(|event| event.note) {
            refused.insert(member.to_owned(), refused::of_pod(member, &note));
        }
    }
    refused
}

/// The member and the UID of its StatefulSet, if its pod has been missing for a while.
fn missing_pod<'a>(
    owned: &'a Owned,
    told: &'a Blocked,
    now: Timestamp,
) -> Option<(&'a str, &'a str)> {
    let member = told.member.as_deref()?;
    let lasts = now.duration_since(told.since.0) >= POD_IS_ASKED_FOR_AFTER;
    let said = told.rule == Rule::ObjectAccepted || (told.rule == Rule::PodCreated && lasts);
    let missing = said && !owned.pods.contains_key(&names::pod(member));
    let set = owned.stateful_sets.get(member).filter(|_| missing)?;
    Some((member, set.metadata.uid.as_deref()?))
}

/// When it was last so. Kubernetes' own controllers tell it in the field for events of the earlier form.
fn last_told(event: &Event) -> Option<Timestamp> {
    let last = event.deprecated_last_timestamp.as_ref().map(|time| time.0);
    last.or_else(|| Some(event.event_time.as_ref()?.0))
}

async fn config_map(
    context: &Context,
    namespace: &str,
    name: &str,
) -> Result<Option<ConfigMap>, Error> {
    let maps: Api<ConfigMap> = Api::namespaced(context.client.clone(), namespace);
    bounded("read the ConfigMap", name, maps.get_opt(name)).await
}
