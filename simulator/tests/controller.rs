//! The controller's own reconciliation against the simulated API server, under a paused clock.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fmt::Debug, sync::Arc, time::Duration};

use cassandra_api::{labels, v1alpha1::CassandraCluster};
use cassandra_controller::{
    clock::Clock,
    cluster::{self, Context},
    metrics::Metrics,
    runtime::{Backoffs, Stores},
};
use futures::{FutureExt as _, StreamExt as _};
use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::Time};
use kube::{
    Api, Client, Resource,
    runtime::{
        Controller, WatchStreamExt as _,
        events::Recorder,
        reflector::{self, ObjectRef, Store},
        watcher::{self, watcher},
    },
};
use serde::de::DeserializeOwned;
use serde_json::json;
use simulator::kubernetes::{Options, Server, User};
use tokio::sync::mpsc;

const CONTROLLER: &str = "cassandra-controller";

struct Now(Server);

impl Clock for Now {
    fn now(&self) -> Time {
        Time(self.0.clock().now())
    }
}

type Woken = mpsc::UnboundedSender<ObjectRef<CassandraCluster>>;

fn reflect<K>(client: &Client, woken: &Woken, selector: &str) -> Store<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + Debug
        + Send
        + Sync
        + 'static,
{
    let (store, writer) = reflector::store();
    let config = watcher::Config::default().labels(selector).any_semantic();
    let stream = watcher(Api::<K>::all(client.clone()), config)
        .default_backoff()
        .reflect(writer);
    let woken = woken.clone();
    tokio::spawn(stream.touched_objects().for_each(move |object| {
        if let Ok(object) = object {
            let own = object.meta().name.clone().unwrap_or_default();
            let labelled = object
                .meta()
                .labels
                .as_ref()
                .and_then(|l| l.get(labels::CLUSTER).cloned());
            let namespace = object.meta().namespace.clone().unwrap_or_default();
            let name = labelled.unwrap_or(own);
            let _ = woken.send(ObjectRef::new(&name).within(&namespace));
        }
        std::future::ready(())
    }));
    store
}

/// Runs the reconciler until the time is over.
async fn control(server: &Server, time: Duration) {
    let user = User::service_account("cassandra-operator", CONTROLLER);
    let client = server.connect(CONTROLLER, user).client();
    let (woken, wakes) = mpsc::unbounded_channel();
    let managed = labels::MANAGED_SELECTOR;
    let stores = Stores {
        clusters: reflect(&client, &woken, ""),
        members: reflect(&client, &woken, managed),
        stateful_sets: reflect(&client, &woken, managed),
        services: reflect(&client, &woken, managed),
        volume_claims: reflect(&client, &woken, managed),
        pods: reflect(&client, &woken, managed),
        config_maps: reflect(&client, &woken, managed),
        service_accounts: reflect(&client, &woken, managed),
        roles: reflect(&client, &woken, managed),
        role_bindings: reflect(&client, &woken, managed),
        budgets: reflect(&client, &woken, managed),
    };
    let context = Context {
        client: client.clone(),
        stores: stores.clone(),
        clock: Arc::new(Now(server.clone())),
        operator_image: "operator".into(),
        recorder: Recorder::new(client, cluster::reporter("a")),
        metrics: Metrics::new().unwrap(),
        backoffs: Backoffs::default(),
    };
    let wakes = futures::stream::unfold(wakes, |mut wakes| async move {
        Some((wakes.recv().await?, wakes))
    });
    let run = Controller::for_stream(futures::stream::pending(), stores.clusters)
        .reconcile_on(wakes)
        .run(cluster::reconcile, cluster::after_error, Arc::new(context))
        .for_each(|_| std::future::ready(()))
        .boxed();
    let _ = tokio::time::timeout(time, run).await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_controller_makes_what_a_new_cluster_needs() {
    let server = Server::new(Options::default());
    server.install_operator();
    assert_eq!(server.put(json!({"apiVersion": "cassandra-operator.rs/v1alpha1", "kind": "CassandraCluster",
        "metadata": {"name": "orders", "namespace": "default"},
        "spec": {"version": "5.0.9", "racks": [{"name": "r1", "members": 3}], "storage": {"size": "100Gi"}}})), None);
    control(&server, Duration::from_mins(1)).await;
    let refused = server
        .trace()
        .last(1000)
        .into_iter()
        .filter(|line| !line.contains(" 20"));
    let refused: Vec<_> = refused
        .filter(|line| !line.contains(" 404 NotFound"))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
    assert_eq!(
        server
            .list("cassandra-operator.rs/v1alpha1", "CassandraMember")
            .len(),
        3
    );
    assert_eq!(server.list("v1", "PersistentVolumeClaim").len(), 3);
    assert_eq!(server.list("policy/v1", "PodDisruptionBudget").len(), 1);
    assert_eq!(server.list("apps/v1", "StatefulSet").len(), 3);
}
