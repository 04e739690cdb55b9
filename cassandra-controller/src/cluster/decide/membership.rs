//! Who belongs to the cluster. The record has a list of each rack's members, by ordinal; it may have holes, and an ordinal
//! never comes back. A rack that is to have more members gets the next ordinals, one that is to have fewer loses those that
//! have never begun; Members are made only of what is on record.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cassandra_api::{
    k8s_openapi::api::{apps::v1::StatefulSet, core::v1::PersistentVolumeClaim},
    labels, names,
    v1alpha1::{CassandraMember, Record, StartMode},
};
use kube::ResourceExt as _;

use super::host_ids;
use crate::cluster::{
    kinds::Kind, member_view::MemberView, observe::Observed, plan::Deletion, validate::Validated,
};

/// The ordinals of each rack's members: those on record, and Members that are there. One that is not on record any more and
/// has never begun is on its way out.
pub(in crate::cluster) fn ordinals(observed: &Observed) -> BTreeMap<String, BTreeSet<i32>> {
    let mut ordinals: BTreeMap<String, BTreeSet<i32>> = BTreeMap::new();
    let status = observed.cluster.status.as_ref();
    let recorded = status.map(|status| &status.record.members);
    for (rack, members) in recorded.into_iter().flatten() {
        ordinals.entry(rack.clone()).or_default().extend(members);
    }
    for member in observed.owned.members.values() {
        let spec = &member.spec;
        let struck_off = recorded.is_some_and(|recorded| {
            let of_rack = recorded.get(&spec.rack);
            of_rack.is_some_and(|members| !members.contains(&spec.ordinal))
        });
        if !struck_off || has_begun(observed, member) {
            let of_rack = ordinals.entry(spec.rack.clone()).or_default();
            of_rack.insert(spec.ordinal);
        }
    }
    ordinals
}

/// The members of this rack that have never begun, so that nothing is lost with them.
pub(in crate::cluster) fn not_begun(
    observed: &Observed,
    rack: &str,
    ordinals: &BTreeSet<i32>,
) -> BTreeSet<i32> {
    let cluster = observed.cluster.name_any();
    let begun = |ordinal: &&i32| {
        let name = names::member(&cluster, rack, **ordinal);
        let member = observed.owned.members.get(&name);
        member.map_or_else(
            || has_data(observed, &name),
            |member| has_begun(observed, member),
        )
    };
    ordinals.iter().filter(|o| !begun(o)).copied().collect()
}

/// Whether a member was ever permitted to start, or takes part in an operation. What is known of it may be old: the deletion
/// of its Member names the version that it was decided on.
fn has_begun(observed: &Observed, member: &CassandraMember) -> bool {
    let name = member.name_any();
    let status = observed.cluster.status.as_ref();
    let operation = status.and_then(|status| status.record.operation.as_ref());
    let takes_part = operation.is_some_and(|operation| operation.members.contains(&name));
    let start = &member.spec.start;
    let reported = member.status.as_ref();
    let joined = reported.is_some_and(|status| status.bootstrapped.is_some());
    takes_part
        || start.mode != StartMode::Hold
        || start.epoch > 0
        || member.spec.host_id.is_some()
        || joined
        || has_data(observed, &name)
}

/// Whether a member's volume is known to hold what a ring counts on.
fn has_data(observed: &Observed, member: &str) -> bool {
    let claims = &observed.owned.volume_claims;
    let claim = claims.get(&names::volume_claim(member));
    claim.is_some_and(|claim| claim.annotations().contains_key(labels::HOST_ID))
}

/// Records as many members of each rack as the spec asks for. Those that have never begun are struck off, the latest
/// first, if it asks for less.
pub(super) fn reserve(cluster: &Validated<'_>, record: &mut Record) {
    let mut there = ordinals(cluster.observed);
    if record.members.is_empty() {
        // Nobody is on record: it was lost, or the ring is adopted. Then volumes tell who belongs to it.
        for claim in cluster.observed.owned.volume_claims.values() {
            if let Some((rack, ordinal)) = place(claim) {
                there.entry(rack.into()).or_default().insert(ordinal);
            }
        }
    }
    for rack in &cluster.spec.racks {
        let mut members = there.remove(&rack.name).unwrap_or_default();
        let after = members.last().map_or(0, |last| last + 1);
        let next = record.next_ordinals.entry(rack.name.clone()).or_default();
        *next = after.max(*next);
        let wanted = usize::try_from(rack.members).unwrap_or_default();
        while members.len() < wanted {
            members.insert(*next);
            *next += 1;
        }
        let surplus = members.len() - wanted;
        let may_go = not_begun(cluster.observed, &rack.name, &members);
        for ordinal in may_go.iter().rev().take(surplus) {
            members.remove(ordinal);
        }
        let members = members.into_iter().collect();
        record.members.insert(rack.name.clone(), members);
    }
}

/// The deletion of Members that are not on record any more and have never begun. Only what the record that was read says:
/// what this pass strikes off goes in the next.
pub(super) fn deletions(cluster: &Validated<'_>) -> Vec<Deletion> {
    let there = ordinals(cluster.observed);
    let members = cluster.observed.owned.members.values();
    let struck_off = members.filter(|member| {
        let spec = &member.spec;
        let of_rack = there.get(&spec.rack);
        of_rack.is_some_and(|members| !members.contains(&spec.ordinal))
            && member.metadata.deletion_timestamp.is_none()
    });
    let deletion = |member: &Arc<CassandraMember>| {
        Some(Deletion {
            kind: Kind::CassandraMember,
            name: member.name_any(),
            uid: member.uid()?,
            resource_version: member.resource_version()?,
            reason: "the spec asks for fewer members, and this one has never begun".into(),
        })
    };
    struck_off.filter_map(deletion).collect()
}

/// Whether a volume that an earlier cluster has left has a member here: one on record, or room for one.
pub(super) fn has_place(cluster: &Validated<'_>, claim: &PersistentVolumeClaim) -> bool {
    let Some((name, ordinal)) = place(claim) else {
        return false;
    };
    let Some(rack) = cluster.spec.racks.iter().find(|rack| rack.name == name) else {
        return false;
    };
    if let Some(members) = cluster.status.record.members.get(name) {
        return members.contains(&ordinal);
    }
    let claims = cluster.observed.owned.volume_claims.values();
    let of_rack = claims.filter(|claim| place(claim).is_some_and(|(rack, _)| rack == name));
    i32::try_from(of_rack.count()).is_ok_and(|volumes| volumes <= rack.members)
}

/// Rack and ordinal of the member whose volume this is.
fn place(claim: &PersistentVolumeClaim) -> Option<(&str, i32)> {
    let labels = claim.labels();
    let ordinal = labels.get(labels::ORDINAL)?.parse().ok()?;
    Some((labels.get(labels::RACK)?, ordinal))
}

/// Every member that is there or on record, whatever the spec says.
pub(super) fn there(observed: &Observed) -> Vec<MemberView> {
    let cluster = observed.cluster.name_any();
    let ordinals = ordinals(observed).into_iter();
    let all =
        ordinals.flat_map(|(rack, of_rack)| of_rack.into_iter().map(move |o| (rack.clone(), o)));
    let mut views: Vec<_> = all
        .map(|(rack, ordinal)| {
            let name = names::member(&cluster, &rack, ordinal);
            view(observed, name, &rack, None, ordinal)
        })
        .collect();
    host_ids::doubt(&mut views);
    views
}

/// Every member that is on record, rack by rack, in the order of the spec.
pub(super) fn views(cluster: &Validated<'_>) -> Vec<MemberView> {
    let recorded = |rack: &str| {
        cluster
            .status
            .record
            .members
            .get(rack)
            .into_iter()
            .flatten()
    };
    let racks = cluster.spec.racks.iter();
    let mut views: Vec<_> = racks
        .flat_map(|rack| recorded(&rack.name).map(move |ordinal| (rack, *ordinal)))
        .map(|(rack, ordinal)| {
            let name = names::member(&cluster.name, &rack.name, ordinal);
            view(
                cluster.observed,
                name,
                &rack.name,
                rack.zone.as_ref(),
                ordinal,
            )
        })
        .collect();
    host_ids::doubt(&mut views);
    views
}

fn view(
    observed: &Observed,
    name: String,
    rack: &str,
    zone: Option<&String>,
    ordinal: i32,
) -> MemberView {
    let owned = &observed.owned;
    let uid = &observed.cluster.metadata.uid;
    let is_own = |claim: &&Arc<PersistentVolumeClaim>| {
        uid.is_some() && claim.labels().get(labels::CLUSTER_UID) == uid.as_ref()
    };
    let claim = owned.volume_claims.get(&names::volume_claim(&name));
    let member = owned.members.get(&name);
    let of_this = |set: &&Arc<StatefulSet>| !is_of_an_earlier_member(member.map(Arc::as_ref), set);
    MemberView {
        rack: rack.into(),
        zone: zone.cloned(),
        ordinal,
        member: member.cloned(),
        service: owned.services.get(&name).cloned(),
        claim: claim.filter(is_own).cloned(),
        stateful_set: owned.stateful_sets.get(&name).filter(of_this).cloned(),
        pod: owned.pods.get(&names::pod(&name)).cloned(),
        name,
        doubt: None,
    }
}

/// Whether it goes with an earlier Member of the name. Taking it over would keep the garbage collector from removing
/// it, and its pod reports to nobody: only one that has no owner is taken over.
fn is_of_an_earlier_member(member: Option<&CassandraMember>, set: &StatefulSet) -> bool {
    let uid = member.and_then(|member| member.metadata.uid.as_ref());
    let owners = set.owner_references();
    let controller = owners.iter().find(|owner| owner.controller == Some(true));
    controller.is_some_and(|owner| Some(&owner.uid) != uid)
}
