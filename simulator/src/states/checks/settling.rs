//! What holds between two decisions: the same state gives the same plan, and a status that was written is not changed
//! back.

use std::sync::Arc;

use cassandra_api::v1alpha1::CassandraClusterStatus;
use cassandra_controller::cluster::{Observed, Plan};

use super::Complaint;

/// S26: a decision is a function of what was observed.
pub fn changes_its_mind(first: &Plan, second: &Plan) -> Option<Complaint> {
    (first != second).then(|| Complaint::new("S26", "two decisions on one state differ"))
}

/// The observation after the plan's status is written and nothing else. The record is written by the claim alone.
pub fn next(observed: &Observed, plan: &Plan) -> Observed {
    let mut next = observed.clone();
    let cluster = Arc::make_mut(&mut next.cluster);
    let before = cluster.status.take().unwrap_or_default();
    let (founder, in_progress, next_ordinals) = match plan.claim.clone() {
        Some(claim) => (claim.founder, claim.in_progress, claim.next_ordinals),
        None => (before.founder, before.in_progress, before.next_ordinals),
    };
    cluster.status = Some(CassandraClusterStatus {
        founder,
        in_progress,
        next_ordinals,
        ..plan.status.clone()
    });
    next
}

/// S42: what a plan says of the status, the next one says as well; what it claims, the next one does not take back.
pub fn goes_back(observed: &Observed, first: &Plan, second: &Plan) -> Option<Complaint> {
    let Some(claimed) = &first.claim else {
        let differs = first.status != second.status;
        return differs
            .then(|| Complaint::new("S42", "the status changes with nothing to change it"));
    };
    let before = observed.cluster.status.clone().unwrap_or_default();
    let record = |status: &CassandraClusterStatus| {
        (
            status.founder.clone(),
            status.in_progress.clone(),
            status.next_ordinals.clone(),
        )
    };
    let again = second.claim.as_ref()?;
    let back = (
        again.founder.clone(),
        again.in_progress.clone(),
        again.next_ordinals.clone(),
    ) == record(&before);
    let moved = claimed.founder != before.founder
        || claimed.in_progress != before.in_progress
        || claimed.next_ordinals != before.next_ordinals;
    (back && moved).then(|| Complaint::new("S42", "what is claimed is taken back at once"))
}
