//! The volume claim of a member. It has no owner: it stays when the member or the cluster is deleted.

use std::sync::Arc;

use cassandra_api::{
    k8s_openapi::api::core::v1::PersistentVolumeClaim, labels, names, quantity::Quantity,
};
use kube::ResourceExt as _;
use serde_json::{Value, json};

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

/// The claim of a member. Host id and image are noted on it, so that it tells whose data it holds and what wrote it.
pub(crate) fn volume_claim(cluster: &Validated<'_>, view: &MemberView) -> Option<Desired> {
    let live = view.claim.as_deref();
    let mut annotations = serde_json::Map::new();
    if let Some(origin) = live.and_then(|claim| claim.annotations().get(labels::ADOPTED_FROM)) {
        annotations.insert(labels::ADOPTED_FROM.into(), json!(origin));
    }
    if let Some(host_id) = view.host_id().filter(|_| view.has_joined()) {
        annotations.insert(labels::HOST_ID.into(), json!(host_id));
        let member = view.member.as_ref();
        if let Some(workload) = member.and_then(|member| member.spec.workload.as_ref()) {
            annotations.insert(labels::IMAGE.into(), json!(workload.image));
        }
    }
    let name = names::volume_claim(&view.name);
    let object = claim(cluster, &name, &view.rack, view.ordinal, &annotations, live);
    ensure(
        Kind::PersistentVolumeClaim,
        &name,
        fields::MEMBER,
        Guard::Uid,
        object,
        &cluster.observed.owned,
        live,
    )
}

/// The claim that an earlier cluster has left, taken over: same volume, other cluster.
pub(crate) fn adopted_claim(
    cluster: &Validated<'_>,
    live: &Arc<PersistentVolumeClaim>,
    origin: &str,
) -> Option<Desired> {
    let rack = live.labels().get(labels::RACK)?;
    let ordinal = live.labels().get(labels::ORDINAL)?.parse().ok()?;
    let mut annotations = serde_json::Map::new();
    annotations.insert(labels::ADOPTED_FROM.into(), json!(origin));
    if let Some(host_id) = live.annotations().get(labels::HOST_ID) {
        annotations.insert(labels::HOST_ID.into(), json!(host_id));
    }
    let name = live.name_any();
    let object = claim(cluster, &name, rack, ordinal, &annotations, Some(live));
    ensure(
        Kind::PersistentVolumeClaim,
        &name,
        fields::MEMBER,
        Guard::Version,
        object,
        &cluster.observed.owned,
        Some(live.as_ref()),
    )
}

fn claim(
    cluster: &Validated<'_>,
    name: &str,
    rack: &str,
    ordinal: i32,
    annotations: &serde_json::Map<String, Value>,
    live: Option<&PersistentVolumeClaim>,
) -> Value {
    let member = names::member(&cluster.name, rack, ordinal);
    let mut labels = labels::of_member(&cluster.name, &cluster.uid, rack, &member);
    labels.insert(labels::ORDINAL.into(), ordinal.to_string());
    let there = live.and_then(|claim| claim.spec.as_ref());
    // Immutable fields are sent as they are.
    let modes = there.and_then(|spec| spec.access_modes.clone());
    let modes = modes.map_or_else(
        || json!([cluster.spec.storage.access_mode]),
        |modes| json!(modes),
    );
    let class = match there {
        Some(spec) => spec.storage_class_name.clone(),
        None => cluster.spec.storage.storage_class_name.clone(),
    };
    let mut spec = json!({
        "accessModes": modes,
        "resources": { "requests": { "storage": size(cluster, live) } },
    });
    if let (Some(class), Some(fields)) = (class, spec.as_object_mut()) {
        fields.insert("storageClassName".into(), class.into());
    }
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": name, "labels": labels, "annotations": annotations },
        "spec": spec,
    })
}

/// What the spec asks for, or what there is if that is more: a volume never shrinks.
fn size(cluster: &Validated<'_>, live: Option<&PersistentVolumeClaim>) -> Option<String> {
    let wanted = cluster.spec.storage.size.clone();
    let there = live
        .and_then(|claim| {
            claim
                .spec
                .as_ref()?
                .resources
                .as_ref()?
                .requests
                .as_ref()?
                .get("storage")
        })
        .map(|quantity| Quantity(quantity.0.clone()));
    let bytes = |quantity: &Option<Quantity>| quantity.as_ref().and_then(Quantity::units);
    let larger = if bytes(&there) > bytes(&wanted) {
        there
    } else {
        wanted
    };
    larger.map(|quantity| quantity.0)
}
