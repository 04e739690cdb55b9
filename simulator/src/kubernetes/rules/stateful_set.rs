//! StatefulSets.

use serde_json::{Value, json};

use super::{fields_at, fill_at, pod, selects};
use crate::json::At as _;
use crate::kubernetes::refusal::Cause;

/// What a StatefulSet's defaults make of other fields.
pub(super) fn default(set: &mut Value) {
    pod::default_spec(set, "/spec/template/spec");
    let Some(spec) = fields_at(set, "/spec") else {
        return;
    };
    let strategy = spec.entry("updateStrategy").or_insert_with(|| json!({}));
    if strategy.get("type").is_none_or(super::is_empty) {
        fill_at(strategy, "", "type", "RollingUpdate");
        fill_at(strategy, "", "rollingUpdate", json!({}));
    }
    if strategy.get("type") == Some(&json!("RollingUpdate")) {
        fill_at(strategy, "/rollingUpdate", "partition", 0);
    }
}

pub(super) fn validate(set: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = set.get("spec").cloned().unwrap_or_default();
    let selector = spec.get("selector").filter(|selector| !selector.is_null());
    match selector {
        None => {
            causes.push(Cause::required("spec.selector"));
            causes.push(Cause::invalid(
                "spec.template.metadata.labels",
                "`selector` does not match template `labels`",
            ));
        }
        Some(selector) if super::is_empty(selector) => {
            causes.push(Cause::invalid(
                "spec.selector",
                "empty selector is invalid for statefulset",
            ));
        }
        Some(selector) => {
            if !selects(selector, spec.get("template").unwrap_or(&Value::Null)) {
                let path = "spec.template.metadata.labels";
                causes.push(Cause::invalid(
                    path,
                    "`selector` does not match template `labels`",
                ));
            }
        }
    }
    causes.extend(pod::validate(set, "spec.template.spec"));
    causes.extend(at_least_nothing(&spec));
    let strategy = |field: &str| spec.at(&format!("/updateStrategy/{field}"));
    if strategy("type") == Some(&json!("OnDelete")) && strategy("rollingUpdate").is_some() {
        let message = "only allowed for updateStrategy 'RollingUpdate'";
        causes.push(Cause::invalid("spec.updateStrategy.rollingUpdate", message));
    }
    let policy = spec
        .at("/template/spec/restartPolicy")
        .and_then(Value::as_str);
    if let Some(policy) = policy.filter(|policy| *policy != "Always") {
        causes.push(Cause::unsupported(
            "spec.template.spec.restartPolicy",
            policy,
        ));
    }
    causes
}

fn at_least_nothing(spec: &Value) -> Option<Cause> {
    let replicas = spec.get("replicas").and_then(Value::as_i64).unwrap_or(0);
    let message = "must be greater than or equal to 0";
    (replicas < 0).then(|| Cause::invalid("spec.replicas", message))
}

/// What may change.
const FREE: &[&str] = &[
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

pub(super) fn validate_change(old: &Value, new: &Value) -> Vec<Cause> {
    let fixed = |set: &Value| {
        let mut spec = set.get("spec").cloned().unwrap_or_default();
        if let Some(spec) = spec.as_object_mut() {
            spec.retain(|name, _| !FREE.contains(&name.as_str()));
        }
        spec
    };
    let mut causes = validate(new);
    if fixed(old) != fixed(new) {
        let message = format!(
            "updates to statefulset spec for fields other than {} are forbidden",
            FREE.join(", ")
        );
        causes.push(Cause::forbidden("spec", &message));
    }
    causes
}
