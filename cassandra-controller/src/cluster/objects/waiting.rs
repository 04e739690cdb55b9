//! Why a Member waits, as a condition in its status. The rest of the status is its agent's: server-side apply keeps the
//! two apart, each the owner of its own conditions.

use cassandra_api::{
    GROUP,
    conditions::{self, Wanted},
    k8s_openapi::apimachinery::pkg::apis::meta::v1::Time,
    rules::Waiting,
};
use kube::ResourceExt as _;
use serde_json::json;

use crate::{
    cluster::{
        kinds::Kind,
        member_view::MemberView,
        plan::{Desired, Existing},
    },
    fields,
};

/// The write that has the Member say what it waits for, or no longer say it. The reason is the rule's name, as in events,
/// metrics and docs.
pub(crate) fn waiting(view: &MemberView, waiting: Option<&Waiting>, now: &Time) -> Option<Desired> {
    let member = view.member.as_ref()?;
    let status = member.status.as_ref();
    let old = status.map_or(&[][..], |status| &status.conditions);
    let wanted = waiting.map(|waiting| {
        let (reason, message) = (waiting.rule.name(), waiting.message.clone());
        // Not of a generation: the words depend on more than the spec, and must not be written at each of its changes.
        Wanted::new(conditions::WAITING, true, reason, message).onto(old, None, now)
    });
    if wanted.as_ref() == conditions::find(old, conditions::WAITING) {
        return None;
    }
    let mut object = json!({
        "apiVersion": format!("{GROUP}/v1alpha1"),
        "kind": "CassandraMember",
        "metadata": { "name": view.name },
    });
    // What is no longer applied goes.
    if let (Some(condition), Some(object)) = (wanted, object.as_object_mut()) {
        object.insert("status".into(), json!({ "conditions": [condition] }));
    }
    Some(Desired {
        kind: Kind::CassandraMember,
        name: view.name.clone(),
        manager: fields::WAITING,
        existing: Existing::Differs {
            uid: member.uid()?,
            resource_version: None,
        },
        object,
    })
}
