//! The CEL rules of the generated schema, one by one: what each lets through and what it refuses.
//! Bounds (`minItems`, `maximum`, `enum`) are no CEL; `definitions.rs` looks at them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod cluster;
mod member;
mod owned;
mod words;

use std::{collections::BTreeMap, sync::LazyLock};

use cassandra_api::v1alpha1::definitions;
use kube_cel::{CompiledSchema, Validator, compile_schema};
use serde_json::Value;

/// The rules of each kind, compiled once.
static RULES: LazyLock<BTreeMap<String, CompiledSchema>> = LazyLock::new(|| {
    let compiled = definitions().into_iter().map(|definition| {
        let kind = definition.spec.names.kind.clone();
        let mut value = serde_json::to_value(definition).unwrap();
        escape_as_kube_cel_does(&mut value);
        let schema = &value["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        (kind, compile_schema(schema))
    });
    compiled.collect()
});

/// The messages with which an API server would refuse the object, for an update if there is an old one.
fn refusals(object: &Value, old: Option<&Value>) -> Vec<String> {
    let rules = &RULES[object["kind"].as_str().unwrap()];
    assert!(!rules.has_errors(), "{:?}", rules.compilation_errors());
    let outcome = Validator::new().validate_compiled(rules, object, old);
    outcome.err().map_or_else(Vec::new, |errors| {
        errors
            .into_vec()
            .into_iter()
            .map(|error| error.message)
            .collect()
    })
}

/// kube-cel 0.8 doubles each underscore in the name of a field; an API server does not. So the rules about
/// settings of cassandra.yaml are told in kube-cel's spelling.
fn escape_as_kube_cel_does(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(rule)) = map.get_mut("rule")
                && rule.starts_with("!has(self.")
                && rule.contains('_')
            {
                *rule = rule.replace('_', "__");
            }
            map.values_mut().for_each(escape_as_kube_cel_does);
        }
        Value::Array(list) => list.iter_mut().for_each(escape_as_kube_cel_does),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The schema of the cluster's field at this pointer.
fn schema_at(pointer: &str) -> Value {
    let definition = serde_json::to_value(definitions().remove(0)).unwrap();
    let mut schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    for field in pointer.split('/').skip(1) {
        schema = &schema["properties"][field];
    }
    schema.clone()
}

/// The object with a JSON value put at a pointer; null removes it.
fn with(object: &Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let mut object = object.clone();
    let parent = object.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(map), Value::Null) => drop(map.remove(key)),
        (Value::Object(map), value) => drop(map.insert(key.into(), value)),
        (Value::Array(list), value) => {
            let index: usize = key.parse().unwrap();
            list.splice(index.min(list.len())..(index + 1).min(list.len()), [value]);
        }
        (other, _) => unreachable!("{other} has no fields"),
    }
    object
}

#[track_caller]
fn accepted(object: &Value) {
    assert_eq!(refusals(object, None), [""; 0]);
}

#[track_caller]
fn refused(object: &Value, message: &str) {
    let found = refusals(object, None);
    assert!(
        found.len() == 1 && found.iter().any(|m| m.contains(message)),
        "{found:?}"
    );
}

#[track_caller]
fn change_accepted(old: &Value, new: &Value) {
    assert_eq!(refusals(new, Some(old)), [""; 0]);
}

#[track_caller]
fn change_refused(old: &Value, new: &Value, message: &str) {
    let found = refusals(new, Some(old));
    assert!(
        !found.is_empty() && found.iter().all(|m| m.contains(message)),
        "{found:?}"
    );
}
