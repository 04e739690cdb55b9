//! The namespace controller: empties a namespace that is deleted, and lets it go when nothing is left in it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Value, json};

use super::component_client::{ComponentClient, NAMESPACE, is_deleted, text};
use crate::kubernetes::User;

/// As whom it works: admission policies know it by its name.
pub(super) fn user() -> User {
    User::service_account("kube-system", "namespace-controller")
}

/// Looks at all namespaces. Whether one of them is on its way out.
pub(super) fn step(client: &ComponentClient) -> bool {
    let all = client.list(NAMESPACE);
    let deleted = all.iter().map(|namespace| namespace.value());
    let deleted: Vec<_> = deleted.filter(|namespace| is_deleted(namespace)).collect();
    for namespace in &deleted {
        empty(client, namespace);
    }
    !deleted.is_empty()
}

/// Pods go first, and nothing else while there are any. Then one kind at each look, so that others get in between, in
/// an order that is by chance, as it is with the real one.
fn empty(client: &ComponentClient, namespace: &Value) {
    let all = client.everything();
    let content = all.iter().map(|object| object.value());
    let content = content
        .filter(|object| text(object, "/metadata/namespace") == text(namespace, "/metadata/name"));
    let content: Vec<_> = content.collect();
    if content.is_empty() {
        let mut empty = namespace.clone();
        empty["spec"]["finalizers"] = json!([]);
        return drop(client.finalize(&empty));
    }
    let order = |object: &&Value| {
        let mut hasher = DefaultHasher::new();
        (text(namespace, "/metadata/uid"), text(object, "/kind")).hash(&mut hasher);
        hasher.finish()
    };
    let left = || content.iter().copied().filter(|object| !is_deleted(object));
    let next = if content.iter().any(|object| text(object, "/kind") == "Pod") {
        Some("Pod")
    } else {
        left().min_by_key(order).map(|object| text(object, "/kind"))
    };
    for object in left().filter(|object| Some(text(object, "/kind")) == next) {
        drop(client.delete(object, false));
    }
}
