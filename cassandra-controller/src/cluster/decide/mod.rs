//! The decision: a pure function of what was observed. No clock, no randomness, no IO.
//!
//! A plan holds what should be written now, given what is there; what depends on the outcome of a write (the
//! UID of a Member, the address of a Service) is decided in the pass after it. Nothing is remembered between
//! passes but what is in the objects.

mod adoption;
mod configuration;
mod deadlines;
mod host_ids;
mod members;
pub(super) mod membership;
mod operation;
mod ring;
mod status;
mod summary;
mod waiting;
mod workload;

use std::{collections::BTreeSet, time::Duration};

use cassandra_api::{
    rules::{Rule, Waiting},
    v1alpha1::{CassandraClusterStatus, Record},
};

use super::{
    objects,
    observe::Observed,
    plan::{Event, Plan, RecordUpdate},
    validate::{Validated, validate},
};
use ring::{Ring, StartOrder, start_order};
use summary::MemberSummary;

/// While an operation goes on, the cluster is looked at again after this time: an event that a watch has lost must not
/// hold the ring up until the next resync.
const OPERATION_RESYNC: Duration = Duration::from_secs(30);
/// A name that somebody else's object has is tried again after this time: what is not ours is not watched.
const NAME_RESYNC: Duration = Duration::from_mins(1);

/// What to do now about this cluster.
pub fn decide(observed: &Observed) -> Plan {
    match validate(observed) {
        Err(problems) => {
            Plan::status_only(status::invalid(observed, &standing(observed), &problems))
        }
        Ok(cluster) if cluster.spec.paused => {
            Plan::status_only(status::paused(&cluster, plan_for(&cluster).status))
        }
        Ok(cluster) => plan_for(&cluster),
    }
}

/// What the status says when not all of it could be read.
pub(super) fn unread(observed: &Observed) -> CassandraClusterStatus {
    status::unread(observed, &standing(observed))
}

/// The members that serve now.
pub(super) fn serving(observed: &Observed) -> BTreeSet<String> {
    let members = standing(observed).into_iter();
    let serving = members.filter(|member| member.ready);
    serving.map(|member| member.name).collect()
}

fn standing(observed: &Observed) -> Vec<MemberSummary> {
    members::standing(&membership::there(observed), observed.now.0)
}

fn plan_for(cluster: &Validated<'_>) -> Plan {
    let mut plan = Plan::default();
    let mut held_up: Vec<Waiting> = Vec::new();
    plan.apply.extend(objects::shared_objects(cluster));

    let revision = match configuration::revision(cluster) {
        Ok(revision) => {
            plan.apply.extend(revision.object.clone());
            Some(revision)
        }
        Err(waiting) => {
            held_up.push(waiting);
            None
        }
    };
    let before = &cluster.status.record;
    let mut record = before.clone();
    match adoption::decide(cluster, &mut record) {
        adoption::Step::Proceed => {}
        adoption::Step::Adopt(claims) => {
            plan.apply.extend(claims);
            plan.events.push(Event::normal(
                "VolumesAdopted",
                "taking over the volumes of an earlier cluster of this name",
            ));
        }
        adoption::Step::Hold(waiting) => {
            held_up.push(waiting);
            if before.members.is_empty() {
                plan.status = status::report(cluster, &[], held_up, revision.as_ref());
                return plan;
            }
            // The cluster lives; only a member whose claim's name is taken has to wait.
        }
    }
    membership::reserve(cluster, &mut record);
    // Members are made only of what is on record.
    let views = membership::views(cluster);
    plan.events
        .extend(operation::recover_founder(&views, &mut record));
    let ring = Ring::of(cluster, &record, &views);
    let orders = orders(&ring, &mut record, &mut plan.events);
    let summaries = members::decide(cluster, &views, orders, revision.as_ref(), &mut plan);
    for gone in membership::deletions(cluster) {
        plan.events.push(members::struck_off(&gone));
        plan.delete.push(gone);
    }
    plan.delete
        .extend(configuration::unused_revisions(cluster, revision.as_ref()));
    plan.status = status::report(cluster, &summaries, held_up, revision.as_ref());
    let mut refused = cluster.observed.refused.iter();
    let is_taken = refused.any(|refused| refused.waiting.rule == Rule::NameIsFree);
    let resyncs = [
        record.operation.is_some().then_some(OPERATION_RESYNC),
        is_taken.then_some(NAME_RESYNC),
        deadlines::next(&ring, &plan.status),
    ];
    plan.requeue_after = resyncs.into_iter().flatten().min();
    if let Some(operation) = &record.operation {
        let report = operation::report(&ring, operation, &summaries);
        plan.status.operation = Some(report);
    }
    plan.status.record.clone_from(&record);
    plan.record = (record != *before).then(|| RecordUpdate {
        resource_version: cluster.resource_version.clone(),
        record,
    });
    plan
}

/// What each member is told about starting, in the order of the members.
fn orders(ring: &Ring<'_>, record: &mut Record, events: &mut Vec<Event>) -> Vec<StartOrder> {
    let question = operation::turn(ring, record, events);
    let told = |view| start_order(ring, record, question.as_ref(), view, events);
    ring.members.iter().map(told).collect()
}
