//! The pod of a member in each of its cases, as StatefulSet controller, scheduler and kubelet make it.

use cassandra_api::{
    k8s_openapi::api::{
        apps::v1::StatefulSet,
        core::v1::{Pod, PodTemplateSpec},
    },
    labels, names,
};
use serde_json::{Error, Value, json};

use super::{baseline::NAMESPACE, member_case::MemberCase};

/// The pod of this StatefulSet.
pub(super) fn of_member(set: &StatefulSet, name: &str, case: MemberCase) -> Result<Pod, Error> {
    let template = set.spec.as_ref().map(|spec| spec.template.clone());
    let PodTemplateSpec { metadata, spec } = template.unwrap_or_default();
    let mut metadata = metadata.unwrap_or_default();
    metadata.name = Some(names::pod(name));
    metadata.namespace = Some(NAMESPACE.into());
    metadata.uid = Some(format!("Pod-{name}"));
    metadata.resource_version = Some("200".into());
    if matches!(case, MemberCase::Outdated | MemberCase::Behind) {
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(labels::TEMPLATE_DIGEST.into(), "older".into());
    }
    if case == MemberCase::Terminating {
        metadata.deletion_timestamp = Some(serde_json::from_value(json!("1970-01-01T00:00:00Z"))?);
    }
    Ok(Pod {
        metadata,
        spec,
        status: Some(serde_json::from_value(status(case))?),
    })
}

fn status(case: MemberCase) -> Value {
    if case == MemberCase::Unscheduled {
        let condition = json!({ "type": "PodScheduled", "status": "False",
            "message": "0/3 nodes are available." });
        return json!({ "conditions": [condition] });
    }
    let running = |name: &str| {
        json!({ "name": name, "image": "i", "imageID": "", "ready": true, "started": true,
            "restartCount": 0, "state": { "running": {} } })
    };
    if matches!(case, MemberCase::NotPulled | MemberCase::Outdated) {
        let waiting = json!({ "name": "init-config", "image": "i", "imageID": "", "ready": false,
            "restartCount": 0, "state": { "waiting": { "reason": "ImagePullBackOff" } } });
        return json!({ "initContainerStatuses": [running("agent"), waiting] });
    }
    let ready = if case.serves() { "True" } else { "False" };
    let cassandra = if case.cassandra_runs() {
        vec![running("cassandra")]
    } else {
        Vec::new()
    };
    json!({ "podIP": "10.1.0.1", "conditions": [{ "type": "Ready", "status": ready }],
        "initContainerStatuses": [running("agent")], "containerStatuses": cassandra })
}
