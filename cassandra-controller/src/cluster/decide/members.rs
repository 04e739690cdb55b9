//! Each member's objects: the Member itself, its Service, its volume claim, its StatefulSet.

use cassandra_api::{
    k8s_openapi::jiff::Timestamp,
    labels, names,
    v1alpha1::{Broadcast, CassandraMemberSpec, ClusterReference, Workload},
};
use kube::ResourceExt as _;

use super::{
    configuration::Revision,
    ring::{Apart, StartOrder, apart},
    summary::{MemberSummary, announce, reason, summary},
    waiting,
    workload::{outdated_pod, pending_parts, workload},
};
use crate::cluster::{
    kinds::Kind,
    member_view::MemberView,
    objects,
    plan::{Deletion, Desired, Event, Plan},
    validate::Validated,
};

/// Plans every member's objects and says how each stands.
pub(super) fn decide(
    cluster: &Validated<'_>,
    members: &[MemberView],
    orders: Vec<StartOrder>,
    revision: Option<&Revision>,
    plan: &mut Plan,
) -> Vec<MemberSummary> {
    let told = members.iter().zip(orders).zip(apart(members));
    told.map(|((view, order), apart)| {
        decide_one(cluster, view, order, apart.as_ref(), revision, plan)
    })
    .collect()
}

/// How the members stand that are there, where nothing is decided.
pub(super) fn standing(members: &[MemberView], now: Timestamp) -> Vec<MemberSummary> {
    let stand = |(view, apart): (&MemberView, Option<Apart>)| {
        let spec = view.member.as_ref().map(|member| &member.spec);
        let order = StartOrder {
            operation: spec.and_then(|spec| spec.operation.clone()),
            ..StartOrder::default()
        };
        let silent = waiting::on_the_node(view, now).or_else(|| waiting::on_the_agent(view, now));
        summary(view, &order, apart.as_ref(), silent, false)
    };
    members.iter().zip(apart(members)).map(stand).collect()
}

fn decide_one(
    cluster: &Validated<'_>,
    view: &MemberView,
    order: StartOrder,
    apart: Option<&Apart>,
    revision: Option<&Revision>,
    plan: &mut Plan,
) -> MemberSummary {
    let workload = workload(cluster, view, revision);
    let behind = behind(cluster, view, workload.as_ref(), revision);
    let waiting = reason(cluster, view, apart, order.waiting.as_ref(), &behind);
    announce(view, waiting.as_ref(), plan);
    let told = objects::waiting(view, waiting.as_ref(), &cluster.observed.now);
    plan.conditions.extend(told);
    plan.delete
        .extend(left_pod(view, order.make_pod_again.as_deref()));
    let summary = summary(view, &order, apart, waiting, !behind.is_empty());
    if let Some(workload) = workload {
        let spec = spec(cluster, view, order, workload);
        let mut objects = objects(cluster, view, &spec);
        // A claim that is taken over now is not made as well, whatever the cache has of it yet.
        objects.retain(|object| !plan.has(object));
        plan.apply.extend(objects);
        plan.delete.extend(outdated_pod(cluster, view, &spec));
    }
    summary
}

/// The deletion of the pod that is there, if it has to go.
fn left_pod(view: &MemberView, why: Option<&str>) -> Option<Deletion> {
    let (pod, why) = (view.pod.as_ref()?, why?);
    Some(Deletion {
        kind: Kind::Pod,
        name: pod.name_any(),
        uid: pod.uid()?,
        resource_version: pod.resource_version()?,
        reason: why.into(),
    })
}

/// That a member which has never begun goes, and its claim does not.
pub(super) fn struck_off(gone: &Deletion) -> Event {
    let (name, claim) = (&gone.name, names::volume_claim(&gone.name));
    let note = format!(
        "{name} never began and is not asked for any more. Its volume claim {claim} stays; delete it if you have no use \
         for it"
    );
    Event::normal("MemberRemoved", note).action(name)
}

/// The parts of the spec that it does not run with, when it is made of this.
fn behind(
    cluster: &Validated<'_>,
    view: &MemberView,
    workload: Option<&Workload>,
    revision: Option<&Revision>,
) -> Vec<&'static str> {
    match (workload, revision) {
        (Some(workload), Some(revision)) => pending_parts(cluster, view, revision, workload),
        _ => Vec::new(),
    }
}

/// The writes that put the member's objects right.
fn objects(cluster: &Validated<'_>, view: &MemberView, spec: &CassandraMemberSpec) -> Vec<Desired> {
    let mut writes = Vec::new();
    writes.extend(objects::member(cluster, view, spec));
    let Some(member) = &view.member else {
        return writes;
    };
    writes.extend(objects::member_service(cluster, view, member));
    if !cluster.spec.storage.ephemeral {
        writes.extend(objects::volume_claim(cluster, view));
    }
    writes.extend(objects::stateful_set(cluster, view, member, spec));
    writes
}

fn spec(
    cluster: &Validated<'_>,
    view: &MemberView,
    order: StartOrder,
    workload: Workload,
) -> CassandraMemberSpec {
    let claim = view.claim.as_ref();
    let adopted_from =
        claim.and_then(|claim| claim.annotations().get(labels::ADOPTED_FROM).cloned());
    let by_service = cluster.spec.network.broadcast == Broadcast::MemberService;
    CassandraMemberSpec {
        cluster: ClusterReference {
            name: cluster.name.clone(),
            uid: cluster.uid.clone(),
        },
        cluster_name: cluster.cluster_name.clone(),
        datacenter: cluster.spec.datacenter.clone(),
        rack: view.rack.clone(),
        ordinal: view.ordinal,
        workload: Some(workload),
        start: order.start,
        broadcast_address: view.broadcast_address().filter(|_| by_service),
        adopted_from,
        host_id: view.host_id().filter(|_| view.has_joined()).map(Into::into),
        refresh: order.refresh,
        operation: order.operation,
        jobs: Vec::new(),
    }
}
