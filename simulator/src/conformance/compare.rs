//! What is the same in two answers. Values that a server chooses are replaced by the order in which they appeared,
//! so that what was equal stays equal; what is not compared is in [`MASKED`].

use std::{collections::BTreeMap, sync::LazyLock};

use regex::{Captures, Regex};
use serde_json::{Map, Value, json};

use crate::json::At as _;

/// What is not compared, and why.
pub const MASKED: &[(&str, &str)] = &[
    (
        "Status.message",
        "words for people; code, reason, causes and their fields are compared",
    ),
    ("Status.details.retryAfterSeconds", "depends on load"),
    (
        "ListMeta.resourceVersion",
        "the head of a store that other sequences write too",
    ),
    ("ListMeta.continue", "opaque; that there is one is compared"),
    (
        "creationTimestamp, deletionTimestamp, lastTransitionTime, managedFields[].time",
        "the time; that there is one is compared",
    ),
    ("BOOKMARK", "when it comes is the server's choice"),
];

/// UIDs and generated names.
static CHOSEN: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = "gen-[a-z0-9]{5}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    #[expect(clippy::expect_used, reason = "it is a constant")]
    Regex::new(pattern).expect("a pattern")
});

/// The values that one server has chosen so far.
#[derive(Debug, Default)]
pub struct Chosen {
    values: BTreeMap<String, String>,
    counts: BTreeMap<&'static str, usize>,
}

impl Chosen {
    /// What stands for a value.
    fn stand_in(&mut self, kind: &'static str, value: &str) -> Value {
        let key = format!("{kind} {value}");
        let count = self.counts.entry(kind).or_default();
        let name = self.values.entry(key).or_insert_with(|| {
            *count += 1;
            format!("{kind}#{count}")
        });
        json!(name)
    }

    /// An answer, a list or an event in the form in which it is compared.
    pub fn normal(&mut self, value: &Value) -> Value {
        let text = CHOSEN
            .replace_all(&value.to_string(), |found: &Captures<'_>| {
                let found = found.get(0).map_or("", |found| found.as_str());
                if ["11111111", "22222222", "33333333"]
                    .iter()
                    .any(|known| found.starts_with(known))
                {
                    return found.to_owned();
                }
                let kind = if found.starts_with("gen-") {
                    "generated"
                } else {
                    "uid"
                };
                self.stand_in(kind, found)
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .into_owned();
        let mut value = serde_json::from_str(&text).unwrap_or_default();
        self.walk(&mut value, "");
        value
    }

    fn walk(&mut self, value: &mut Value, key: &str) {
        match value {
            Value::Object(map)
                if map.get("kind") == Some(&json!("Status")) && map.contains_key("status") =>
            {
                Self::status(map);
            }
            Value::Object(map) => {
                let is_list = map.contains_key("items");
                if let (true, Some(metadata)) = (
                    is_list,
                    map.get_mut("metadata").and_then(Value::as_object_mut),
                ) {
                    for name in ["resourceVersion", "continue"] {
                        if let Some(value) =
                            metadata.get_mut(name).filter(|value| **value != json!(""))
                        {
                            *value = json!("some");
                        }
                    }
                }
                for (name, value) in map.iter_mut() {
                    self.walk(value, name);
                }
                // Generated names differ, and with them the order.
                if let Some(items) = map.get_mut("items").and_then(Value::as_array_mut) {
                    items.sort_by_key(|item| item.at("/metadata/name").map(Value::to_string));
                }
            }
            Value::Array(list) => {
                for value in list.iter_mut() {
                    self.walk(value, key);
                }
                if key == "managedFields" {
                    list.sort_by_key(|entry| {
                        let text = |name: &str| entry.get(name).map(Value::to_string);
                        (
                            text("operation"),
                            text("manager"),
                            text("subresource"),
                            text("apiVersion"),
                        )
                    });
                }
            }
            Value::String(text) => {
                if let Some(normal) = self.text(key, text) {
                    *value = normal;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&mut self, key: &str, text: &str) -> Option<Value> {
        match key {
            "resourceVersion" => Some(self.stand_in("version", text)),
            "creationTimestamp" | "deletionTimestamp" | "time" | "lastTransitionTime" => {
                Some(json!("time"))
            }
            "clusterIP" | "clusterIPs" if text.starts_with("10.96.") => {
                Some(self.stand_in("address", text))
            }
            _ => None,
        }
    }

    fn status(map: &mut Map<String, Value>) {
        map.remove("message");
        let Some(details) = map.get_mut("details").and_then(Value::as_object_mut) else {
            return;
        };
        details.remove("retryAfterSeconds");
        if let Some(causes) = details.get_mut("causes").and_then(Value::as_array_mut) {
            for cause in causes.iter_mut() {
                cause
                    .as_object_mut()
                    .and_then(|cause| cause.remove("message"));
            }
            causes.sort_by_key(Value::to_string);
            causes.dedup();
        }
    }
}

/// Where two values differ, in words.
pub fn differences(simulated: &Value, real: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(simulated, real, "", &mut found);
    found
}

fn collect(a: &Value, b: &Value, path: &str, found: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let names: std::collections::BTreeSet<_> = x.keys().chain(y.keys()).collect();
            for name in names {
                let path = format!("{path}.{name}");
                match (x.get(name), y.get(name)) {
                    (Some(a), Some(b)) => collect(a, b, &path, found),
                    (Some(a), None) => found.push(format!("{path}: only simulated: {a}")),
                    (None, Some(b)) => found.push(format!("{path}: only real: {b}")),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            for (index, (a, b)) in x.iter().zip(y).enumerate() {
                collect(a, b, &format!("{path}[{index}]"), found);
            }
        }
        (a, b) if a != b => found.push(format!("{path}: simulated {a}, real {b}")),
        _ => {}
    }
}
