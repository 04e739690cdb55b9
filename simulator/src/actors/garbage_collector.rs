//! Deletes what has lost its owners, as Kubernetes' own collector does: in the background, in the foreground, or not
//! at all where dependents are to be orphaned. An owner that never was counts as lost.
//!
//! It looks at what is stored and writes by requests, as the service account that it has in Kubernetes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kube::{
    Api, Client,
    api::{
        ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams,
        Preconditions,
    },
};
use serde_json::{Value, json};

use crate::kubernetes::{Object, Server, User};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// The garbage collector.
pub struct GarbageCollector {
    server: Server,
    client: Client,
    delay: Duration,
}

/// What is to be done about one object.
#[derive(Clone, Debug, PartialEq)]
enum Task {
    Delete {
        foreground: bool,
    },
    /// Only these references are kept.
    Keep(Vec<Value>),
    /// The finalizer has done its work.
    Finish(&'static str),
}

impl GarbageCollector {
    /// A collector that looks this long after each change.
    pub fn new(server: &Server, delay: Duration) -> Self {
        let user = User::service_account("kube-system", "generic-garbage-collector");
        Self {
            client: server.connect("garbage-collector", user).client(),
            server: server.clone(),
            delay,
        }
    }

    /// Collects for ever.
    pub async fn run(self) {
        let mut changes = self.server.changes();
        loop {
            changes.borrow_and_update();
            tokio::time::sleep(self.delay).await;
            self.collect().await;
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Looks once at everything. What fails is tried again at the next change.
    pub async fn collect(&self) {
        let objects: Vec<_> = self
            .server
            .read(|store| store.all().map(|(_, object)| object.clone()).collect());
        let graph = Graph::of(&objects);
        for object in &objects {
            if let Some(task) = graph.task(object.value()) {
                // A refusal is seen in the trace; the object stays as it is.
                let _ = self.carry_out(object.value(), task).await;
            }
        }
    }

    async fn carry_out(&self, object: &Value, task: Task) -> kube::Result<()> {
        let (group, version) = text(object, "/apiVersion")
            .split_once('/')
            .unwrap_or_else(|| ("", text(object, "/apiVersion")));
        let kind = GroupVersionKind::gvk(group, version, text(object, "/kind"));
        let Some(resource) = self.server.catalogue().of(object) else {
            return Ok(());
        };
        let resource = ApiResource::from_gvk_with_plural(&kind, &resource.plural);
        let namespace = text(object, "/metadata/namespace");
        let api: Api<DynamicObject> = if namespace.is_empty() {
            Api::all_with(self.client.clone(), &resource)
        } else {
            Api::namespaced_with(self.client.clone(), namespace, &resource)
        };
        let (name, uid) = (
            text(object, "/metadata/name"),
            text(object, "/metadata/uid"),
        );
        let patch = match task {
            Task::Delete { foreground } => {
                let params = if foreground {
                    DeleteParams::foreground()
                } else {
                    DeleteParams::background()
                };
                let params = params.preconditions(Preconditions {
                    uid: Some(uid.to_owned()),
                    resource_version: Some(text(object, "/metadata/resourceVersion").to_owned()),
                });
                return api.delete(name, &params).await.map(drop);
            }
            Task::Keep(references) => {
                json!({"metadata": {"uid": uid, "ownerReferences": references}})
            }
            Task::Finish(finalizer) => {
                let kept: Vec<_> = list(object, "/metadata/finalizers")
                    .iter()
                    .filter(|f| **f != finalizer)
                    .collect();
                json!({"metadata": {"uid": uid, "finalizers": kept,
                    "resourceVersion": text(object, "/metadata/resourceVersion")}})
            }
        };
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .map(drop)
    }
}

/// Who owns whom.
struct Graph<'a> {
    by_uid: BTreeMap<&'a str, &'a Value>,
    dependents: BTreeMap<&'a str, Vec<&'a Value>>,
}

impl<'a> Graph<'a> {
    fn of(objects: &'a [Arc<Object>]) -> Self {
        let mut graph = Self {
            by_uid: BTreeMap::new(),
            dependents: BTreeMap::new(),
        };
        for object in objects {
            let object = object.value();
            graph.by_uid.insert(text(object, "/metadata/uid"), object);
            for reference in list(object, "/metadata/ownerReferences") {
                graph
                    .dependents
                    .entry(text(reference, "/uid"))
                    .or_default()
                    .push(object);
            }
        }
        graph
    }

    /// The owner that a reference means: of that name and UID, in the same namespace or in none.
    fn owner(&self, object: &Value, reference: &Value) -> Option<&'a Value> {
        let owner = *self.by_uid.get(text(reference, "/uid"))?;
        let namespace = text(owner, "/metadata/namespace");
        let near = namespace.is_empty() || namespace == text(object, "/metadata/namespace");
        let same = ["/name", "/kind"]
            .into_iter()
            .zip(["/metadata/name", "/kind"]);
        let same = same
            .into_iter()
            .all(|(said, found)| text(reference, said) == text(owner, found));
        (near && same).then_some(owner)
    }

    fn task(&self, object: &Value) -> Option<Task> {
        if is_deleting(object) && has_finalizer(object, ORPHAN) {
            return self.orphan(object);
        }
        if is_deleting(object) && has_finalizer(object, FOREGROUND) {
            return (!self.is_blocked(object)).then_some(Task::Finish(FOREGROUND));
        }
        let references = list(object, "/metadata/ownerReferences");
        if references.is_empty() || is_deleting(object) {
            return None;
        }
        let mut kept = Vec::new();
        let (mut waited_for, mut orphaned) = (false, false);
        for reference in references {
            match self.owner(object, reference) {
                Some(owner) if is_deleting(owner) && has_finalizer(owner, FOREGROUND) => {
                    waited_for = true;
                }
                Some(owner) if is_deleting(owner) && has_finalizer(owner, ORPHAN) => {
                    orphaned = true;
                }
                Some(_) => kept.push(reference.clone()),
                None => {}
            }
        }
        if orphaned {
            return Some(Task::Keep(kept));
        }
        if kept.is_empty() {
            let foreground = waited_for && self.is_blocked(object);
            return Some(Task::Delete { foreground });
        }
        (kept.len() < references.len()).then_some(Task::Keep(kept))
    }

    /// Whether somebody who depends on it keeps it from going.
    fn is_blocked(&self, object: &Value) -> bool {
        let uid = text(object, "/metadata/uid");
        let dependents = self.dependents.get(uid).into_iter().flatten();
        dependents.into_iter().any(|dependent| {
            let references = list(dependent, "/metadata/ownerReferences").iter();
            references.into_iter().any(|reference| {
                text(reference, "/uid") == uid
                    && reference.get("blockOwnerDeletion") == Some(&json!(true))
            })
        })
    }

    /// The finalizer goes when nobody refers to the object any more.
    fn orphan(&self, object: &Value) -> Option<Task> {
        let uid = text(object, "/metadata/uid");
        self.dependents
            .get(uid)
            .is_none_or(Vec::is_empty)
            .then_some(Task::Finish(ORPHAN))
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn is_deleting(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

fn has_finalizer(object: &Value, name: &str) -> bool {
    list(object, "/metadata/finalizers").contains(&json!(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::Options;

    fn map(name: &str, owner: Option<&str>) -> Value {
        let owners: Vec<_> = owner
            .into_iter()
            .map(|uid| json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid, "blockOwnerDeletion": true}))
            .collect();
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "default", "ownerReferences": owners}})
    }

    fn is_there(server: &Server, name: &str) -> bool {
        server.get("v1", "ConfigMap", "default", name).is_some()
    }

    /// An owner, what depends on it, and the collector.
    fn family() -> (Server, GarbageCollector, Api<DynamicObject>) {
        let server = Server::new(Options::default());
        server.put(map("owner", None));
        let owner = server.get("v1", "ConfigMap", "default", "owner").unwrap();
        let uid = text(owner.value(), "/metadata/uid").to_owned();
        server.put(map("child", Some(&uid)));
        let collector = GarbageCollector::new(&server, Duration::ZERO);
        let client = server.connect("user", User::administrator()).client();
        let kind = ApiResource::from_gvk_with_plural(
            &GroupVersionKind::gvk("", "v1", "ConfigMap"),
            "configmaps",
        );
        let api = Api::namespaced_with(client, "default", &kind);
        (server, collector, api)
    }

    #[tokio::test]
    async fn in_the_background_the_owner_goes_first() {
        let (server, collector, api) = family();
        collector.collect().await;
        assert!(is_there(&server, "child"));
        api.delete("owner", &DeleteParams::background())
            .await
            .unwrap();
        assert!(!is_there(&server, "owner") && is_there(&server, "child"));
        collector.collect().await;
        assert!(!is_there(&server, "child"));
    }

    #[tokio::test]
    async fn in_the_foreground_the_dependents_go_first() {
        let (server, collector, api) = family();
        api.delete("owner", &DeleteParams::foreground())
            .await
            .unwrap();
        assert!(is_there(&server, "owner"));
        collector.collect().await;
        assert!(is_there(&server, "owner") && !is_there(&server, "child"));
        collector.collect().await;
        assert!(!is_there(&server, "owner"));
    }

    #[tokio::test]
    async fn orphans_stay() {
        let (server, collector, api) = family();
        api.delete("owner", &DeleteParams::orphan()).await.unwrap();
        collector.collect().await;
        collector.collect().await;
        assert!(!is_there(&server, "owner"));
        let child = server.get("v1", "ConfigMap", "default", "child").unwrap();
        assert!(list(child.value(), "/metadata/ownerReferences").is_empty());
    }

    #[tokio::test]
    async fn who_names_an_owner_that_never_was_is_collected() {
        let (server, collector, _) = family();
        server.put(map("stray", Some("00000000-0000-0000-0000-000000000000")));
        collector.collect().await;
        assert!(!is_there(&server, "stray") && is_there(&server, "child"));
    }
}
