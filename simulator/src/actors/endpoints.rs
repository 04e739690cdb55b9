//! The EndpointSlice controller: the addresses behind each Service that selects pods.

use serde_json::{Value, json};

use super::component_client::{ComponentClient, ENDPOINT_SLICE, POD, SERVICE, text};
use crate::json::At as _;
use crate::kubernetes::{is_ready, selects};

/// Looks at all Services.
pub(super) fn step(client: &ComponentClient) {
    let pods = client.list(POD);
    for service in client.list(SERVICE) {
        let service = service.value();
        let Some(labels) = service.at("/spec/selector") else {
            continue;
        };
        let selector = json!({ "matchLabels": labels });
        let (namespace, name) = (
            text(service, "/metadata/namespace"),
            text(service, "/metadata/name"),
        );
        let selected = |pod: &&Value| {
            text(pod, "/metadata/namespace") == namespace
                && !text(pod, "/status/podIP").is_empty()
                && selects(&selector, pod)
        };
        let endpoints: Vec<_> = pods
            .iter()
            .map(|pod| pod.value())
            .filter(selected)
            .map(|pod| json!({ "addresses": [text(pod, "/status/podIP")], "conditions": { "ready": is_ready(pod) } }))
            .collect();
        let wanted = json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": { "name": name, "namespace": namespace, "ownerReferences": [{
                "apiVersion": "v1", "kind": "Service", "name": name, "uid": service["metadata"]["uid"],
                "controller": true, "blockOwnerDeletion": true,
            }] },
            "addressType": "IPv4",
            "endpoints": endpoints,
        });
        match client.get(ENDPOINT_SLICE, namespace, name) {
            None => drop(client.create(&wanted)),
            Some(slice) if listed(slice.value()) != listed(&wanted) => {
                let mut slice = slice.value().clone();
                slice["endpoints"] = wanted["endpoints"].clone();
                drop(client.update(&slice));
            }
            Some(_) => {}
        }
    }
}

/// An API server drops an empty list.
fn listed(slice: &Value) -> &[Value] {
    let endpoints = slice.get("endpoints").and_then(Value::as_array);
    endpoints.map_or(&[], Vec::as_slice)
}
