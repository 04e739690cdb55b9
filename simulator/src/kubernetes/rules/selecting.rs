//! Label selectors of objects, and whether a pod is ready.

use serde_json::{Value, json};

use crate::json::At as _;

/// Whether a `LabelSelector` means the object. An empty one means all.
pub(crate) fn selects(selector: &Value, object: &Value) -> bool {
    let label = |name: &str| object.at("/metadata/labels")?.get(name)?.as_str();
    let equal = selector
        .get("matchLabels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let by_labels = equal
        .into_iter()
        .all(|(name, value)| label(name) == value.as_str());
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    by_labels
        && expressions.into_iter().flatten().all(|expression| {
            let name = expression
                .get("key")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let values = expression.get("values").and_then(Value::as_array);
            let listed = |found: &str| values.is_some_and(|values| values.contains(&json!(found)));
            match expression.get("operator").and_then(Value::as_str) {
                Some("In") => label(name).is_some_and(listed),
                Some("NotIn") => !label(name).is_some_and(listed),
                Some("Exists") => label(name).is_some(),
                Some("DoesNotExist") => label(name).is_none(),
                _ => false,
            }
        })
}

/// Whether a pod says that it is ready.
pub(crate) fn is_ready(pod: &Value) -> bool {
    let conditions = pod.at("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        condition.get("type") == Some(&json!("Ready"))
            && condition.get("status") == Some(&json!("True"))
    })
}
