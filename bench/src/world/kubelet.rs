//! The pod of a StatefulSet's template, and what the kubelet says of it, as long as the real one's words.

use cassandra_api::names;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::{Resource as _, ResourceExt as _};
use serde_json::{Value, json};

use super::NOWHERE;

const NODE: &str = "node-1";
const AT: &str = "2026-01-01T00:00:00Z";
const ADDRESS: &str = "10.244.100.100";
const IMAGE: &str = "docker.io/library/cassandra:5.0.9";
const OPERATOR: &str = "registry.invalid/operator:bench";

/// The pod that the StatefulSet asks for, on a node.
pub(super) fn pod(set: &StatefulSet) -> Option<Pod> {
    let template = set.spec.as_ref()?.template.clone();
    let mut metadata = template.metadata.unwrap_or_default();
    let name = names::pod(&set.name_any());
    metadata.name = Some(name.clone());
    metadata.owner_references = Some(vec![set.controller_owner_ref(&())?]);
    let revision = format!("{}-7d9f8b6c5d", set.name_any());
    metadata.labels.get_or_insert_default().extend(
        [
            ("controller-revision-hash", revision),
            ("statefulset.kubernetes.io/pod-name", name),
            ("apps.kubernetes.io/pod-index", "0".into()),
        ]
        .map(|(key, value)| (key.into(), value)),
    );
    let mut spec = template.spec?;
    spec.node_name = Some(NODE.into());
    Some(Pod {
        metadata,
        spec: Some(spec),
        status: None,
    })
}

/// Whether the pod's image can be pulled.
pub(super) fn is_pulled(pod: &Pod) -> bool {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let images = containers.filter_map(|container| container.image.as_deref());
    !images.into_iter().any(|image| image.starts_with(NOWHERE))
}

/// Everything runs.
pub(super) fn running() -> Value {
    let done = json!({ "terminated": { "exitCode": 0, "reason": "Completed", "startedAt": AT,
        "finishedAt": AT, "containerID": id("1") } });
    let runs = json!({ "running": { "startedAt": AT } });
    json!({ "status": {
        "phase": "Running",
        "qosClass": "Burstable",
        "startTime": AT,
        "hostIP": "192.168.100.100",
        "hostIPs": [{ "ip": "192.168.100.100" }],
        "podIP": ADDRESS,
        "podIPs": [{ "ip": ADDRESS }],
        "conditions": conditions("True"),
        "initContainerStatuses": [
            container("agent", OPERATOR, true, &runs, 3),
            container("init-config", IMAGE, true, &done, 1),
            container("bootstrapper", OPERATOR, true, &done, 4),
        ],
        "containerStatuses": [container("cassandra", IMAGE, true, &runs, 5)],
    } })
}

/// The image can't be pulled: at even attempts it has just failed, at odd ones it is waited.
pub(super) fn unpulled(attempt: usize) -> Value {
    let image = format!("{NOWHERE}/cassandra:5.0.9");
    let (reason, message) = if attempt.is_multiple_of(2) {
        let said = format!(
            "failed to pull and unpack image \"{image}\": failed to do request: Head \
             \"https://{NOWHERE}/v2/cassandra/manifests/5.0.9\": dial tcp: lookup {NOWHERE}: no such host ({attempt})"
        );
        ("ErrImagePull", said)
    } else {
        (
            "ImagePullBackOff",
            format!("Back-off pulling image \"{image}\""),
        )
    };
    let held_up = json!({ "waiting": { "reason": reason, "message": message } });
    let idle = json!({ "waiting": { "reason": "PodInitializing" } });
    let runs = json!({ "running": { "startedAt": AT } });
    json!({ "status": {
        "phase": "Pending",
        "conditions": conditions("False"),
        "initContainerStatuses": [
            container("agent", OPERATOR, true, &runs, 3),
            container("init-config", &image, false, &held_up, 1),
            container("bootstrapper", OPERATOR, false, &idle, 4),
        ],
        "containerStatuses": [container("cassandra", &image, false, &idle, 5)],
    } })
}

fn conditions(ready: &str) -> Value {
    let types = [
        ("PodReadyToStartContainers", "True"),
        ("PodScheduled", "True"),
        ("Initialized", ready),
        ("ContainersReady", ready),
        ("Ready", ready),
    ];
    let condition = |(type_, status): (&str, &str)| {
        json!({ "type": type_, "status": status, "lastProbeTime": null,
            "lastTransitionTime": AT, "observedGeneration": 1 })
    };
    types.map(condition).into()
}

fn container(name: &str, image: &str, started: bool, state: &Value, mounts: usize) -> Value {
    let mounts: Vec<_> = (0..mounts)
        .map(|n| {
            json!({ "name": format!("volume-{n}"), "mountPath": format!("/var/lib/cassandra/{n}"),
            "recursiveReadOnly": "Disabled" })
        })
        .collect();
    let amounts = json!({ "cpu": "1", "memory": "4Gi" });
    json!({
        "name": name,
        "image": image,
        "imageID": if started { format!("{image}@sha256:{}", "0".repeat(64)) } else { String::new() },
        "containerID": started.then(|| id("0")),
        "ready": started,
        "started": started,
        "restartCount": 0,
        "state": state,
        "lastState": {},
        "allocatedResources": amounts,
        "resources": { "limits": amounts, "requests": amounts },
        "user": { "linux": { "uid": 999, "gid": 999, "supplementalGroups": [999] } },
        "volumeMounts": mounts,
    })
}

fn id(digit: &str) -> String {
    format!("containerd://{}", digit.repeat(64))
}
