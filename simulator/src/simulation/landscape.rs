//! What is there before anybody does anything.

use serde_json::{Value, json};

use super::NAMESPACE;

/// Nodes in three zones, a storage class, and the namespaces.
pub(super) fn landscape() -> Vec<Value> {
    let mut all = vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } }),
        json!({
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": "local",
                "annotations": { "storageclass.kubernetes.io/is-default-class": "true" },
            },
            "provisioner": "volumes.simulator",
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "WaitForFirstConsumer",
            "allowVolumeExpansion": true,
        }),
    ];
    all.extend((1..=6).map(|number| {
        json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": { "name": format!("node-{number}"), "labels": {
                "kubernetes.io/hostname": format!("node-{number}"),
                "topology.kubernetes.io/zone": format!("zone-{}", (number - 1) % 3 + 1),
            } },
            "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
        })
    }));
    all
}
