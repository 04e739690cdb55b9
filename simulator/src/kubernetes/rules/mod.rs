//! What is particular to a kind: defaults, what the server sets at creation, what may not change.
//!
//! Only as far as the operator's objects and the conformance sequences see it.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "of many kinds few are particular"
)]

mod claim;
mod defaults;
mod names;
mod pod;
mod selecting;
mod service;
mod small;
mod stateful_set;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

pub(crate) use claim::grows;
pub(crate) use names::{metadata, metadata_change};
pub(crate) use selecting::{is_ready, selects};

use super::{catalogue::Family, refusal::Cause, store::Store};
use crate::json::At as _;

/// What is there besides the object.
pub(crate) struct AdmissionContext<'a> {
    pub(crate) store: &'a Store,
    pub(crate) storage_classes: Option<u16>,
}

/// Adds the defaults of decoding. The object is complete but for them.
pub(crate) fn default(family: Family, object: &mut Value) {
    match family {
        Family::Pod => pod::default_pod(object),
        Family::Service => service::default(object),
        Family::StatefulSet => stateful_set::default(object),
        Family::Namespace => small::default_namespace(object),
        Family::RoleBinding | Family::ClusterRoleBinding => small::default_binding(object),
        _ => {}
    }
    defaults::add(family, object);
}

/// What mutating admission adds to a new object.
pub(crate) fn admit(family: Family, object: &mut Value, context: &AdmissionContext<'_>) {
    match family {
        Family::Pod => pod::admit(object),
        Family::PersistentVolumeClaim => {
            claim::admit(object, context);
            finalizer(object, "kubernetes.io/pvc-protection");
        }
        Family::PersistentVolume => finalizer(object, "kubernetes.io/pv-protection"),
        _ => {}
    }
}

/// What mutating admission adds to a changed object.
pub(crate) fn admit_change(family: Family, old: &Value, object: &mut Value) {
    if family == Family::Pod {
        for field in ["priority", "preemptionPolicy"] {
            if let Some(value) = old.at(&format!("/spec/{field}")) {
                fill_at(object, "/spec", field, value.clone());
            }
        }
        pod::tolerate(object);
    }
}

/// What the server sets in a new object, whatever was sent. The causes are what it can't give.
pub(crate) fn prepare_create(
    family: Family,
    object: &mut Value,
    addresses: &mut u32,
    taken: &BTreeSet<String>,
) -> Vec<Cause> {
    match family {
        Family::Pod => pod::prepare_create(object),
        Family::Service => {
            reset_status(object, json!({"loadBalancer": {}}));
            return service::allocate(object, addresses, taken);
        }
        Family::StatefulSet => {
            reset_status(object, json!({"replicas": 0, "availableReplicas": 0}));
        }
        Family::PersistentVolumeClaim | Family::PersistentVolume => {
            reset_status(object, json!({"phase": "Pending"}));
        }
        Family::Namespace => small::prepare_namespace(object),
        Family::PodDisruptionBudget => {
            let zero = json!({"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0});
            reset_status(object, zero);
        }
        Family::ValidatingAdmissionPolicy => reset_status(object, json!({})),
        _ => {}
    }
    Vec::new()
}

fn reset_status(object: &mut Value, status: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert("status".into(), status);
    }
}

/// What the server keeps of the old object.
pub(crate) fn prepare_update(family: Family, old: &Value, new: &mut Value, status: bool) {
    match (family, status) {
        (Family::Service, false) => service::keep(old, new),
        (Family::Pod, true) => pod::keep_on_status(old, new),
        (Family::Namespace, false) => take_over(old, new, "spec"),
        _ => {}
    }
}

/// Whether the change counts in `metadata.generation`.
pub(crate) fn is_counted(family: Family, old: &Value, new: &Value) -> bool {
    if family == Family::EndpointSlice {
        let content = |object: &Value| {
            let mut content = object.clone();
            content
                .as_object_mut()
                .and_then(|fields| fields.remove("metadata"));
            content
        };
        let labels = |object: &Value| object.at("/metadata/labels").cloned();
        return content(old) != content(new) || labels(old) != labels(new);
    }
    old.get("spec") != new.get("spec")
}

/// Takes a field over from the old object.
pub(crate) fn take_over(old: &Value, new: &mut Value, field: &str) {
    let Some(fields) = new.as_object_mut() else {
        return;
    };
    match old.get(field) {
        Some(kept) => fields.insert(field.into(), kept.clone()),
        None => fields.remove(field),
    };
}

/// What is wrong with a new object.
pub(crate) fn validate(family: Family, object: &Value) -> Vec<Cause> {
    match family {
        Family::Pod => pod::validate(object, "spec"),
        Family::Service => service::validate(object),
        Family::StatefulSet => stateful_set::validate(object),
        Family::PersistentVolumeClaim => claim::validate(object),
        Family::PodDisruptionBudget => small::validate_budget(object),
        Family::Role | Family::ClusterRole => small::validate_role(object),
        Family::RoleBinding | Family::ClusterRoleBinding => small::validate_binding(object),
        Family::Lease => small::validate_lease(object),
        Family::ConfigMap => small::validate_config_map(object),
        _ => Vec::new(),
    }
}

/// What is wrong with a change.
pub(crate) fn validate_change(family: Family, old: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = match family {
        // Those have rules of their own for changes.
        Family::Pod | Family::PersistentVolumeClaim | Family::StatefulSet => Vec::new(),
        _ => validate(family, new),
    };
    causes.extend(match family {
        Family::Pod => pod::validate_change(old, new),
        Family::Service => service::validate_change(old, new),
        Family::StatefulSet => stateful_set::validate_change(old, new),
        Family::PersistentVolumeClaim => claim::validate_change(old, new),
        Family::RoleBinding | Family::ClusterRoleBinding => {
            small::validate_role_reference(old, new)
        }
        Family::ConfigMap | Family::Secret => small::validate_immutable(old, new),
        _ => Vec::new(),
    });
    causes
}

/// Whether there is nothing in a value.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// The fields below a path.
fn fields_at<'a>(object: &'a mut Value, pointer: &str) -> Option<&'a mut Map<String, Value>> {
    object.pointer_mut(pointer)?.as_object_mut()
}

/// The elements below a path.
fn elements_at<'a>(object: &'a mut Value, pointer: &str) -> impl Iterator<Item = &'a mut Value> {
    object
        .pointer_mut(pointer)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

/// Sets a field that is not there.
fn fill(fields: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    if fields.get(name).is_none_or(Value::is_null) {
        fields.insert(name.to_owned(), value.into());
    }
}

/// Sets a field below a path that is not there.
fn fill_at(object: &mut Value, pointer: &str, name: &str, value: impl Into<Value>) {
    if let Some(fields) = fields_at(object, pointer) {
        fill(fields, name, value);
    }
}

fn finalizer(object: &mut Value, name: &str) {
    let Some(metadata) = fields_at(object, "/metadata") else {
        return;
    };
    let list = metadata.entry("finalizers").or_insert_with(|| json!([]));
    if let Some(list) = list.as_array_mut()
        && !list.contains(&json!(name))
    {
        list.push(json!(name));
    }
}
