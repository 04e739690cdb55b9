//! The rules of the API server that conformance can't see, because a real one can't be told to lag or to fail.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cassandra_api::v1alpha1::CassandraMember;
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim};
use kube::{
    Api, Client, ResourceExt as _,
    api::{
        DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams, VersionMatch,
        WatchEvent, WatchParams,
    },
};
use serde_json::json;
use simulator::kubernetes::{
    After, Applied, Before, Faults, Observer, Options, Outcome, Request, Server, User,
};

fn maps(client: &Client) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), "default")
}

fn map(name: &str, label: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": {"l": label}}})).unwrap()
}

async fn label(api: &Api<ConfigMap>, name: &str, label: &str) {
    let patch = Patch::Merge(json!({"metadata": {"labels": {"l": label}}}));
    api.patch(name, &PatchParams::default(), &patch)
        .await
        .unwrap();
}

fn any() -> ListParams {
    ListParams::default().match_any()
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_is_held_answers_from_its_past_and_a_quorum_read_does_not() {
    let server = Server::new(Options::default());
    let connection = server.connect("test", User::administrator());
    let api = maps(&connection.client());
    server.route("test", 1);
    server.hold(1);
    api.create(&PostParams::default(), &map("a", "1"))
        .await
        .unwrap();
    assert_eq!(api.list(&any()).await.unwrap().items.len(), 0);
    assert_eq!(
        api.list(&ListParams::default()).await.unwrap().items.len(),
        1
    );
    assert!(api.get_with("a", &GetParams::any()).await.is_err());
    server.advance(1, server.head());
    assert_eq!(api.list(&any()).await.unwrap().items.len(), 1);
    server.route("test", 0);
    api.delete("a", &DeleteParams::default()).await.unwrap();
    server.route("test", 1);
    assert_eq!(api.list(&any()).await.unwrap().items.len(), 1);
    server.release(1);
    assert_eq!(api.list(&any()).await.unwrap().items.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_of_objects_that_come_to_match_and_cease_to() {
    let server = Server::new(Options::default());
    let api = maps(&server.connect("test", User::administrator()).client());
    let from = server.head().to_string();
    api.create(&PostParams::default(), &map("a", "1"))
        .await
        .unwrap();
    label(&api, "a", "2").await;
    label(&api, "a", "2").await;
    label(&api, "a", "1").await;
    api.delete("a", &DeleteParams::default()).await.unwrap();
    let params = WatchParams::default().labels("l=2").timeout(5);
    let events: Vec<_> = api
        .watch(&params, &from)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    let kinds = events.iter().map(|event| match event {
        WatchEvent::Added(_) => "added",
        WatchEvent::Modified(_) => "modified",
        WatchEvent::Deleted(_) => "deleted",
        WatchEvent::Bookmark(_) => "bookmark",
        WatchEvent::Error(_) => "error",
    });
    assert_eq!(kinds.collect::<Vec<_>>(), ["added", "deleted", "bookmark"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_before_the_compaction_ends_with_410() {
    let server = Server::new(Options::default());
    let api = maps(&server.connect("test", User::administrator()).client());
    let from = server.head().to_string();
    api.create(&PostParams::default(), &map("a", "1"))
        .await
        .unwrap();
    server.compact(server.head());
    let mut events = api
        .watch(&WatchParams::default(), &from)
        .await
        .unwrap()
        .boxed();
    let event = events.try_next().await.unwrap();
    assert!(matches!(event, Some(WatchEvent::Error(status)) if status.code == 410));
}

#[tokio::test(start_paused = true)]
async fn a_list_goes_on_at_its_revision_until_that_is_compacted() {
    let server = Server::new(Options::default());
    let api = maps(&server.connect("test", User::administrator()).client());
    for name in ["a", "b", "c"] {
        api.create(&PostParams::default(), &map(name, "1"))
            .await
            .unwrap();
    }
    let page = ListParams::default().limit(1);
    let first = api.list(&page).await.unwrap();
    assert_eq!(first.metadata.remaining_item_count, Some(2));
    api.delete("b", &DeleteParams::default()).await.unwrap();
    let next = page
        .clone()
        .continue_token(first.metadata.continue_.as_deref().unwrap());
    assert_eq!(api.list(&next).await.unwrap().items[0].name_any(), "b");
    server.compact(server.head());
    let refused = api.list(&next).await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 410));
}

#[tokio::test(start_paused = true)]
async fn an_exact_revision_is_read_as_it_was() {
    let server = Server::new(Options::default());
    let api = maps(&server.connect("test", User::administrator()).client());
    let made = api
        .create(&PostParams::default(), &map("a", "1"))
        .await
        .unwrap();
    label(&api, "a", "2").await;
    let mut params = ListParams::default().at(&made.resource_version().unwrap());
    params.version_match = Some(VersionMatch::Exact);
    let then = api.list(&params).await.unwrap();
    assert_eq!(then.items[0].labels()["l"], "1");
}

/// Loses the answer to the first creation.
#[derive(Default)]
struct LosesOne(AtomicBool);

impl Faults for LosesOne {
    fn latency(&self, _: &str, _: &Request) -> Duration {
        Duration::from_millis(5)
    }

    fn after(&self, component: &str, request: &Request, outcome: &Outcome) -> After {
        let first =
            component == "test" && request.verb.writes() && !self.0.swap(true, Ordering::Relaxed);
        assert!(!first || outcome.changes.len() == 1);
        if first { After::Break } else { After::Deliver }
    }

    fn before(&self, _: &str, _: &Request) -> Before {
        Before::Proceed
    }
}

#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl Observer for Seen {
    fn applied(&self, applied: &Applied<'_>) {
        let name = applied.change.key.name.to_string();
        self.0.lock().unwrap().push(name);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_applied_stays_although_its_answer_was_lost() {
    let seen = Arc::new(Seen::default());
    let server = Server::new(Options {
        faults: Arc::new(LosesOne::default()),
        observer: Some(seen.clone()),
        ..Options::default()
    });
    let api = maps(&server.connect("test", User::administrator()).client());
    assert!(
        api.create(&PostParams::default(), &map("a", "1"))
            .await
            .is_err()
    );
    let again = api
        .create(&PostParams::default(), &map("a", "1"))
        .await
        .unwrap_err();
    assert!(matches!(again, kube::Error::Api(status) if status.reason == "AlreadyExists"));
    assert_eq!(*seen.0.lock().unwrap(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_trace() {
    let hash = || async {
        let server = Server::new(Options::default());
        let api = maps(&server.connect("test", User::administrator()).client());
        let mut generated = map("", "1");
        generated.metadata.name = None;
        generated.metadata.generate_name = Some("x-".into());
        let made = api
            .create(&PostParams::default(), &generated)
            .await
            .unwrap();
        label(&api, &made.name_any(), "2").await;
        (server.trace().hash(), made.metadata.uid)
    };
    assert_eq!(hash().await, hash().await);
}

#[tokio::test(start_paused = true)]
async fn only_what_the_shipped_roles_grant_is_allowed() {
    let server = Server::new(Options::default());
    server.install_operator();
    let user = User::service_account("cassandra-operator", "cassandra-controller");
    let client = server.connect("controller", user).client();
    maps(&client)
        .create(&PostParams::default(), &map("a", "1"))
        .await
        .unwrap();
    let secrets: Api<k8s_openapi::api::core::v1::Secret> = Api::namespaced(client, "default");
    let refused = secrets.list(&ListParams::default()).await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 403));
}

#[tokio::test(start_paused = true)]
async fn who_applies_the_same_later_than_another_comes_later_in_the_list() {
    let server = Server::new(Options::default());
    let connection = server.connect("test", User::administrator());
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(connection.client(), "default");
    let apply = async |manager: &str, rest: serde_json::Value| {
        let mut claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim"});
        claim
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        let parameters = PatchParams::apply(manager);
        let written = claims
            .patch("a", &parameters, &Patch::Apply(claim))
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        written.resource_version().unwrap()
    };
    // What is stored is written otherwise than what is applied, so that each time something seems to change.
    let spec = json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1.5Gi"}}}});
    apply("berta", spec.clone()).await;
    let labelled = apply("anna", json!({"metadata": {"labels": {"l": "1"}}})).await;
    let again = apply("berta", spec.clone()).await;
    assert_ne!(again, labelled);
    assert_eq!(apply("berta", spec).await, again);
}

/// The Member of the tests below, its agent and its controller.
async fn a_member() -> [Api<CassandraMember>; 2] {
    let server = Server::new(Options::default());
    server.install_operator();
    let administrator = server.connect("test", User::administrator()).client();
    let create = async |api: &str, object: serde_json::Value| {
        let request = http::Request::post(api).body(object.to_string().into_bytes());
        let made: serde_json::Value = administrator.request(request.unwrap()).await.unwrap();
        made
    };
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    create(
        &format!("{rbac}/roles"),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "agent"},
            "rules": [{"apiGroups": ["cassandra-operator.rs"], "resources": ["cassandramembers/status"], "verbs": ["patch"]}]}),
    )
    .await;
    create(
        &format!("{rbac}/rolebindings"),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "agent"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "agent"},
            "subjects": [{"kind": "ServiceAccount", "name": "orders-member", "namespace": "default"}]}),
    )
    .await;
    create(
        "/apis/cassandra-operator.rs/v1alpha1/namespaces/default/cassandramembers",
        json!({"apiVersion": "cassandra-operator.rs/v1alpha1", "kind": "CassandraMember",
            "metadata": {"name": "orders-r1-0"},
            "spec": {"cluster": {"name": "orders", "uid": "u"}, "clusterName": "orders",
                "datacenter": "dc1", "rack": "r1", "ordinal": 0}}),
    )
    .await;
    let agent = User::service_account("default", "orders-member").of_pod("orders-r1-0-0");
    let controller = User::service_account("cassandra-operator", "cassandra-controller");
    [("agent", agent), ("controller", controller)]
        .map(|(name, user)| Api::namespaced(server.connect(name, user).client(), "default"))
}

fn applied(status: Option<serde_json::Value>) -> Patch<serde_json::Value> {
    let mut object =
        json!({"apiVersion": "cassandra-operator.rs/v1alpha1", "kind": "CassandraMember"});
    object
        .as_object_mut()
        .unwrap()
        .extend(status.map(|status| ("status".to_owned(), status)));
    Patch::Apply(object)
}

fn condition(type_: &str, reason: &str) -> serde_json::Value {
    json!({"type": type_, "status": "True", "reason": reason, "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z"})
}

#[tokio::test(start_paused = true)]
async fn agent_and_controller_each_keep_their_own_conditions_of_a_member() {
    let [agent, controller] = a_member().await;
    let waits = || {
        applied(Some(
            json!({"conditions": [condition("Waiting", "starting")]}),
        ))
    };
    let reports = || {
        applied(Some(
            json!({"state": "Ready", "nativeTransport": true, "conditions": [condition("Ready", "Serving")]}),
        ))
    };
    let tell = PatchParams::apply("cassandra-controller/waiting").force();
    let report = PatchParams::apply("member-agent");
    let told = controller
        .patch_status("orders-r1-0", &tell, &waits())
        .await
        .unwrap();
    assert_eq!(told.waiting().unwrap().rule.name(), "starting");
    let reported = agent
        .patch_status("orders-r1-0", &report, &reports())
        .await
        .unwrap();
    assert_eq!(reported.waiting(), told.waiting());
    // The same again changes nothing, whoever says it.
    for (api, params, patch) in [(&controller, &tell, waits()), (&agent, &report, reports())] {
        let again = api
            .patch_status("orders-r1-0", params, &patch)
            .await
            .unwrap();
        assert_eq!(
            again.metadata.resource_version,
            reported.metadata.resource_version
        );
    }
    let done = controller
        .patch_status("orders-r1-0", &tell, &applied(None))
        .await
        .unwrap();
    assert_eq!(done.waiting(), None);
    assert_eq!(done.status, Some(reported.status.unwrap().of_agent()));
}

#[tokio::test(start_paused = true)]
async fn neither_agent_nor_controller_writes_the_others_part_of_a_members_status() {
    let [agent, controller] = a_member().await;
    let tell = PatchParams::apply("cassandra-controller/waiting").force();
    let waits = applied(Some(
        json!({"conditions": [condition("Waiting", "starting")]}),
    ));
    controller
        .patch_status("orders-r1-0", &tell, &waits)
        .await
        .unwrap();
    let report = PatchParams::apply("member-agent").force();
    for foreign in [
        json!({"state": "Ready"}),
        json!({"conditions": [condition("Ready", "Serving")]}),
        json!({"hostId": "h"}),
    ] {
        let refused = controller
            .patch_status("orders-r1-0", &tell, &applied(Some(foreign)))
            .await;
        assert!(matches!(refused.unwrap_err(), kube::Error::Api(status) if status.code == 403));
    }
    let other = applied(Some(
        json!({"conditions": [condition("Waiting", "paused")]}),
    ));
    let refused = agent.patch_status("orders-r1-0", &report, &other).await;
    assert!(matches!(refused.unwrap_err(), kube::Error::Api(status) if status.code == 403));
    let none = Patch::Merge(json!({"status": {"conditions": []}}));
    let refused = agent
        .patch_status("orders-r1-0", &PatchParams::default(), &none)
        .await;
    assert!(matches!(refused.unwrap_err(), kube::Error::Api(status) if status.code == 403));
}
