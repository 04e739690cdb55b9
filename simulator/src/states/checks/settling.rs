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

/// The observation after the plan's status is written and nothing else. The record is written by compare-and-swap alone.
pub fn next(observed: &Observed, plan: &Plan) -> Observed {
    let mut next = observed.clone();
    let cluster = Arc::make_mut(&mut next.cluster);
    let before = cluster.status.take().unwrap_or_default();
    let update = plan.record.clone();
    let record = update.map_or(before.record, |update| update.record);
    cluster.status = Some(CassandraClusterStatus {
        record,
        ..plan.status.clone()
    });
    next
}

/// S42: what a plan says of the status, the next one says as well; what it records, the next one does not take back.
pub fn goes_back(observed: &Observed, first: &Plan, second: &Plan) -> Option<Complaint> {
    let Some(written) = &first.record else {
        let differs = first.status != second.status;
        return differs
            .then(|| Complaint::new("S42", "the status changes with nothing to change it"));
    };
    let before = observed.cluster.status.clone().unwrap_or_default().record;
    let back = second.record.as_ref()?.record == before;
    let moved = written.record != before;
    (back && moved).then(|| Complaint::new("S42", "what is recorded is taken back at once"))
}
