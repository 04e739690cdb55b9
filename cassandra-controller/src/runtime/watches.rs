//! One reflector for each kind, in a task and with a backoff of its own, so that one watch that fails does not slow
//! the others down (kube-runtime gives all watches of a `Controller` one backoff). Of foreign objects nothing is kept.

use std::{fmt::Debug, sync::Arc};

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
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use super::{
    controller::Scope,
    health::Watching,
    packed_store::{Keeping, PackedStore, packed_store},
    raw::Raw,
    triggers::Triggers,
};

/// Shorter than the idle time after which load balancers cut a connection without a word, usually 240 s.
const WATCH_TIMEOUT: u32 = 200;
/// Objects of a page of a list. A page is text until each object has been looked at: a few megabytes.
const PAGE: u32 = 250;

/// Where watches look and where they tell.
pub struct Watches {
    client: Client,
    /// None: all namespaces.
    namespace: Option<String>,
    triggers: Triggers,
    watching: Arc<Watching>,
}

impl Watches {
    /// In this scope; what changes is told to these triggers.
    pub fn new(scope: &Scope, triggers: Triggers) -> Self {
        Self {
            client: scope.client.clone(),
            namespace: scope.namespace.clone(),
            triggers,
            watching: scope.watching.clone(),
        }
    }

    /// Watches the objects that are reconciled. `gone` hears of one that is deleted.
    pub fn root<K>(&self, tasks: &mut JoinSet<()>, gone: impl Fn(&K) + Send + 'static) -> Store<K>
    where
        K: Watched,
    {
        let (objects, writer) = reflector::store();
        let stream = watcher(self.api::<K>(), config())
            .default_backoff()
            .modify(|object| object.meta_mut().managed_fields = None)
            .reflect(writer);
        let (triggers, watching) = (self.triggers.clone(), self.watching.clone());
        tasks.spawn(async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(event) = stream.next().await {
                match event {
                    Ok(Event::Apply(object) | Event::InitApply(object)) => {
                        triggers.push((object.namespace().unwrap_or_default(), object.name_any()));
                    }
                    Ok(Event::Delete(object)) => gone(&object),
                    Ok(Event::Init | Event::InitDone) => {}
                    Err(error) => watching.failed(&K::kind(&()), &error),
                }
            }
        });
        objects
    }

    /// Watches what goes with the objects that are reconciled, found by `selector`; the label `owner` names the one
    /// that it goes with.
    pub fn owned<K>(
        &self,
        tasks: &mut JoinSet<()>,
        selector: &str,
        owner: &'static str,
        keeping: Keeping,
    ) -> PackedStore<K>
    where
        K: Watched,
    {
        let (objects, writer) = packed_store(owner, keeping);
        let stream = watcher(self.api::<Raw<K>>(), config().labels(selector));
        let stream = stream.default_backoff();
        let (triggers, watching) = (self.triggers.clone(), self.watching.clone());
        tasks.spawn(async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(event) = stream.next().await {
                match event.map(|event| writer.apply(event)) {
                    Ok(Some(owner)) => triggers.push(owner),
                    Ok(None) => {}
                    Err(error) => watching.failed(&K::kind(&()), &error),
                }
            }
        });
        objects
    }

    /// Watches the names of the users' objects of a kind; `users` tells, by namespace and name, which of the objects
    /// that are reconciled use one. Only names pass by; nothing is kept.
    pub fn named<K>(
        &self,
        tasks: &mut JoinSet<()>,
        users: impl Fn(&str, &str) -> Vec<String> + Send + 'static,
    ) where
        K: Watched,
    {
        let stream = watcher(self.api::<PartialObjectMeta<K>>(), config()).default_backoff();
        let (triggers, watching) = (self.triggers.clone(), self.watching.clone());
        let kind = format!("{} metadata", K::kind(&()));
        tasks.spawn(async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(event) = stream.next().await {
                match event {
                    Ok(Event::Apply(object) | Event::InitApply(object) | Event::Delete(object)) => {
                        let namespace = object.namespace().unwrap_or_default();
                        for user in users(&namespace, &object.name_any()) {
                            triggers.push((namespace.clone(), user));
                        }
                    }
                    Ok(Event::Init | Event::InitDone) => {}
                    Err(error) => watching.failed(&kind, &error),
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

/// A kind that can be watched in a namespace.
pub trait Watched:
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
