//! The provisioner and the binder of volumes: a claim whose consumer has a node gets a volume on that node. A volume
//! whose claim is gone goes too, with its data, unless its class retains it. A claim that a pod uses stays until then.

use serde_json::{Value, json};

use super::component_client::{
    CLAIM, ComponentClient, POD, STORAGE_CLASS, VOLUME, is_deleted, text,
};
use super::scheduler::claim_of;
use crate::json::At as _;
use crate::ring::Ring;

const PROTECTION: &str = "kubernetes.io/pvc-protection";

/// Looks at all claims and volumes.
pub(super) fn step(client: &ComponentClient, ring: &Ring) {
    for claim in client.list(CLAIM) {
        let claim = claim.value();
        if is_deleted(claim) {
            let_go(client, claim);
        } else if text(claim, "/status/phase") != "Bound" {
            provide(client, claim);
        }
    }
    for volume in client.list(VOLUME) {
        reclaim(client, ring, volume.value());
    }
}

fn let_go(client: &ComponentClient, claim: &Value) {
    let (namespace, name) = (
        text(claim, "/metadata/namespace"),
        text(claim, "/metadata/name"),
    );
    // As the real one: a pod that has no node yet uses nothing, and will not get one with a claim that goes.
    let used = client.list(POD).iter().map(|pod| pod.value()).any(|pod| {
        text(pod, "/metadata/namespace") == namespace
            && claim_of(pod) == Some(name)
            && !text(pod, "/spec/nodeName").is_empty()
    });
    let finalizers = claim.at("/metadata/finalizers").and_then(Value::as_array);
    let is_held = finalizers.is_some_and(|all| all.contains(&json!(PROTECTION)));
    if !used && is_held {
        let mut claim = claim.clone();
        if let Some(all) = claim
            .pointer_mut("/metadata/finalizers")
            .and_then(Value::as_array_mut)
        {
            all.retain(|finalizer| finalizer != PROTECTION);
        }
        drop(client.update(&claim));
    }
}

fn provide(client: &ComponentClient, claim: &Value) {
    let node = claim.at("/metadata/annotations/volume.kubernetes.io~1selected-node");
    let Some(node) = node.and_then(Value::as_str) else {
        return;
    };
    let class = text(claim, "/spec/storageClassName");
    let Some(class) = client.get(STORAGE_CLASS, "", class) else {
        return;
    };
    let name = format!("pvc-{}", text(claim, "/metadata/uid"));
    if client.get(VOLUME, "", &name).is_none() {
        drop(client.create(&json!({
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": { "name": name },
            "spec": {
                "accessModes": claim["spec"]["accessModes"],
                "capacity": claim["spec"]["resources"]["requests"],
                "storageClassName": claim["spec"]["storageClassName"],
                "persistentVolumeReclaimPolicy": class.value().get("reclaimPolicy"),
                "hostPath": { "path": format!("/volumes/{name}") },
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "namespace": claim["metadata"]["namespace"],
                    "name": claim["metadata"]["name"],
                    "uid": claim["metadata"]["uid"],
                },
                "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [
                    { "key": "kubernetes.io/hostname", "operator": "In", "values": [node] },
                ] }] } },
            },
        })));
    }
    let mut bound = claim.clone();
    if text(claim, "/spec/volumeName").is_empty() {
        bound["spec"]["volumeName"] = json!(name);
        return drop(client.update(&bound));
    }
    bound["status"] = json!({
        "phase": "Bound",
        "accessModes": claim["spec"]["accessModes"],
        "capacity": claim["spec"]["resources"]["requests"],
    });
    drop(client.update_status(&bound));
}

fn reclaim(client: &ComponentClient, ring: &Ring, volume: &Value) {
    let (namespace, name) = (
        text(volume, "/spec/claimRef/namespace"),
        text(volume, "/spec/claimRef/name"),
    );
    let uid = text(volume, "/spec/claimRef/uid");
    let claim = client.get(CLAIM, namespace, name);
    if claim.is_some_and(|claim| text(claim.value(), "/metadata/uid") == uid) {
        return;
    }
    if text(volume, "/spec/persistentVolumeReclaimPolicy") == "Delete" && !is_deleted(volume) {
        ring.destroy_volume(text(volume, "/metadata/name"));
        let mut free = volume.clone();
        if let Some(metadata) = free.pointer_mut("/metadata").and_then(Value::as_object_mut) {
            metadata.remove("finalizers");
        }
        drop(client.update(&free));
        drop(client.delete(volume, true));
    }
}
