//! The scheduler: binds a pod to a node in its zone that holds none of the pods it keeps apart from, and that can reach
//! its volume. Claims that wait for their first consumer are told the node.

use serde_json::{Value, json};

use super::{
    component_client::{
        CLAIM, ComponentClient, NODE, POD, STORAGE_CLASS, VOLUME, is_deleted, text,
    },
    nodes,
};
use crate::{json::At as _, kubernetes::selects};

const ZONE: &str = "/metadata/labels/topology.kubernetes.io~1zone";
/// Where the scheduler writes the node that a claim's volume should be on.
const SELECTED: &str = "volume.kubernetes.io/selected-node";

/// Looks at all pods that have no node.
pub(super) fn step(client: &ComponentClient) {
    for pod in client.list(POD) {
        let pod = pod.value();
        if text(pod, "/spec/nodeName").is_empty() && !is_deleted(pod) {
            match place(client, pod) {
                Ok(Some(node)) => drop(client.bind(pod, &node)),
                Ok(None) => {}
                Err(why) => refuse(client, pod, &why),
            }
        }
    }
}

fn is_cordoned(node: &Value) -> bool {
    node.at("/spec/unschedulable") == Some(&json!(true))
}

/// The node for a pod; None while its volume is being made.
fn place(client: &ComponentClient, pod: &Value) -> Result<Option<String>, String> {
    let nodes: Vec<_> = client.list(NODE);
    let fitting: Vec<_> = nodes
        .iter()
        .map(|node| node.value())
        .filter(|node| !is_cordoned(node))
        .filter(|node| nodes::takes(node, pod))
        .filter(|node| in_zone(pod, node) && is_apart(client, pod, text(node, "/metadata/name")))
        .map(|node| text(node, "/metadata/name").to_owned())
        .collect();
    if nodes.iter().all(|node| is_cordoned(node.value())) {
        let number = nodes.len();
        return Err(format!(
            "0/{number} nodes are available: {number} node(s) were unschedulable"
        ));
    }
    let Some(claim) = claim_of(pod) else {
        return least_used(client, fitting).map(Some);
    };
    let namespace = text(pod, "/metadata/namespace");
    let Some(claim) = client
        .get(CLAIM, namespace, claim)
        .filter(|claim| !is_deleted(claim.value()))
    else {
        return Err(format!("persistentvolumeclaim \"{claim}\" not found"));
    };
    let claim = claim.value();
    if text(claim, "/status/phase") == "Bound" {
        let volume = client.get(VOLUME, "", text(claim, "/spec/volumeName"));
        let on = volume.as_ref().map_or("", |volume| node_of(volume.value()));
        if fitting.iter().any(|node| node == on) {
            return Ok(Some(on.to_owned()));
        }
        return Err(
            "0 nodes are available: node(s) didn't match PersistentVolume's node affinity".into(),
        );
    }
    let class = text(claim, "/spec/storageClassName");
    if client.get(STORAGE_CLASS, "", class).is_none() {
        return Err(format!(
            "0 nodes are available: storageclass \"{class}\" not found"
        ));
    }
    let node = least_used(client, fitting)?;
    if claim
        .at("/metadata/annotations")
        .and_then(|a| a.get(SELECTED))
        .is_none()
    {
        let mut claim = claim.clone();
        claim["metadata"]["annotations"][SELECTED] = json!(node);
        drop(client.update(&claim));
    }
    Ok(None)
}

fn least_used(client: &ComponentClient, fitting: Vec<String>) -> Result<String, String> {
    let taken: Vec<_> = client
        .list(POD)
        .iter()
        .map(|pod| assigned(client, pod.value()))
        .collect();
    let used = |node: &String| taken.iter().filter(|taken| *taken == node).count();
    let best = fitting.into_iter().min_by_key(used);
    best.ok_or_else(|| "0 nodes are available: none matches the pod's affinity".into())
}

/// The node that a pod has, or will have when its volume is made.
fn assigned(client: &ComponentClient, pod: &Value) -> String {
    let node = text(pod, "/spec/nodeName");
    let claim = || {
        let claim = client.get(CLAIM, text(pod, "/metadata/namespace"), claim_of(pod)?)?;
        let selected = claim
            .value()
            .at("/metadata/annotations")?
            .get(SELECTED)?
            .as_str()?;
        Some(selected.to_owned())
    };
    if node.is_empty() {
        claim().unwrap_or_default()
    } else {
        node.to_owned()
    }
}

/// The claim of the pod's data.
pub(super) fn claim_of(pod: &Value) -> Option<&str> {
    let volumes = pod.at("/spec/volumes")?.as_array()?;
    volumes
        .iter()
        .find_map(|volume| volume.at("/persistentVolumeClaim/claimName")?.as_str())
}

/// The node that a volume is on.
pub(super) fn node_of(volume: &Value) -> &str {
    let pointer = "/spec/nodeAffinity/required/nodeSelectorTerms/0/matchExpressions/0/values/0";
    text(volume, pointer)
}

fn in_zone(pod: &Value, node: &Value) -> bool {
    let pointer = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchExpressions/0/values/0";
    let zone = text(pod, pointer);
    zone.is_empty() || zone == text(node, ZONE)
}

fn is_apart(client: &ComponentClient, pod: &Value, node: &str) -> bool {
    let pointer = "/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/0/labelSelector";
    let Some(selector) = pod.at(pointer) else {
        return true;
    };
    let (namespace, name) = (
        text(pod, "/metadata/namespace"),
        text(pod, "/metadata/name"),
    );
    !client
        .list(POD)
        .iter()
        .map(|other| other.value())
        .any(|other| {
            text(other, "/metadata/namespace") == namespace
                && text(other, "/metadata/name") != name
                && selects(selector, other)
                && assigned(client, other) == node
        })
}

fn refuse(client: &ComponentClient, pod: &Value, why: &str) {
    if text(pod, "/status/conditions/0/message") == why {
        return;
    }
    let mut pod = pod.clone();
    pod["status"]["conditions"] = json!([{
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": why,
    }]);
    drop(client.update_status(&pod));
}
