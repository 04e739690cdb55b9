//! A component's way to the server. It writes at once, without HTTP, but as a request like any other, so that it is
//! traced, judged by the server's rules and told to observers.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::json::At as _;
pub(super) use crate::json::text;
use crate::kubernetes::{Connection, Object, Refusal, Request, Server, User, Verb};

/// A kind, by `apiVersion` and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind(pub(super) &'static str, pub(super) &'static str);

pub(super) const POD: Kind = Kind("v1", "Pod");
pub(super) const CLAIM: Kind = Kind("v1", "PersistentVolumeClaim");
pub(super) const VOLUME: Kind = Kind("v1", "PersistentVolume");
pub(super) const NAMESPACE: Kind = Kind("v1", "Namespace");
pub(super) const NODE: Kind = Kind("v1", "Node");
pub(super) const STORAGE_CLASS: Kind = Kind("storage.k8s.io/v1", "StorageClass");
pub(super) const STATEFUL_SET: Kind = Kind("apps/v1", "StatefulSet");
pub(super) const SERVICE: Kind = Kind("v1", "Service");
pub(super) const ENDPOINT_SLICE: Kind = Kind("discovery.k8s.io/v1", "EndpointSlice");
pub(super) const BUDGET: Kind = Kind("policy/v1", "PodDisruptionBudget");

/// One component's way to the server.
#[derive(Clone)]
pub(super) struct ComponentClient {
    pub(super) server: Server,
    user: Arc<User>,
    connection: Connection,
}

impl ComponentClient {
    /// Of the component of this name.
    pub(super) fn new(server: &Server, component: &str, user: User) -> Self {
        Self {
            server: server.clone(),
            user: Arc::new(user.clone()),
            connection: server.connect(component, user),
        }
    }

    /// An object as it is.
    pub(super) fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<Arc<Object>> {
        self.server.get(kind.0, kind.1, namespace, name)
    }

    /// All objects of a kind as they are, by namespace and name.
    pub(super) fn list(&self, kind: Kind) -> Vec<Arc<Object>> {
        self.server.list(kind.0, kind.1)
    }

    /// All objects of all kinds.
    pub(super) fn everything(&self) -> Vec<Arc<Object>> {
        self.server.everything()
    }

    pub(super) fn create(&self, object: &Value) -> Result<(), Refusal> {
        self.send(Verb::Create, object, "", "", object)
    }

    /// Writes an object's status, on condition that nobody has changed the object meanwhile.
    pub(super) fn update_status(&self, object: &Value) -> Result<(), Refusal> {
        self.send(
            Verb::Update,
            object,
            text(object, "/metadata/name"),
            "status",
            object,
        )
    }

    /// Writes an object, on the same condition.
    pub(super) fn update(&self, object: &Value) -> Result<(), Refusal> {
        self.send(
            Verb::Update,
            object,
            text(object, "/metadata/name"),
            "",
            object,
        )
    }

    /// Writes a namespace's finalizers, on the same condition.
    pub(super) fn finalize(&self, namespace: &Value) -> Result<(), Refusal> {
        self.send(
            Verb::Update,
            namespace,
            text(namespace, "/metadata/name"),
            "finalize",
            namespace,
        )
    }

    /// Gives a pod a node.
    pub(super) fn bind(&self, pod: &Value, node: &str) -> Result<(), Refusal> {
        let binding = json!({
            "apiVersion": "v1",
            "kind": "Binding",
            "target": { "apiVersion": "v1", "kind": "Node", "name": node },
        });
        self.send(
            Verb::Create,
            pod,
            text(pod, "/metadata/name"),
            "binding",
            &binding,
        )
    }

    /// Deletes this very object, after the grace that it asks for or at once.
    pub(super) fn delete(&self, object: &Value, at_once: bool) -> Result<(), Refusal> {
        let mut options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": { "uid": text(object, "/metadata/uid") },
        });
        if at_once && let Some(fields) = options.as_object_mut() {
            fields.insert("gracePeriodSeconds".into(), json!(0));
        }
        self.send(
            Verb::Delete,
            object,
            text(object, "/metadata/name"),
            "",
            &options,
        )
    }

    fn send(
        &self,
        verb: Verb,
        object: &Value,
        name: &str,
        subresource: &str,
        body: &Value,
    ) -> Result<(), Refusal> {
        let resource = self.server.catalogue().of(object).cloned();
        let resource = resource.ok_or_else(Refusal::no_such_path)?;
        let namespace = text(object, "/metadata/namespace").to_owned();
        let request = Request {
            user: self.user.clone(),
            verb,
            name: name.to_owned(),
            subresource: subresource.to_owned(),
            ..Request::create(resource, namespace, body)
        };
        self.connection.act(&request)
    }
}

/// Whether an object is being deleted.
pub(super) fn is_deleted(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

/// Whether an object is controlled by the one with this UID.
pub(super) fn controller_of(object: &Value) -> &str {
    let owners = object
        .at("/metadata/ownerReferences")
        .and_then(Value::as_array);
    let mut owners = owners.into_iter().flatten();
    let controller = owners.find(|owner| owner.get("controller") == Some(&json!(true)));
    controller.map_or("", |owner| text(owner, "/uid"))
}
