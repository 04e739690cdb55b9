//! What the runtime asks of a controller. It knows nothing of the kinds that a controller works on.

use std::{fmt::Debug, future::Future, sync::Arc};

use futures::{StreamExt as _, future::BoxFuture, stream};
use kube::{
    Client, Resource,
    core::NamespaceResourceScope,
    runtime::{
        Controller as KubeController,
        controller::{self, Action},
        events::Recorder,
        reflector::{ObjectRef, Store},
    },
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{health::Watching, triggers::Triggers};
use crate::{clock::Clock, metrics::Metrics};

/// Objects that are worked on at the same time, in one scope of one controller.
const CONCURRENCY: u16 = 8;

/// Where a controller works, and with what.
pub struct Scope {
    /// Client of the API server.
    pub client: Client,
    /// The namespace. None: all of them.
    pub namespace: Option<String>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Publishes events.
    pub recorder: Recorder,
    /// Counters and gauges.
    pub metrics: Metrics,
    /// Where failures of watches are told.
    pub watching: Arc<Watching>,
}

/// A controller: what it watches, and what it does about it.
pub trait Controller: Send + Sync {
    /// Begins to watch in one scope. A replica that stands by does so as well, so that it can begin at once.
    fn prepare(&self, scope: &Scope, tasks: &mut JoinSet<()>) -> Prepared;
}

/// A controller that watches one scope and has not begun to work.
pub struct Prepared {
    /// Ends when everything that it decides on has been listed.
    pub listed: BoxFuture<'static, anyhow::Result<()>>,
    /// Works until it is told to stop, and then ends what is under way.
    pub work: Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>,
}

/// Reconciles each object that is waiting to be looked at.
pub async fn reconcile_each<K, C, E, F>(
    objects: Store<K>,
    triggers: Triggers,
    stop: CancellationToken,
    reconcile: fn(Arc<K>, Arc<C>) -> F,
    after_error: fn(Arc<K>, &E, Arc<C>) -> Action,
    context: Arc<C>,
) where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + serde::de::DeserializeOwned
        + Send
        + Sync
        + 'static,
    C: Send + Sync + 'static,
    E: std::error::Error + Send + 'static,
    F: Future<Output = Result<Action, E>> + Send + 'static,
{
    let keys = triggers
        .stream()
        .map(|(namespace, name)| ObjectRef::new(&name).within(&namespace));
    KubeController::for_stream(stream::pending(), objects)
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
        .reconcile_on(keys)
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(reconcile, after_error, context)
        .for_each(|_| std::future::ready(()))
        .await;
}
