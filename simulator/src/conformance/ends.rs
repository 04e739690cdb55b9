//! What ends a sequence: an object of each kind, and a watch that sees everything up to it.

use serde_json::{Value, json};

use super::{
    ask::{Ask, JSON},
    kinds::Kind,
};

/// The object that ends a watch.
pub(super) const END: &str = "zz-end";

/// Creates the object that ends the watch of its kind.
pub(super) fn end(kind: &Kind, namespace: &str) -> Ask {
    let metadata = json!({"name": END, "namespace": namespace, "labels": {"l": "1"}});
    let mut object = json!({"apiVersion": kind.version, "kind": kind.kind, "metadata": metadata});
    if let (Some(fields), Value::Object(content)) = (object.as_object_mut(), &kind.accepted) {
        fields.extend(content.clone());
    }
    Ask {
        method: "POST",
        path: kind.collection(namespace),
        content: JSON,
        body: Some(object),
        ..Ask::default()
    }
}

/// A watch from the namespace's beginning.
pub(super) fn watch(kind: &Kind, namespace: &str) -> Ask {
    Ask {
        method: "GET",
        path: kind.collection(namespace),
        query: vec![
            ("watch", "true".to_owned()),
            (
                "resourceVersion",
                format!("$first:/api/v1/namespaces/{namespace}"),
            ),
            ("timeoutSeconds", "20".to_owned()),
        ],
        ..Ask::default()
    }
}
