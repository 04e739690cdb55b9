//! The decision: a pure function of what was observed. No clock, no randomness, no IO.
//!
//! A plan holds what should be written now, given what is there; what depends on the outcome of a write (the
//! UID of a Member, the address of a Service) is decided in the pass after it. Nothing is remembered between
//! passes but what is in the objects.

mod adoption;
mod configuration;
mod members;
mod seeds;
mod start;
mod status;
mod waiting;

use cassandra_api::{rules::Waiting, v1alpha1::CassandraClusterStatus};

use super::{
    member_view, objects,
    observe::Observed,
    plan::{Claim, Event, Plan},
    validate::{Validated, validate},
};

impl Claim {
    fn of(cluster: &Validated<'_>) -> Self {
        Self {
            resource_version: cluster.resource_version.clone(),
            founder: cluster.status.founder.clone(),
            in_progress: cluster.status.in_progress.clone(),
            next_ordinals: cluster.status.next_ordinals.clone(),
        }
    }

    fn changes(&self, status: &CassandraClusterStatus) -> bool {
        self.founder != status.founder
            || self.in_progress != status.in_progress
            || self.next_ordinals != status.next_ordinals
    }
}

/// What to do now about this cluster.
pub fn decide(observed: &Observed) -> Plan {
    match validate(observed) {
        Err(problems) => Plan::status_only(status::invalid(observed, &problems)),
        Ok(cluster) if cluster.spec.paused => {
            Plan::status_only(status::paused(&cluster, carry_out(&cluster).status))
        }
        Ok(cluster) => carry_out(&cluster),
    }
}

fn carry_out(cluster: &Validated<'_>) -> Plan {
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
    let mut claim = Claim::of(cluster);
    match adoption::decide(cluster, &mut claim) {
        adoption::Step::Proceed => {}
        adoption::Step::Adopt(claims) => {
            plan.apply.extend(claims);
            plan.events.push(Event::normal(
                "VolumesAdopted",
                "taking over the volumes of an earlier cluster of this name",
            ));
        }
        adoption::Step::Hold(waiting) if !cluster.status.next_ordinals.is_empty() => {
            // The cluster lives; only a member whose claim's name is taken has to wait.
            held_up.push(waiting);
        }
        adoption::Step::Hold(waiting) => {
            held_up.push(waiting);
            plan.status = status::report(cluster, &claim, &[], held_up, revision.as_ref());
            return plan;
        }
    }
    members::reserve_ordinals(cluster, &mut claim);
    // Members are made only under ordinals that the status has on record.
    let view = member_view::of_members(cluster);
    let starts = start::decide(cluster, &view, &mut claim, &mut plan.events);
    let summary = members::decide(cluster, view, starts, revision.as_ref(), &mut plan);
    plan.delete
        .extend(configuration::unused_revisions(cluster, revision.as_ref()));
    plan.status = status::report(cluster, &claim, &summary, held_up, revision.as_ref());
    plan.claim = claim.changes(&cluster.status).then_some(claim);
    plan
}
