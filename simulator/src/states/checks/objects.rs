//! What a plan does to objects.

use std::collections::BTreeSet;

use cassandra_api::{labels, quantity::Quantity};
use cassandra_controller::{
    cluster::{Deletion, Desired, Existing, Kind, Observed, Plan},
    testing::CLUSTER_UID,
};
use kube::ResourceExt as _;

use super::super::{member_case::MemberCase, state::State};
use crate::json::text;

/// No volume claim is deleted.
pub(super) fn claims_stay(_: &State, plan: &Plan) -> Option<String> {
    let mut claims = plan.delete.iter();
    let gone = claims.find(|deletion| deletion.kind == Kind::PersistentVolumeClaim)?;
    Some(format!("the claim {} is deleted", gone.name))
}

/// A deletion is of an object that was seen, as it was seen.
pub(super) fn deletions_name_their_object(state: &State, plan: &Plan) -> Option<String> {
    let is_seen = |deletion: &&Deletion| {
        let seen = identity(&state.observed, deletion.kind, &deletion.name);
        seen == Some((deletion.uid.clone(), deletion.resource_version.clone()))
    };
    let wrong = plan.delete.iter().find(|deletion| !is_seen(deletion))?;
    Some(format!(
        "{:?} {} is deleted by a UID or version that it has not",
        wrong.kind, wrong.name
    ))
}

/// UID and resource version of what is deleted at all.
fn identity(observed: &Observed, kind: Kind, name: &str) -> Option<(String, String)> {
    let owned = &observed.owned;
    let metadata = match kind {
        Kind::Pod => &owned.pods.get(name)?.metadata,
        Kind::ConfigMap => &owned.config_maps.get(name)?.metadata,
        Kind::CassandraMember
        | Kind::PersistentVolumeClaim
        | Kind::PodDisruptionBudget
        | Kind::Role
        | Kind::RoleBinding
        | Kind::Service
        | Kind::ServiceAccount
        | Kind::StatefulSet => return None,
    };
    metadata.uid.clone().zip(metadata.resource_version.clone())
}

/// No pod is deleted in which Cassandra runs.
pub(super) fn only_pods_without_cassandra_go(state: &State, plan: &Plan) -> Option<String> {
    let pods = plan.delete.iter().filter(|gone| gone.kind == Kind::Pod);
    let mut pods = pods.filter_map(|gone| gone.name.strip_suffix("-0"));
    let wrong = pods.find(|name| state.case(name).is_none_or(MemberCase::cassandra_runs))?;
    Some(format!("the pod of {wrong} is deleted while it runs"))
}

/// Nothing changes while the cluster is paused or its spec is invalid.
pub(super) fn nothing_changes_while_it_must_not(state: &State, plan: &Plan) -> Option<String> {
    let changes = plan.record.is_some() || !plan.apply.is_empty() || !plan.delete.is_empty();
    (changes && state.spec.forbids_changes())
        .then(|| format!("something changes, and the spec is {:?}", state.spec))
}

/// All that is made has an owner of this cluster, but for claims, which stay when it goes. All have its label.
pub(super) fn all_is_owned(state: &State, plan: &Plan) -> Option<String> {
    let wrong = plan
        .apply
        .iter()
        .find(|desired| !is_owned(state, desired))?;
    Some(format!(
        "{:?} {} is not marked as this cluster's",
        wrong.kind, wrong.name
    ))
}

fn is_owned(state: &State, desired: &Desired) -> bool {
    let metadata = desired.object.get("metadata");
    let label =
        metadata.and_then(|metadata| metadata.get("labels")?.get(labels::CLUSTER_UID)?.as_str());
    let owners = metadata
        .and_then(|metadata| metadata.get("ownerReferences")?.as_array())
        .map_or(&[][..], Vec::as_slice);
    let is_known = |uid: &str| {
        let mut members = state.observed.owned.members.values();
        uid == CLUSTER_UID || members.any(|member| member.metadata.uid.as_deref() == Some(uid))
    };
    let right = match (desired.kind, owners) {
        (Kind::PersistentVolumeClaim, owners) => owners.is_empty(),
        (_, [owner]) => is_known(text(owner, "/uid")),
        (_, _) => false,
    };
    label == Some(CLUSTER_UID) && right
}

/// No claim asks for less than it has.
pub(super) fn claims_do_not_shrink(state: &State, plan: &Plan) -> Option<String> {
    let units = |quantity: &str| Quantity(quantity.to_owned()).units();
    let claims = plan.apply.iter();
    let mut claims = claims.filter(|desired| desired.kind == Kind::PersistentVolumeClaim);
    let wrong = claims.find(|desired| {
        let there = state.observed.owned.volume_claims.get(&desired.name);
        let there = there.and_then(|claim| {
            let resources = claim.spec.as_ref()?.resources.as_ref()?;
            units(&resources.requests.as_ref()?.get("storage")?.0)
        });
        let wanted = units(text(&desired.object, "/spec/resources/requests/storage"));
        there.is_some() && wanted < there
    })?;
    Some(format!("the claim {} shrinks", wrong.name))
}

/// No two desires are about the same object.
pub(super) fn one_desire_for_each_object(_: &State, plan: &Plan) -> Option<String> {
    let mut seen = BTreeSet::new();
    let mut all = plan.apply.iter();
    let twice = all.find(|desired| !seen.insert((desired.kind, desired.name.as_str())))?;
    Some(format!("{:?} {} is desired twice", twice.kind, twice.name))
}

/// What is written is what its kind and name say, and never the user's cluster object. What was seen is not said to be
/// absent, if it is ours.
pub(super) fn users_objects_stay(state: &State, plan: &Plan) -> Option<String> {
    let wrong = plan.apply.iter().find(|desired| {
        let kind = text(&desired.object, "/kind");
        kind != format!("{:?}", desired.kind)
            || text(&desired.object, "/metadata/name") != desired.name
            || taken(state, desired)
    })?;
    Some(format!(
        "{:?} {} is written over something else",
        wrong.kind, wrong.name
    ))
}

/// Whether a Member that is there is said not to be, or to be another.
fn taken(state: &State, desired: &Desired) -> bool {
    let Some(there) = state.observed.owned.members.get(&desired.name) else {
        return false;
    };
    let uid = match &desired.existing {
        Existing::Absent => None,
        Existing::Differs { uid, .. } | Existing::Altered { uid, .. } => Some(uid.clone()),
    };
    desired.kind == Kind::CassandraMember && uid != there.uid()
}
