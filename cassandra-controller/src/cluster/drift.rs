//! Whether an object is as it should be. The API server adds defaults and other writers add fields of their own,
//! so what we want must be *contained* in what is there; where an additional entry would change the meaning, as
//! in a selector, it must be equal.

use cassandra_api::quantity::Quantity;
use kube::{Resource, ResourceExt as _};
use serde::Serialize;
use serde_json::Value;

use super::{
    kinds::{Kind, Owned},
    plan::{Desired, Existing},
};

/// Mappings that mean something else with one entry more.
const EXACT: &[&str] = &[
    "selector",
    "matchLabels",
    "nodeSelector",
    "data",
    "binaryData",
];
/// Mappings whose values are quantities: the API server writes `1024Mi` as `1Gi`.
const QUANTITIES: &[&str] = &["limits", "requests"];

/// Whether a write depends on nothing having changed since the object was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// The content does not depend on what was there: only the UID must be the same.
    Uid,
    /// The content continues what was there.
    Version,
}

/// The write that puts this object right. None: it is right. Of the live one it is enough to have what decisions read, if
/// `owned` has what is known of the whole.
#[allow(clippy::too_many_arguments, reason = "an object has so many sides")]
pub(super) fn ensure<K>(
    kind: Kind,
    name: &str,
    manager: &'static str,
    guard: Guard,
    object: Value,
    owned: &Owned,
    live: Option<&K>,
) -> Option<Desired>
where
    K: Resource<DynamicType = ()> + Serialize,
{
    let existing = match live {
        None => Existing::Absent,
        Some(live) => {
            let right = match owned.comparison(kind, name) {
                Some(comparison) => comparison.is_right(&object, live, is_right),
                // One that can't be serialized counts as different: it is written again.
                None => is_right(&object, &serde_json::to_value(live).unwrap_or_default()),
            };
            if right {
                return None;
            }
            let resource_version = (guard == Guard::Version).then(|| live.resource_version());
            Existing::Differs {
                uid: live.uid().unwrap_or_default(),
                resource_version: resource_version.flatten(),
            }
        }
    };
    Some(Desired {
        kind,
        name: name.into(),
        manager,
        existing,
        object,
    })
}

/// The same of an object that is large and made of these parts and of nothing else: it is not made if it is known that
/// what is there is right by them.
#[allow(clippy::too_many_arguments, reason = "an object has so many sides")]
pub(super) fn ensure_made_of<K>(
    kind: Kind,
    name: &str,
    manager: &'static str,
    guard: Guard,
    parts: &impl Serialize,
    make: impl FnOnce() -> Value,
    owned: &Owned,
    live: Option<&K>,
) -> Option<Desired>
where
    K: Resource<DynamicType = ()> + Serialize,
{
    let comparison = owned.comparison(kind, name).filter(|_| live.is_some());
    if comparison.is_some_and(|comparison| comparison.is_known(parts)) {
        return None;
    }
    let write = ensure(kind, name, manager, guard, make(), owned, live);
    if let (None, Some(comparison)) = (&write, comparison) {
        comparison.know(parts);
    }
    write
}

/// Whether the object is what is wanted. Of its kind it is: one that comes in a list does not say so itself.
fn is_right(wanted: &Value, there: &Value) -> bool {
    let fields = wanted.as_object().into_iter().flatten();
    let mut fields = fields.filter(|(name, _)| !["apiVersion", "kind"].contains(&name.as_str()));
    fields.all(|(name, wanted)| match there.get(name) {
        Some(there) => covers(wanted, there, name),
        None => is_empty(wanted),
    })
}

/// Whether everything that is wanted is there.
fn covers(wanted: &Value, there: &Value, key: &str) -> bool {
    match (wanted, there) {
        (Value::Object(wanted), Value::Object(there)) => {
            let exact = EXACT.contains(&key) && wanted.len() != there.len();
            !exact
                && wanted.iter().all(|(name, value)| match there.get(name) {
                    Some(found) if QUANTITIES.contains(&key) || name == "sizeLimit" => {
                        same_quantity(value, found)
                    }
                    Some(found) => covers(value, found, name),
                    None => is_empty(value),
                })
        }
        (Value::Array(wanted), Value::Array(there)) => {
            wanted.len() == there.len()
                && wanted
                    .iter()
                    .zip(there)
                    .all(|(wanted, there)| covers(wanted, there, ""))
        }
        (wanted, there) => wanted == there,
    }
}

fn same_quantity(wanted: &Value, there: &Value) -> bool {
    let milli = |value: &Value| Quantity(value.as_str()?.into()).milli();
    milli(wanted).is_some() && milli(wanted) == milli(there)
}

/// The API server drops empty collections.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{covers, is_right};

    #[test]
    fn an_object_of_a_list_does_not_say_of_which_kind_it_is() {
        let wanted = json!({"apiVersion": "v1", "kind": "Service", "spec": {"type": "ClusterIP"}});
        assert!(is_right(&wanted, &json!({"spec": {"type": "ClusterIP"}})));
        assert!(!is_right(&wanted, &json!({"spec": {"type": "NodePort"}})));
        assert!(!is_right(&wanted, &json!({})));
    }

    #[test]
    fn defaults_and_fields_of_others_are_not_drift() {
        let wanted = json!({"spec": {"ports": [{"port": 7000}]}, "labels": {"a": "b"}});
        let there = json!({"spec": {"ports": [{"port": 7000, "protocol": "TCP"}], "type": "ClusterIP"},
            "labels": {"a": "b", "theirs": "x"}});
        assert!(covers(&wanted, &there, ""));
    }

    #[test]
    fn one_entry_more_in_a_selector_is_drift() {
        let wanted = json!({"selector": {"a": "b"}});
        assert!(!covers(
            &wanted,
            &json!({"selector": {"a": "b", "c": "d"}}),
            ""
        ));
    }

    #[test]
    fn one_element_more_in_a_list_is_drift() {
        assert!(!covers(
            &json!({"ports": [1]}),
            &json!({"ports": [1, 2]}),
            ""
        ));
    }

    #[test]
    fn quantities_are_compared_by_value() {
        let wanted = json!({"limits": {"memory": "1024Mi"}});
        assert!(covers(&wanted, &json!({"limits": {"memory": "1Gi"}}), ""));
        assert!(!covers(&wanted, &json!({"limits": {"memory": "2Gi"}}), ""));
    }

    #[test]
    fn an_empty_list_is_as_good_as_none() {
        assert!(covers(&json!({"tolerations": []}), &json!({}), ""));
    }
}
