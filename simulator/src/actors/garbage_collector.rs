//! The garbage collector: what is owned by nobody that lives goes. An owner that is deleted in the foreground waits for
//! what it owns; one that orphans lets it go first.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::component_client::{ComponentClient, is_deleted, text};
use crate::json::At as _;
use crate::kubernetes::{Object, User};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// As whom it works: admission policies know it by its name.
pub(super) fn user() -> User {
    let mut user = User::service_account("kube-system", "generic-garbage-collector");
    user.groups.push("system:masters".into());
    user
}

/// Looks at all objects.
pub(super) fn step(client: &ComponentClient) {
    let all = client.everything();
    let keeping: BTreeSet<_> = all
        .iter()
        .map(|object| object.value())
        .filter(|object| !has_finalizer(object, FOREGROUND))
        .map(|object| text(object, "/metadata/uid"))
        .collect();
    for object in &all {
        let object = object.value();
        if has_finalizer(object, ORPHAN) {
            orphan(client, &all, object);
        } else if has_finalizer(object, FOREGROUND) {
            wait_for_dependents(client, &all, object);
        }
        if !is_deleted(object) && is_garbage(&keeping, object) {
            drop(client.delete(object, false));
        }
    }
}

fn has_finalizer(object: &Value, name: &str) -> bool {
    let finalizers = object.at("/metadata/finalizers").and_then(Value::as_array);
    is_deleted(object) && finalizers.is_some_and(|all| all.iter().any(|one| one == name))
}

fn owners(object: &Value) -> &[Value] {
    let owners = object
        .at("/metadata/ownerReferences")
        .and_then(Value::as_array);
    owners.map_or(&[], Vec::as_slice)
}

fn owns(owner: &Value, object: &Value) -> bool {
    owners(object)
        .iter()
        .any(|reference| text(reference, "/uid") == text(owner, "/metadata/uid"))
}

/// Whether an object has owners and none of them is there, or those that are wait for it to go.
fn is_garbage(keeping: &BTreeSet<&str>, object: &Value) -> bool {
    let owners = owners(object);
    !owners.is_empty()
        && !owners
            .iter()
            .any(|owner| keeping.contains(text(owner, "/uid")))
}

fn wait_for_dependents(client: &ComponentClient, all: &[Arc<Object>], owner: &Value) {
    let blocks = |object: &Value| {
        let blocking = |reference: &Value| {
            text(reference, "/uid") == text(owner, "/metadata/uid")
                && reference.get("blockOwnerDeletion") == Some(&json!(true))
        };
        owners(object).iter().any(blocking)
    };
    if !all.iter().any(|object| blocks(object.value())) {
        without_finalizer(client, owner, FOREGROUND);
    }
}

fn orphan(client: &ComponentClient, all: &[Arc<Object>], owner: &Value) {
    for object in all
        .iter()
        .map(|object| object.value())
        .filter(|object| owns(owner, object))
    {
        let mut free = object.clone();
        if let Some(references) = free
            .pointer_mut("/metadata/ownerReferences")
            .and_then(Value::as_array_mut)
        {
            references.retain(|reference| text(reference, "/uid") != text(owner, "/metadata/uid"));
        }
        drop(client.update(&free));
    }
    without_finalizer(client, owner, ORPHAN);
}

fn without_finalizer(client: &ComponentClient, object: &Value, name: &str) {
    let mut free = object.clone();
    if let Some(finalizers) = free
        .pointer_mut("/metadata/finalizers")
        .and_then(Value::as_array_mut)
    {
        finalizers.retain(|finalizer| finalizer != name);
    }
    drop(client.update(&free));
}
