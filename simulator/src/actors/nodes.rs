//! The node lifecycle controller: a node that is not heard of is tainted, its pods are not ready, and they are to go
//! when they no longer tolerate that; but they stay while no kubelet confirms it. The garbage collector of pods: those
//! of a node that somebody has deleted go by force.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Environment,
    component_client::{ComponentClient, NODE, POD, is_deleted, text},
};
use crate::{json::At as _, kubernetes::is_ready};

/// How long after a kubelet's last word its node is given up (`--node-monitor-grace-period`).
const GRACE: Duration = Duration::from_secs(50);
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// Looks at all nodes and the pods on them. Whether some machine is off, so that time alone changes things.
pub(super) fn step(client: &ComponentClient, environment: &Environment) -> bool {
    for node in client.list(NODE) {
        let off = environment.off_since(text(node.value(), "/metadata/name"));
        if off.is_some_and(|since| since.elapsed() >= GRACE) && is_ready(node.value()) {
            give_up(client, node.value());
        }
    }
    for node in client.list(NODE) {
        taint(client, node.value());
    }
    for pod in client.list(POD) {
        let (pod, on) = (pod.value(), text(pod.value(), "/spec/nodeName"));
        match client.get(NODE, "", on) {
            _ if on.is_empty() => {}
            None => collect(client, pod),
            Some(node) => evict(client, node.value(), pod),
        }
    }
    !environment.off().is_empty()
}

/// Whether no taint keeps a new pod from a node.
pub(super) fn takes(node: &Value, pod: &Value) -> bool {
    let mut keeping = taints(node).filter(|taint| text(taint, "/effect") != "PreferNoSchedule");
    keeping.all(|taint| tolerations(pod, taint).next().is_some())
}

fn give_up(client: &ComponentClient, node: &Value) {
    let mut node = node.clone();
    node["status"]["conditions"] = json!([{
        "type": "Ready",
        "status": "Unknown",
        "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting node status.",
    }]);
    drop(client.update_status(&node));
}

/// A node that is not ready has its taints, and loses them when it is.
fn taint(client: &ComponentClient, node: &Value) {
    let is_ours = |taint: &&Value| text(taint, "/key") == UNREACHABLE;
    if taints(node).any(|taint| is_ours(&taint)) != is_ready(node) {
        return;
    }
    let mut wanted: Vec<_> = taints(node)
        .filter(|taint| !is_ours(taint))
        .cloned()
        .collect();
    if !is_ready(node) {
        let now = client.server.clock().now();
        let now = now.strftime("%FT%TZ").to_string();
        let effects = ["NoSchedule", "NoExecute"];
        wanted.extend(
            effects.map(|effect| json!({ "key": UNREACHABLE, "effect": effect, "timeAdded": now })),
        );
    }
    let mut node = node.clone();
    node["spec"]["taints"] = json!(wanted);
    drop(client.update(&node));
}

/// A pod of a node that is not ready is not ready either, and is deleted when it has tolerated a taint long enough.
fn evict(client: &ComponentClient, node: &Value, pod: &Value) {
    if is_ready(pod) && !is_ready(node) {
        let mut pod = pod.clone();
        let conditions = pod.pointer_mut("/status/conditions");
        let conditions = conditions.and_then(Value::as_array_mut);
        let mut conditions = conditions.into_iter().flatten();
        if let Some(ready) = conditions.find(|condition| text(condition, "/type") == "Ready") {
            ready["status"] = json!("False");
        }
        return drop(client.update_status(&pod));
    }
    let now = client.server.clock().now();
    let no_longer = |taint: &Value| {
        let added = text(taint, "/timeAdded").parse().unwrap_or(now);
        let tolerations: Vec<_> = tolerations(pod, taint).collect();
        let limits = tolerations
            .iter()
            .filter_map(|toleration| toleration["tolerationSeconds"].as_i64());
        tolerations.is_empty()
            || limits
                .min()
                .is_some_and(|limit| now.as_second() - added.as_second() >= limit)
    };
    let mut driving = taints(node).filter(|taint| text(taint, "/effect") == "NoExecute");
    if !is_deleted(pod) && driving.any(no_longer) {
        drop(client.delete(pod, false));
    }
}

fn collect(client: &ComponentClient, pod: &Value) {
    let mut failed = pod.clone();
    failed["status"]["phase"] = json!("Failed");
    drop(client.update_status(&failed));
    drop(client.delete(pod, true));
}

fn taints(node: &Value) -> impl Iterator<Item = &Value> {
    let taints = node.at("/spec/taints").and_then(Value::as_array);
    taints.into_iter().flatten()
}

/// Those tolerations of a pod that are of a taint.
fn tolerations<'a>(pod: &'a Value, taint: &'a Value) -> impl Iterator<Item = &'a Value> {
    let all = pod.at("/spec/tolerations").and_then(Value::as_array);
    all.into_iter().flatten().filter(|toleration| {
        let same = |field| text(toleration, field) == text(taint, field);
        let any = |field| text(toleration, field).is_empty();
        let value = text(toleration, "/operator") == "Exists" || same("/value");
        (any("/key") || same("/key")) && (any("/effect") || same("/effect")) && value
    })
}
