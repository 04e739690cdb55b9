//! The operation as it stands, for the cluster's status: at which step, since when, and what it waits for.

use cassandra_api::v1alpha1::{MemberState, OperationReport, RecordedOperation, Start, StartMode};

use super::{Step, rules};
use crate::cluster::{
    decide::{ring::Ring, summary::MemberSummary},
    member_view::MemberView,
};

/// The report of this operation, which says since when it is at its step.
pub(in crate::cluster::decide) fn report(
    ring: &Ring<'_>,
    operation: &RecordedOperation,
    summaries: &[MemberSummary],
) -> OperationReport {
    let members = ring.members.iter().zip(summaries);
    let mut taking_part = members.filter(|(member, _)| operation.members.contains(&member.name));
    let behind = taking_part.find_map(|(member, summary)| {
        let rules = rules(operation.kind)?;
        let step = rules.step(ring, member, &summary.start, &operation.id)?;
        Some((step, summary))
    });
    let (step, waits_for) = match behind {
        None => ("Ending", "its end to be recorded".to_owned()),
        Some((step, summary)) => (step.name, summary.held_up().unwrap_or(step.waits_for)),
    };
    let observed = ring.cluster.observed;
    let status = observed.cluster.status.as_ref();
    let before = status.and_then(|status| status.operation.as_ref());
    let same = before.filter(|before| before.id == operation.id && before.step == step);
    OperationReport {
        id: operation.id.clone(),
        kind: operation.kind,
        members: operation.members.clone(),
        started_at: operation.started_at.clone(),
        step: step.into(),
        since: same.map_or_else(|| observed.now.clone(), |before| before.since.clone()),
        waits_for,
    }
}

/// Whether a member is in the ring, and serves or will not soon: then it is down like any other.
pub(super) fn has_arrived(member: &MemberView) -> bool {
    member.has_joined() && !member.is_coming_up()
}

/// The step of a member on its way into the ring, when it is told this.
pub(super) fn into_the_ring(member: &MemberView, told: &Start, operation: &str) -> Option<Step> {
    if has_arrived(member) {
        return None;
    }
    let name = &member.name;
    if member.has_joined() {
        let waits_for = format!(
            "Cassandra of {name} to serve; it is {}",
            member.state_in_words()
        );
        return Some(Step::new("Serving", waits_for));
    }
    let state = member.state();
    let step = if told.mode == StartMode::Hold {
        Step::new("Permitting", format!("{name} to be permitted to start"))
    } else if !member.has_taken(told) {
        Step::new("Permitted", format!("the bootstrapper of {name} to go on"))
    } else if state == MemberState::Joining {
        let progress = member.progress_of(operation);
        let progress = progress.map_or_else(String::new, |progress| format!(": {progress}"));
        Step::new(
            "Joining",
            format!("Cassandra of {name} to bootstrap{progress}"),
        )
    } else if state == MemberState::Ready {
        Step::new("Joining", format!("{name} to note that it has joined"))
    } else {
        let waits_for = format!("Cassandra of {name} to start; it is {}", state.as_str());
        Step::new("Starting", waits_for)
    };
    Some(step)
}
