//! What is kept of an object that a watch tells of, and what a decision reads of it. Text to text: most of it is passed
//! over, and nothing is made of it that would be thrown away.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{
    Result, json,
    value::{RawValue, to_raw_value},
};

use crate::fields;

type Fields = BTreeMap<String, Box<RawValue>>;

/// Of an object's metadata, what says which one it is, and whose.
const IDENTITY: &[&str] = &[
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "ownerReferences",
    "deletionTimestamp",
    "generation",
    "managedFields",
];

/// All of it, but for who owns which field.
pub(super) fn whole(text: &str) -> Result<Vec<u8>> {
    shaped(text, |field| !is_type(field), |_| true)
}

/// What somebody wants, without how it stands.
pub(super) fn wanted(text: &str) -> Result<Vec<u8>> {
    shaped(text, |field| !is_type(field) && field != "status", |_| true)
}

/// A revision is immutable and named by its content, so the content need not be kept.
pub(super) fn metadata(text: &str) -> Result<Vec<u8>> {
    shaped(text, |_| false, |_| true)
}

/// A decision looks at a pod's identity, node and status.
pub(super) fn pod(text: &str) -> Result<Vec<u8>> {
    #[derive(Default, Deserialize, Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Spec {
        #[serde(skip_serializing_if = "Option::is_none")]
        node_name: Option<String>,
    }
    let mut pod = reduced(text, |field| ["spec", "status"].contains(&field), |_| true)?;
    if let Some(spec) = pod.get_mut("spec") {
        *spec = to_raw_value(&serde_json::from_str::<Spec>(spec.get())?)?;
    }
    serde_json::to_vec(&pod)
}

/// Which object it is, and whose.
pub(super) fn identity(text: &str) -> Result<Vec<u8>> {
    shaped(text, |_| false, |field| IDENTITY.contains(&field))
}

/// Its address is read.
pub(super) fn service(text: &str) -> Result<Vec<u8>> {
    #[derive(Default, Deserialize, Serialize)]
    struct Spec {
        #[serde(rename = "clusterIP")]
        cluster_ip: Option<String>,
    }
    viewed::<Spec>(text)
}

/// What pods are made from is read by its digest.
pub(super) fn stateful_set(text: &str) -> Result<Vec<u8>> {
    #[derive(Default, Deserialize, Serialize)]
    #[serde(default)]
    struct Spec {
        template: Template,
    }
    #[derive(Default, Deserialize, Serialize)]
    #[serde(default)]
    struct Template {
        metadata: Metadata,
    }
    #[derive(Default, Deserialize, Serialize)]
    #[serde(default)]
    struct Metadata {
        annotations: BTreeMap<String, String>,
    }
    viewed::<Spec>(text)
}

/// Which object it is, whose, and these fields of its spec.
fn viewed<S: Default + for<'de> Deserialize<'de> + Serialize>(text: &str) -> Result<Vec<u8>> {
    #[derive(Deserialize)]
    struct Object<S> {
        #[serde(default)]
        metadata: Fields,
        spec: Option<S>,
    }
    let Object { metadata, spec } = serde_json::from_str::<Object<S>>(text)?;
    let metadata = kept(metadata, |field| IDENTITY.contains(&field))?;
    serde_json::to_vec(&Viewed { metadata, spec })
}

#[derive(Serialize)]
struct Viewed<S> {
    metadata: Fields,
    spec: Option<S>,
}

/// The fields that are wanted of an object and of its metadata, as text.
fn shaped(
    text: &str,
    field: impl Fn(&str) -> bool,
    of_metadata: impl Fn(&str) -> bool,
) -> Result<Vec<u8>> {
    serde_json::to_vec(&reduced(text, field, of_metadata)?)
}

/// The fields that are wanted of an object and of its metadata.
fn reduced(
    text: &str,
    field: impl Fn(&str) -> bool,
    of_metadata: impl Fn(&str) -> bool,
) -> Result<Fields> {
    let mut object: Fields = serde_json::from_str(text)?;
    object.retain(|name, _| name == "metadata" || field(name));
    if let Some(metadata) = object.get_mut("metadata") {
        let fields: Fields = serde_json::from_str(metadata.get())?;
        *metadata = to_raw_value(&kept(fields, of_metadata)?)?;
    }
    Ok(object)
}

/// Says of every object of a list the same, and of some not even that.
fn is_type(field: &str) -> bool {
    ["apiVersion", "kind"].contains(&field)
}

/// Of who owns which field it is kept only whether, and where in the list, there is what a creation by us has left: see
/// `requests`.
fn kept(mut metadata: Fields, wanted: impl Fn(&str) -> bool) -> Result<Fields> {
    #[derive(Deserialize)]
    struct Entry {
        manager: Option<String>,
        operation: Option<String>,
        subresource: Option<String>,
    }
    metadata.retain(|name, _| wanted(name));
    let Some(entries) = metadata.remove("managedFields") else {
        return Ok(metadata);
    };
    let entries: Vec<Entry> = serde_json::from_str(entries.get())?;
    let created = |entry: &Entry| {
        entry.operation.as_deref() == Some("Update")
            && entry.manager.as_deref().is_some_and(fields::is_ours)
    };
    if entries.iter().any(created) {
        let entries = entries.iter().map(|entry| {
            json!({ "manager": entry.manager, "operation": entry.operation, "subresource": entry.subresource })
        });
        let entries = to_raw_value(&entries.collect::<Vec<_>>())?;
        metadata.insert("managedFields".into(), entries);
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(operation: &str) -> String {
        json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": { "name": "a", "uid": "u", "labels": { "x": "y" }, "managedFields": [
                { "manager": "kubectl", "operation": "Update", "fieldsV1": { "f:spec": {} } },
                { "manager": fields::MEMBER, "operation": operation, "fieldsV1": { "f:spec": {} } },
            ] },
            "spec": { "clusterIP": "10.0.0.1", "replicas": 1, "nodeName": "node-1",
                "template": { "metadata": { "annotations": { "d": "1" }, "labels": {} }, "spec": {} } },
            "status": { "replicas": 1 },
        })
        .to_string()
    }

    fn shape(shape: fn(&str) -> Result<Vec<u8>>) -> Value {
        serde_json::from_slice(&shape(&object("Apply")).unwrap()).unwrap()
    }

    #[test]
    fn a_view_has_what_a_decision_reads() {
        let metadata = json!({ "name": "a", "uid": "u" });
        assert_eq!(shape(identity), json!({ "metadata": metadata }));
        let spec = json!({ "clusterIP": "10.0.0.1" });
        assert_eq!(
            shape(service),
            json!({ "metadata": metadata, "spec": spec })
        );
        let spec = json!({ "template": { "metadata": { "annotations": { "d": "1" } } } });
        let view = json!({ "metadata": metadata, "spec": spec });
        assert_eq!(shape(stateful_set), view);
    }

    #[test]
    fn what_is_wanted_is_kept_without_status_and_owners_of_fields() {
        let kept = shape(wanted);
        assert_eq!(kept.pointer("/spec/replicas"), Some(&json!(1)));
        assert_eq!(kept.pointer("/metadata/labels/x"), Some(&json!("y")));
        assert_eq!(kept.get("status"), None);
        assert_eq!(kept.pointer("/metadata/managedFields"), None);
        assert_eq!(shape(whole).pointer("/status/replicas"), Some(&json!(1)));
        assert_eq!(
            shape(pod).get("spec"),
            Some(&json!({ "nodeName": "node-1" }))
        );
        assert_eq!(shape(pod).pointer("/status/replicas"), Some(&json!(1)));
    }

    #[test]
    fn what_a_creation_by_us_has_left_is_kept_with_its_place() {
        let kept: Value = serde_json::from_slice(&identity(&object("Update")).unwrap()).unwrap();
        let entry = kept.pointer("/metadata/managedFields/1").unwrap();
        assert_eq!(entry.get("manager"), Some(&json!(fields::MEMBER)));
        assert_eq!(entry.get("fieldsV1"), None);
    }
}
