//! What ends a sequence: an object of each kind, and a watch that sees everything up to it.

use serde_json::{Value, json};

use super::{
    ask::{Ask, JSON},
    objects::Kind,
};

/// The object that ends a watch.
pub(super) const END: &str = "zz-end";

/// Creates the object that ends the watch of its kind.
pub(super) fn end(kind: Kind, namespace: &str) -> Ask {
    let metadata = json!({"name": END, "namespace": namespace, "labels": {"l": "1"}});
    let mut object = json!({"apiVersion": kind.version, "kind": kind.kind, "metadata": metadata});
    if let (Some(fields), Value::Object(content)) = (object.as_object_mut(), valid(kind)) {
        fields.extend(content);
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
pub(super) fn watch(kind: Kind, namespace: &str) -> Ask {
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

/// The content of an object that is certainly accepted.
fn valid(kind: Kind) -> Value {
    match kind.kind {
        "Service" => {
            json!({"spec": {"clusterIP": "None", "selector": {"a": "b"}, "ports": [{"port": 1}]}})
        }
        "PersistentVolumeClaim" => {
            json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
        }
        "Pod" => json!({"spec": {"containers": [{"name": "a", "image": "b"}]}}),
        "StatefulSet" => {
            json!({"spec": {"serviceName": "s", "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}}}})
        }
        "PodDisruptionBudget" => json!({"spec": {"maxUnavailable": 1}}),
        "Role" => json!({"rules": []}),
        "RoleBinding" => {
            json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "agent"}})
        }
        "EndpointSlice" => json!({"addressType": "IPv4", "endpoints": []}),
        "CassandraCluster" => {
            json!({"spec": {"version": "5.0.9", "racks": [{"name": "r1", "members": 1}],
            "storage": {"size": "1Gi"}}})
        }
        "CassandraMember" => {
            json!({"spec": {"cluster": {"name": "n0", "uid": "1"}, "clusterName": "A", "rack": "r1",
            "datacenter": "dc1", "ordinal": 0}})
        }
        _ => json!({}),
    }
}
