//! The pod of a member, as the StatefulSet controller makes it, and what the kubelet says of it: as long as the real
//! one's words, since the benchmark weighs them.

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{Pod, PodStatus},
};
use kube::Resource as _;
use serde_json::{Value, json};

use crate::{
    identity::container::{AGENT, BOOTSTRAPPER, CASSANDRA, INIT_CONFIG},
    names,
};

const AT: &str = "2026-01-01T00:00:00Z";
const ADDRESS: &str = "10.244.100.100";

/// How far a pod has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No node has room for it.
    Unscheduled,
    /// Cassandra's image can't be pulled. At even attempts that has just failed, at odd ones it is waited.
    NotPulled {
        /// The number of the attempt.
        attempt: usize,
    },
    /// The bootstrapper waits; Cassandra does not run.
    Waits,
    /// Cassandra runs and is not ready.
    Runs,
    /// Cassandra runs and is ready.
    Ready,
}

/// The pod that a StatefulSet asks for, on a node. None: the set has no template.
pub fn of_set(set: &StatefulSet) -> Option<Pod> {
    let member = set.metadata.name.as_deref()?;
    let template = set.spec.as_ref()?.template.clone();
    let mut metadata = template.metadata.unwrap_or_default();
    let name = names::pod(member);
    metadata.name = Some(name.clone());
    metadata.owner_references = Some(vec![set.controller_owner_ref(&())?]);
    let given = [
        ("controller-revision-hash", format!("{member}-7d9f8b6c5d")),
        ("statefulset.kubernetes.io/pod-name", name),
        ("apps.kubernetes.io/pod-index", "0".into()),
    ];
    let labels = metadata.labels.get_or_insert_default();
    labels.extend(given.map(|(key, value)| (key.into(), value)));
    let mut spec = template.spec?;
    spec.node_name = Some("node-1".into());
    Some(Pod {
        metadata,
        spec: Some(spec),
        status: None,
    })
}

/// What the kubelet says of a pod that has come so far.
pub fn status(pod: &Pod, stage: Stage) -> PodStatus {
    let status = match stage {
        Stage::Unscheduled => json!({ "phase": "Pending", "conditions": [
            condition("PodScheduled", false, Some("0/3 nodes are available.")),
        ] }),
        Stage::NotPulled { attempt } => not_pulled(pod, attempt),
        Stage::Waits | Stage::Runs | Stage::Ready => started(pod, stage),
    };
    serde_json::from_value(status).expect("the status of a pod")
}

fn started(pod: &Pod, stage: Stage) -> Value {
    let (runs, is_ready) = (stage != Stage::Waits, stage == Stage::Ready);
    let up = json!({ "running": { "startedAt": AT } });
    let done = json!({ "terminated": { "exitCode": 0, "reason": "Completed", "startedAt": AT,
        "finishedAt": AT, "containerID": id("1") } });
    let idle = json!({ "waiting": { "reason": "PodInitializing" } });
    let (bootstrapper, cassandra) = if runs { (&done, &up) } else { (&up, &idle) };
    json!({
        "phase": if runs { "Running" } else { "Pending" },
        "qosClass": "Burstable",
        "startTime": AT,
        "hostIP": "192.168.100.100",
        "hostIPs": [{ "ip": "192.168.100.100" }],
        "podIP": ADDRESS,
        "podIPs": [{ "ip": ADDRESS }],
        "conditions": conditions(runs, is_ready),
        "initContainerStatuses": [
            container(pod, AGENT, true, &up),
            container(pod, INIT_CONFIG, true, &done),
            container(pod, BOOTSTRAPPER, true, bootstrapper),
        ],
        "containerStatuses": [container(pod, CASSANDRA, runs, cassandra)],
    })
}

fn not_pulled(pod: &Pod, attempt: usize) -> Value {
    let image = image(pod, CASSANDRA);
    let (reason, message) = if attempt.is_multiple_of(2) {
        let registry = image.split('/').next().unwrap_or_default();
        let said = format!(
            "failed to pull and unpack image \"{image}\": failed to do request: Head \
             \"https://{registry}/v2/cassandra/manifests/5.0.9\": dial tcp: lookup {registry}: no such host ({attempt})"
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
    let up = json!({ "running": { "startedAt": AT } });
    json!({
        "phase": "Pending",
        "conditions": conditions(false, false),
        "initContainerStatuses": [
            container(pod, AGENT, true, &up),
            container(pod, INIT_CONFIG, false, &held_up),
            container(pod, BOOTSTRAPPER, false, &idle),
        ],
        "containerStatuses": [container(pod, CASSANDRA, false, &idle)],
    })
}

fn conditions(initialized: bool, ready: bool) -> Value {
    let types = [
        ("PodReadyToStartContainers", true),
        ("PodScheduled", true),
        ("Initialized", initialized),
        ("ContainersReady", ready),
        ("Ready", ready),
    ];
    types
        .map(|(type_, holds)| condition(type_, holds, None))
        .into()
}

fn condition(type_: &str, holds: bool, message: Option<&str>) -> Value {
    json!({ "type": type_, "status": if holds { "True" } else { "False" }, "message": message,
        "lastTransitionTime": AT, "observedGeneration": 1 })
}

fn container(pod: &Pod, name: &str, started: bool, state: &Value) -> Value {
    let image = image(pod, name);
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
        "volumeMounts": mounts(pod, name),
    })
}

/// The volume mounts that the pod's container of this name has, as the kubelet lists them.
fn mounts(pod: &Pod, name: &str) -> Vec<Value> {
    let of_container = containers(pod).filter(|container| container.name == name);
    let mounts = of_container.flat_map(|container| container.volume_mounts.iter().flatten());
    mounts
        .map(|mount| {
            json!({ "name": mount.name, "mountPath": mount.mount_path, "recursiveReadOnly": "Disabled" })
        })
        .collect()
}

fn image(pod: &Pod, name: &str) -> String {
    let mut containers = containers(pod).filter(|container| container.name == name);
    let image = containers
        .next()
        .and_then(|container| container.image.clone());
    image.unwrap_or_default()
}

fn containers(pod: &Pod) -> impl Iterator<Item = &k8s_openapi::api::core::v1::Container> {
    let spec = pod.spec.iter();
    spec.flat_map(|spec| {
        spec.init_containers
            .iter()
            .flatten()
            .chain(&spec.containers)
    })
}

fn id(digit: &str) -> String {
    format!("containerd://{}", digit.repeat(64))
}
