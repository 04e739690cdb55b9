//! The StatefulSet of one replica that brings the member's pod back, also while the operator is down, and never
//! runs two of it. It is changed when the Member's workload is; the pod takes that when it is made again.
//!
//! What others have added to its spec is drift too: a container or a volume more is another pod. What the API server, or
//! an admission webhook, makes of our own writes is not. The two are told apart by Kubernetes' count of changes of the
//! spec, `metadata.generation`: each write of ours puts the number that it makes into the template, so any other number
//! there is of somebody else's write.

use cassandra_api::{
    k8s_openapi::api::apps::v1::StatefulSet,
    labels,
    v1alpha1::{CassandraMember, CassandraMemberSpec},
};
use kube::ResourceExt as _;
use serde::Serialize;
use serde_json::{Value, json};

use super::{configuration::digest, owner, pod};
use crate::{
    cluster::{
        drift::{Guard, ensure_made_of},
        kinds::Kind,
        member_view::MemberView,
        plan::{Desired, Existing},
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
    // Kubernetes makes no pod for an account that is not there.
    let account_uid = cluster.account_uid()?;
    let pvc_uid = view.claim.as_ref().and_then(|claim| claim.uid());
    if pvc_uid.is_none() && !workload.ephemeral {
        return None;
    }
    let member_uid = member.uid()?;
    let live = view.stateful_set.as_deref();
    if live.is_some_and(|set| set.metadata.deletion_timestamp.is_some()) {
        return None;
    }
    let generation = live.map_or(1, |set| set.metadata.generation.unwrap_or_default());
    let parts = pod::Parts::new(cluster, (&view.name, &member_uid), pvc_uid, spec, workload);
    let annotated = Annotated {
        member_uid: &member_uid,
        account_uid: &account_uid,
        generation,
    };
    let desired = ensure_made_of(
        Kind::StatefulSet,
        &view.name,
        fields::MEMBER,
        Guard::Version,
        &(&parts, &annotated, &view.rack),
        || object(cluster, view, &parts, &annotated),
        &cluster.observed.owned,
        live,
    )?;
    Some(match live {
        Some(live) => counted(desired, view, live, generation),
        None => desired,
    })
}

/// What is noted in the template beside the pod.
#[derive(Serialize)]
struct Annotated<'a> {
    member_uid: &'a str,
    account_uid: &'a str,
    generation: i64,
}

/// The object: the pod, what is noted beside it and the rack's name are all that changes.
fn object(
    cluster: &Validated<'_>,
    view: &MemberView,
    parts: &pod::Parts<'_>,
    annotated: &Annotated<'_>,
) -> Value {
    let mut template = json!(pod::template(parts));
    let made_from = digest(&template);
    if let Some(metadata) = template.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert(
            "annotations".into(),
            json!({
                labels::TEMPLATE_DIGEST: made_from,
                labels::MEMBER_UID: annotated.member_uid,
                labels::SERVICE_ACCOUNT_UID: annotated.account_uid,
                labels::GENERATION: annotated.generation.to_string(),
            }),
        );
    }
    let mut object = json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {
            "name": view.name,
            "labels": labels::of_member(&cluster.name, &cluster.uid, &view.rack, &view.name),
            "ownerReferences": owner("CassandraMember", &view.name, annotated.member_uid),
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
    object
}

/// The write that changes what is there, and says which number of a change it is.
fn counted(
    mut desired: Desired,
    view: &MemberView,
    live: &StatefulSet,
    generation: i64,
) -> Desired {
    let annotations = "/spec/template/metadata/annotations";
    let annotations = desired.object.pointer_mut(annotations);
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        let next = (generation + 1).to_string();
        annotations.insert(labels::GENERATION.into(), next.into());
    }
    let counted = view.template_annotation(labels::GENERATION);
    if counted != Some(&generation.to_string()) {
        desired.existing = Existing::Altered {
            uid: live.uid().unwrap_or_default(),
            resource_version: live.resource_version().unwrap_or_default(),
        };
    }
    desired
}
