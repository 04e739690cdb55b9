//! The StatefulSet of one replica that brings the member's pod back, also while the operator is down, and never
//! runs two of it. It is changed when the Member's workload is; the pod takes that when it is made again.

use cassandra_api::{
    labels,
    v1alpha1::{CassandraMember, CassandraMemberSpec},
};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::{configuration::digest, owner, pod};
use crate::{
    cluster::{
        drift::{Guard, ensure},
        kinds::Kind,
        member_view::MemberView,
        plan::Desired,
        validate::Validated,
    },
    fields,
};

/// The StatefulSet, once what its pod names is there: the Service's address and the volume claim.
pub(crate) fn stateful_set(
    cluster: &Validated<'_>,
    view: &MemberView,
    member: &CassandraMember,
    spec: &CassandraMemberSpec,
) -> Option<Desired> {
    let workload = spec.workload.as_ref()?;
    view.service_address()?;
    let pvc_uid = view.claim.as_ref().and_then(|claim| claim.uid());
    if pvc_uid.is_none() && !workload.ephemeral {
        return None;
    }
    let member_uid = member.uid()?;
    let parts = pod::Parts::new(cluster, (&view.name, &member_uid), pvc_uid, spec, workload);
    let mut template = json!(pod::template(&parts));
    let made_from = digest(&template);
    if let Some(metadata) = template.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert(
            "annotations".into(),
            json!({ labels::TEMPLATE_DIGEST: made_from, labels::MEMBER_UID: member_uid }),
        );
    }
    let mut object = json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {
            "name": view.name,
            "labels": labels::of_member(&cluster.name, &cluster.uid, &view.rack, &view.name),
            "ownerReferences": owner("CassandraMember", &view.name, &member_uid),
        },
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 1,
            "serviceName": cluster.name,
            // Ordered would wait for a broken pod to become ready before it is replaced.
            "podManagementPolicy": "Parallel",
            "updateStrategy": { "type": "OnDelete" },
            "selector": { "matchLabels": labels::selecting_member(&cluster.name, &view.name) },
        },
    });
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        // Moved: `json!` would copy it.
        spec.insert("template".into(), template);
    }
    ensure(
        Kind::StatefulSet,
        &view.name,
        fields::MEMBER,
        Guard::Uid,
        object,
        &cluster.observed.owned,
        view.stateful_set.as_deref(),
    )
}
