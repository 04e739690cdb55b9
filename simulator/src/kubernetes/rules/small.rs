//! Kinds with a rule or two.

use serde_json::{Value, json};

use super::{elements_at, fields_at, fill_at, is_empty};
use crate::json::At as _;
use crate::kubernetes::refusal::Cause;

const RBAC: &str = "rbac.authorization.k8s.io";

pub(super) fn default_namespace(namespace: &mut Value) {
    let name = namespace.at("/metadata/name").cloned();
    if let (Some(name), Some(metadata)) = (name, fields_at(namespace, "/metadata")) {
        let labels = metadata.entry("labels").or_insert_with(|| json!({}));
        if let Some(labels) = labels.as_object_mut() {
            labels.insert("kubernetes.io/metadata.name".into(), name);
        }
    }
}

pub(super) fn prepare_namespace(namespace: &mut Value) {
    if let Some(fields) = namespace.as_object_mut() {
        fields.insert("status".into(), json!({"phase": "Active"}));
        fields.insert("spec".into(), json!({"finalizers": ["kubernetes"]}));
    }
}

pub(super) fn default_binding(binding: &mut Value) {
    let group = binding.at("/roleRef/apiGroup");
    if group.is_none_or(is_empty)
        && let Some(reference) = fields_at(binding, "/roleRef")
    {
        reference.insert("apiGroup".into(), json!(RBAC));
    }
    for subject in elements_at(binding, "/subjects") {
        if subject.get("kind").and_then(Value::as_str) != Some("ServiceAccount") {
            fill_at(subject, "", "apiGroup", RBAC);
        }
    }
}

pub(super) fn validate_budget(budget: &Value) -> Vec<Cause> {
    let has = |field: &str| budget.at(&format!("/spec/{field}")).is_some();
    let both = has("minAvailable") && has("maxUnavailable");
    let message = "minAvailable and maxUnavailable cannot be both set";
    both.then(|| Cause::invalid("spec", message))
        .into_iter()
        .collect()
}

pub(super) fn validate_role(role: &Value) -> Vec<Cause> {
    let rules = role
        .get("rules")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let each = rules.enumerate().flat_map(|(index, rule)| {
        let missing = |field: &str| rule.get(field).is_none_or(is_empty);
        let urls = !missing("nonResourceURLs");
        let mut causes = Vec::new();
        if missing("verbs") {
            causes.push(Cause::required(&format!("rules[{index}].verbs")));
        }
        if !urls && missing("apiGroups") {
            causes.push(Cause::required(&format!("rules[{index}].apiGroups")));
        }
        if !urls && missing("resources") {
            causes.push(Cause::required(&format!("rules[{index}].resources")));
        }
        causes
    });
    each.collect()
}

pub(super) fn validate_binding(binding: &Value) -> Vec<Cause> {
    let text = |field: &str| {
        let found = binding.at(&format!("/roleRef/{field}"));
        found.and_then(Value::as_str).unwrap_or_default()
    };
    let mut causes = Vec::new();
    if !["Role", "ClusterRole"].contains(&text("kind")) {
        causes.push(Cause::unsupported("roleRef.kind", text("kind")));
    }
    if text("name").is_empty() {
        causes.push(Cause::required("roleRef.name"));
    }
    causes
}

pub(super) fn validate_role_reference(old: &Value, new: &Value) -> Vec<Cause> {
    let changed = old.get("roleRef") != new.get("roleRef");
    changed
        .then(|| Cause::invalid("roleRef", "cannot change roleRef"))
        .into_iter()
        .collect()
}

pub(super) fn validate_lease(lease: &Value) -> Vec<Cause> {
    let number = |field: &str| lease.at(&format!("/spec/{field}")).and_then(Value::as_i64);
    let mut causes = Vec::new();
    if number("leaseDurationSeconds").is_some_and(|seconds| seconds <= 0) {
        causes.push(Cause::invalid(
            "spec.leaseDurationSeconds",
            "must be greater than 0",
        ));
    }
    if number("leaseTransitions").is_some_and(|count| count < 0) {
        causes.push(Cause::invalid(
            "spec.leaseTransitions",
            "must be greater than or equal to 0",
        ));
    }
    causes
}

pub(super) fn validate_config_map(map: &Value) -> Vec<Cause> {
    let keys = |field: &str| map.get(field).and_then(Value::as_object);
    let data = keys("data").into_iter().flatten();
    let both =
        data.filter(|(key, _)| keys("binaryData").is_some_and(|other| other.contains_key(*key)));
    let message = "duplicate of key present in binaryData";
    both.map(|(key, _)| Cause::invalid(&format!("data[{key}]"), message))
        .collect()
}

pub(super) fn validate_immutable(old: &Value, new: &Value) -> Vec<Cause> {
    if old.get("immutable") != Some(&json!(true)) {
        return Vec::new();
    }
    let message = "field is immutable when `immutable` is set";
    let mut fields = vec!["immutable", "data"];
    if old.get("kind") == Some(&json!("ConfigMap")) {
        fields.push("binaryData");
    }
    let changed = fields
        .into_iter()
        .filter(|field| old.get(field) != new.get(field));
    changed
        .map(|field| Cause::forbidden(field, message))
        .collect()
}
