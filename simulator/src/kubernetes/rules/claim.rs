//! Volume claims: what they ask for is fixed, but for their size once they are bound.

use cassandra_api::quantity::Quantity;
use serde_json::{Value, json};

use super::{AdmissionContext, fields_at, fill};
use crate::json::At as _;
use crate::kubernetes::refusal::Cause;

/// A claim that names no class gets the default one.
pub(super) fn admit(claim: &mut Value, context: &AdmissionContext<'_>) {
    let Some(kind) = context.storage_classes else {
        return;
    };
    let is_default = |class: &Value| {
        let annotations = class.at("/metadata/annotations");
        let flag = annotations.and_then(|a| a.get("storageclass.kubernetes.io/is-default-class"));
        flag.and_then(Value::as_str) == Some("true")
    };
    let classes = context.store.list(kind, "");
    let mut named = classes.filter(|(_, class)| is_default(class.value()));
    if let (Some((key, _)), Some(spec)) = (named.next(), fields_at(claim, "/spec")) {
        fill(spec, "storageClassName", &*key.name);
    }
}

pub(super) fn validate(claim: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if claim.at("/spec/accessModes").is_none_or(super::is_empty) {
        causes.push(Cause::required("spec.accessModes"));
    }
    match claim
        .at("/spec/resources/requests/storage")
        .and_then(Value::as_str)
    {
        None => causes.push(Cause::required("spec.resources[storage]")),
        Some(size) if size == "0" || size.starts_with('-') => {
            causes.push(Cause::invalid(
                "spec.resources[storage]",
                "must be greater than zero",
            ));
        }
        Some(_) => {}
    }
    causes
}

pub(super) fn validate_change(old: &Value, new: &Value) -> Vec<Cause> {
    let bound = old.at("/status/phase") == Some(&json!("Bound"));
    let unnamed = old.at("/spec/volumeName").is_none_or(|name| name == "");
    let classless = old.at("/spec/storageClassName").is_none();
    let unsized_spec = |claim: &Value| {
        let mut spec = claim.get("spec").cloned().unwrap_or_default();
        if bound && let Some(requests) = fields_at(&mut spec, "/resources/requests") {
            requests.remove("storage");
        }
        // The volume may be named once.
        if unnamed && let Some(fields) = spec.as_object_mut() {
            fields.remove("volumeName");
        }
        // A claim without a class may get one.
        if classless && let Some(fields) = spec.as_object_mut() {
            fields.remove("storageClassName");
        }
        spec
    };
    let mut causes = validate(new);
    if unsized_spec(old) != unsized_spec(new) {
        let message = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        causes.push(Cause::forbidden("spec", message));
    }
    if old.at("/spec/volumeMode") != new.at("/spec/volumeMode") {
        causes.push(Cause::invalid("volumeMode", "field is immutable"));
    }
    let smaller = requested(new) < requested(old);
    if smaller && requested(new) <= size(old, "/status/capacity/storage") {
        let message = "field can not be less than status.capacity";
        causes.push(Cause::forbidden("spec.resources.requests.storage", message));
    }
    causes
}

fn size(claim: &Value, at: &str) -> i128 {
    let size = claim.at(at).and_then(Value::as_str);
    size.and_then(|size| Quantity(size.to_owned()).units())
        .unwrap_or(0)
}

fn requested(claim: &Value) -> i128 {
    size(claim, "/spec/resources/requests/storage")
}

/// Whether a change asks for more.
pub(crate) fn grows(old: &Value, new: &Value) -> bool {
    requested(new) > requested(old)
}
