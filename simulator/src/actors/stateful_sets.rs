//! The StatefulSet controller: makes the pods that are not there, and never two of one name. As all our StatefulSets,
//! it updates on delete and manages pods in parallel.

use serde_json::{Value, json};

use super::component_client::{
    ComponentClient, POD, STATEFUL_SET, controller_of, is_deleted, text,
};
use crate::json::At as _;
use crate::kubernetes::is_ready;

/// Looks at all of them once.
pub(super) fn step(client: &ComponentClient) {
    for set in client.list(STATEFUL_SET) {
        let set = set.value();
        if !is_deleted(set) {
            scale(client, set);
            report(client, set);
        }
    }
}

fn replicas(set: &Value) -> i64 {
    set.at("/spec/replicas")
        .and_then(Value::as_i64)
        .unwrap_or(1)
}

fn scale(client: &ComponentClient, set: &Value) {
    let (namespace, name) = (
        text(set, "/metadata/namespace"),
        text(set, "/metadata/name"),
    );
    for ordinal in 0..replicas(set) {
        let pod = client.get(POD, namespace, &format!("{name}-{ordinal}"));
        match pod {
            None => drop(client.create(&new_pod(set, ordinal))),
            // One that has ended for good makes room for its successor.
            Some(pod) if has_ended(pod.value()) && !is_deleted(pod.value()) => {
                drop(client.delete(pod.value(), true));
            }
            Some(_) => {}
        }
    }
    let uid = text(set, "/metadata/uid");
    let surplus = client.list(POD).into_iter().filter(|pod| {
        let ordinal = text(pod.value(), "/metadata/name").rsplit('-').next();
        let ordinal: i64 = ordinal
            .and_then(|ordinal| ordinal.parse().ok())
            .unwrap_or(0);
        controller_of(pod.value()) == uid && ordinal >= replicas(set) && !is_deleted(pod.value())
    });
    for pod in surplus {
        drop(client.delete(pod.value(), false));
    }
}

fn has_ended(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Failed" | "Succeeded")
}

fn new_pod(set: &Value, ordinal: i64) -> Value {
    let name = text(set, "/metadata/name");
    let template = set.at("/spec/template").cloned().unwrap_or_default();
    let mut pod = json!({ "apiVersion": "v1", "kind": "Pod" });
    pod["metadata"] = template
        .get("metadata")
        .cloned()
        .unwrap_or_else(|| json!({}));
    pod["spec"] = template.get("spec").cloned().unwrap_or_default();
    pod["metadata"]["name"] = json!(format!("{name}-{ordinal}"));
    pod["metadata"]["namespace"] = set["metadata"]["namespace"].clone();
    pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] =
        json!(format!("{name}-{ordinal}"));
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "name": name,
        "uid": set["metadata"]["uid"],
        "controller": true,
        "blockOwnerDeletion": true,
    }]);
    pod["spec"]["hostname"] = json!(format!("{name}-{ordinal}"));
    pod["spec"]["subdomain"] = set["spec"]["serviceName"].clone();
    pod
}

fn report(client: &ComponentClient, set: &Value) {
    let uid = text(set, "/metadata/uid");
    let pods = client.list(POD);
    let own = || pods.iter().filter(|pod| controller_of(pod.value()) == uid);
    let ready = own().filter(|pod| is_ready(pod.value())).count();
    let wanted = [
        ("observedGeneration", set["metadata"]["generation"].clone()),
        ("replicas", json!(own().count())),
        ("readyReplicas", json!(ready)),
        ("availableReplicas", json!(ready)),
    ];
    let number = |value: Option<&Value>| value.and_then(Value::as_u64).unwrap_or(0);
    let differs =
        |(name, value): &(&str, Value)| number(set["status"].get(name)) != number(Some(value));
    if wanted.iter().any(differs) {
        let mut set = set.clone();
        for (name, value) in wanted {
            set["status"][name] = value;
        }
        drop(client.update_status(&set));
    }
}
