//! Which of an object's fields a policy looks at. What is given to CEL is copied more than once, and most of an object is
//! of no interest to a policy: its `managedFields` above all.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use regex::Regex;
use serde_json::{Map, Value, json};

/// A field of an object, its presence or the field below it, as an expression names them.
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?<has>has\()?\b\w+\.\??(?<field>metadata|spec|status)\b(?<end>\)|\.\??(?<below>\w+)(?<call>\s*\()?)?").ok()
});

/// What of an object's fields a policy looks at: of these, only the fields below them that it names. All others are
/// looked at as a whole.
#[derive(Debug, Default)]
pub(super) struct LooksAt(BTreeMap<&'static str, BTreeSet<String>>);

impl LooksAt {
    /// What this policy's spec names.
    pub(super) fn of(spec: &Value) -> Self {
        let mut looks_at: BTreeMap<_, _> = ["metadata", "spec", "status"]
            .map(|field| (field, BTreeSet::new()))
            .into();
        let mut texts = Vec::new();
        expressions(spec, &mut texts);
        let Some(named) = NAMED.as_ref() else {
            return Self::default();
        };
        for found in texts.iter().flat_map(|text| named.captures_iter(text)) {
            let field = found.name("field").map_or("", |field| field.as_str());
            match (found.name("below"), found.name("end"), found.name("has")) {
                (Some(below), _, _) if found.name("call").is_none() => {
                    if let Some(fields) = looks_at.get_mut(field) {
                        fields.insert(below.as_str().to_owned());
                    }
                }
                // Whether it is there.
                (None, Some(_), Some(_)) => {}
                // All of it, as `all(…)` does too.
                _ => drop(looks_at.remove(field)),
            }
        }
        Self(looks_at)
    }

    /// What the policy sees of an object. It sees no `managedFields`, which none of ours looks at.
    ///
    /// cel 0.13 fails at `.?field` of an absent field, where it should say that there is none. So those of our
    /// policies' fields that may be absent are there, and empty.
    pub(super) fn visible(&self, object: &Value) -> Value {
        let mut seen = Map::new();
        for (name, value) in object.as_object().into_iter().flatten() {
            let below = self.0.get(name.as_str());
            let value = match value.as_object() {
                Some(fields) => {
                    let is_seen = |field: &String| {
                        below.is_none_or(|below| below.contains(field)) && field != "managedFields"
                    };
                    let fields = fields.iter().filter(|(field, _)| is_seen(field));
                    fields
                        .map(|(field, value)| (field.clone(), value.clone()))
                        .collect()
                }
                None => value.clone(),
            };
            seen.insert(name.clone(), value);
        }
        let mut object = Value::Object(seen);
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            for name in ["labels", "annotations"] {
                metadata.entry(name).or_insert_with(|| json!({}));
            }
        }
        object
    }
}

/// All expressions of a policy.
fn expressions<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value
                    .as_str()
                    .filter(|_| name.to_lowercase().ends_with("expression"))
                {
                    Some(expression) => into.push(expression),
                    None => expressions(value, into),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| expressions(value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(expression: &str, object: &Value) -> Value {
        let spec = json!({"validations": [{"expression": expression}]});
        LooksAt::of(&spec).visible(object)
    }

    #[test]
    fn a_policy_sees_what_it_names() {
        let object = json!({"kind": "X", "spec": {"a": 1, "b": 2}, "status": {"c": 3}});
        for (expression, expected) in [
            ("object.spec.a == 1", json!({"a": 1})),
            ("variables.member.spec.?b.orValue(1) == 1", json!({"b": 2})),
            ("has(object.spec) && object.spec.a == 1", json!({"a": 1})),
            ("object.spec == oldObject.spec", json!({"a": 1, "b": 2})),
            ("object.spec.all(k, k != 'c')", json!({"a": 1, "b": 2})),
        ] {
            let seen = seen(expression, &object);
            assert_eq!(seen["spec"], expected, "{expression}");
            assert_eq!(seen["kind"], "X");
            assert_eq!(seen["status"], json!({}));
        }
    }

    #[test]
    fn a_policy_never_sees_who_owns_what_and_always_labels() {
        let object = json!({"metadata": {"name": "a", "managedFields": [1]}});
        let whole = seen("object.metadata == oldObject.metadata", &object);
        let metadata = json!({"name": "a", "labels": {}, "annotations": {}});
        assert_eq!(whole["metadata"], metadata);
    }
}
