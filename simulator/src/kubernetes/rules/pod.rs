//! Pods, and the pod templates of StatefulSets.

use cassandra_api::quantity::Quantity;
use serde_json::{Map, Value, json};

use super::{elements_at, fields_at, fill, fill_at, take_over};
use crate::json::At as _;
use crate::kubernetes::refusal::Cause;

/// What a pod's defaults make of other fields.
pub(super) fn default_pod(pod: &mut Value) {
    default_spec(pod, "/spec");
    for list in ["/spec/containers", "/spec/initContainers"] {
        for container in elements_at(pod, list) {
            request_limits(container);
        }
    }
}

fn request_limits(container: &mut Value) {
    let limits = container
        .at("/resources/limits")
        .and_then(Value::as_object)
        .cloned();
    let (Some(limits), Some(resources)) = (limits, fields_at(container, "/resources")) else {
        return;
    };
    let requests = resources.entry("requests").or_insert_with(|| json!({}));
    if let Some(requests) = requests.as_object_mut() {
        for (name, amount) in limits {
            requests.entry(name).or_insert(amount);
        }
    }
}

/// The same of a pod's spec, wherever it is.
pub(super) fn default_spec(object: &mut Value, at: &str) {
    let Some(spec) = object.pointer_mut(at) else {
        return;
    };
    for list in ["/containers", "/initContainers"] {
        elements_at(spec, list).for_each(default_pull_policy);
    }
    for volume in elements_at(spec, "/volumes") {
        if let Some(fields) = volume.as_object_mut().filter(|fields| fields.len() <= 1) {
            fields.insert("emptyDir".into(), json!({}));
        }
    }
    let Some(spec) = spec.as_object_mut() else {
        return;
    };
    let account = spec
        .get("serviceAccountName")
        .or_else(|| spec.get("serviceAccount"))
        .cloned();
    if let Some(account) = account {
        spec.insert("serviceAccount".into(), account.clone());
        spec.insert("serviceAccountName".into(), account);
    }
}

fn default_pull_policy(container: &mut Value) {
    let image = container
        .get("image")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let policy = if is_latest(image) {
        "Always"
    } else {
        "IfNotPresent"
    };
    fill_at(container, "", "imagePullPolicy", policy);
}

fn is_latest(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or_default();
    let tag = name.split_once(':').map(|(_, tag)| tag);
    !image.contains('@') && tag.is_none_or(|tag| tag == "latest")
}

/// What admission adds.
pub(super) fn admit(pod: &mut Value) {
    let Some(spec) = fields_at(pod, "/spec") else {
        return;
    };
    spec.insert("priority".into(), json!(0));
    fill(spec, "preemptionPolicy", "PreemptLowerPriority");
    tolerate(pod);
}

/// A node that is away for a short time keeps its pods.
pub(super) fn tolerate(pod: &mut Value) {
    let Some(spec) = fields_at(pod, "/spec") else {
        return;
    };
    let list = spec.entry("tolerations").or_insert_with(|| json!([]));
    let Some(list) = list.as_array_mut() else {
        return;
    };
    for taint in ["not-ready", "unreachable"] {
        let key = format!("node.kubernetes.io/{taint}");
        let tolerated = list.iter().any(|toleration| {
            let text = |name: &str| {
                toleration
                    .get(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            (text("key") == key || text("key").is_empty())
                && (text("effect") == "NoExecute" || text("effect").is_empty())
        });
        if !tolerated {
            list.push(json!({"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300}));
        }
    }
}

/// A new pod waits.
pub(super) fn prepare_create(pod: &mut Value) {
    let quality = quality(pod);
    if let Some(fields) = pod.as_object_mut() {
        fields.insert(
            "status".into(),
            json!({"phase": "Pending", "qosClass": quality}),
        );
    }
}

fn quality(pod: &Value) -> &'static str {
    let containers = ["/spec/containers", "/spec/initContainers"].into_iter();
    let containers = containers
        .filter_map(|list| pod.at(list)?.as_array())
        .flatten();
    let (mut any, mut all) = (false, true);
    for container in containers {
        let amounts = |what: &str| -> Map<String, Value> {
            let found = container
                .at(&format!("/resources/{what}"))
                .and_then(Value::as_object);
            let counted = found.into_iter().flatten().filter(|(name, amount)| {
                ["cpu", "memory"].contains(&name.as_str()) && amount.as_str() != Some("0")
            });
            counted
                .map(|(name, amount)| (name.clone(), amount.clone()))
                .collect()
        };
        let (requests, limits) = (amounts("requests"), amounts("limits"));
        any |= !requests.is_empty() || !limits.is_empty();
        all &= limits.len() == 2 && requests == limits;
    }
    match (any, all) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// A write of a pod's status leaves owners and quality.
pub(super) fn keep_on_status(old: &Value, new: &mut Value) {
    let owners = old.at("/metadata/ownerReferences").cloned();
    if let Some(metadata) = fields_at(new, "/metadata") {
        match owners {
            Some(owners) => metadata.insert("ownerReferences".into(), owners),
            None => metadata.remove("ownerReferences"),
        };
    }
    if let Some(quality) = old.at("/status/qosClass") {
        fill_at(new, "/status", "qosClass", quality.clone());
    }
}

/// Where a volume may come from, in the order in which they are looked at.
const SOURCES: &[&str] = &[
    "emptyDir",
    "hostPath",
    "secret",
    "persistentVolumeClaim",
    "downwardAPI",
    "configMap",
    "projected",
];

/// What is wrong with a pod's spec.
pub(super) fn validate(object: &Value, at: &str) -> Vec<Cause> {
    let pointer = format!("/{}", at.replace('.', "/"));
    let spec = object.at(&pointer).cloned().unwrap_or_default();
    let mut causes = Vec::new();
    let list = |name: &str| {
        spec.get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let mut volumes = Vec::new();
    for (index, volume) in list("volumes").iter().enumerate() {
        match SOURCES
            .iter()
            .filter(|source| volume.get(source).is_some())
            .nth(1)
        {
            Some(second) => {
                let path = format!("{at}.volumes[{index}].{second}");
                causes.push(Cause::forbidden(
                    &path,
                    "may not specify more than 1 volume type",
                ));
            }
            None => volumes.extend(volume.get("name").cloned()),
        }
    }
    if list("containers").is_empty() {
        causes.push(Cause::required(&format!("{at}.containers")));
    }
    for kind in ["containers", "initContainers"] {
        for (index, container) in list(kind).iter().enumerate() {
            let path = format!("{at}.{kind}[{index}]");
            for field in ["name", "image"] {
                if container.get(field).is_none_or(super::is_empty) {
                    causes.push(Cause::required(&format!("{path}.{field}")));
                }
            }
            let amount = |what: &str, name: &str| {
                let text = container
                    .at(&format!("/resources/{what}/{name}"))?
                    .as_str()?;
                Quantity(text.to_owned()).milli()
            };
            for name in ["cpu", "memory"] {
                let (request, limit) = (amount("requests", name), amount("limits", name));
                if limit.is_some() && request > limit {
                    let message = format!("must be less than or equal to {name} limit");
                    causes.push(Cause::invalid(
                        &format!("{path}.resources.requests"),
                        &message,
                    ));
                }
            }
            let mounts = container.get("volumeMounts").and_then(Value::as_array);
            for (mount, volume) in mounts.into_iter().flatten().enumerate() {
                if !volume
                    .get("name")
                    .is_some_and(|name| volumes.contains(name))
                {
                    let path = format!("{path}.volumeMounts[{mount}].name");
                    causes.push(Cause::new("FieldValueNotFound", &path, "Not found"));
                }
            }
        }
    }
    causes
}

fn tolerates_as_before(old: &Value, new: &Value) -> bool {
    let tolerations = |pod: &Value| -> Vec<Value> {
        let list = pod.at("/spec/tolerations").and_then(Value::as_array);
        let mut list = list.cloned().unwrap_or_default();
        for toleration in &mut list {
            toleration
                .as_object_mut()
                .and_then(|fields| fields.remove("tolerationSeconds"));
        }
        list
    };
    let there = tolerations(new);
    tolerations(old)
        .iter()
        .all(|toleration| there.contains(toleration))
}

/// Of a pod's spec next to nothing may change.
pub(super) fn validate_change(old: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = validate(new, "spec");
    for kind in ["containers", "initContainers"] {
        let count = |pod: &Value| {
            let list = pod.at(&format!("/spec/{kind}")).and_then(Value::as_array);
            list.map_or(0, Vec::len)
        };
        if count(old) != count(new) {
            let message = "pod updates may not add or remove containers";
            causes.push(Cause::forbidden(&format!("spec.{kind}"), message));
            return causes;
        }
    }
    if !tolerates_as_before(old, new) {
        let message = "existing toleration can not be modified except its tolerationSeconds";
        causes.push(Cause::forbidden("spec.tolerations", message));
    }
    let mut allowed = new.clone();
    for kind in ["/spec/containers", "/spec/initContainers"] {
        let before = old.at(kind).and_then(Value::as_array).into_iter().flatten();
        for (container, before) in elements_at(&mut allowed, kind).zip(before) {
            take_over(before, container, "image");
        }
    }
    for field in ["activeDeadlineSeconds", "tolerations"] {
        let spec = old.get("spec").cloned().unwrap_or_default();
        if let Some(new) = allowed.get_mut("spec") {
            take_over(&spec, new, field);
        }
    }
    if allowed.get("spec") == old.get("spec") {
        return causes;
    }
    let message =
        "pod updates may not change fields other than `spec.containers[*].image` and a few others";
    causes.push(Cause::forbidden("spec", message));
    causes
}
