//! The operation as it stands, for the cluster's status: at which step, since when, and what it waits for.

use cassandra_api::v1alpha1::{MemberState, OperationReport, RecordedOperation, Start, StartMode};

use crate::cluster::{decide::summary::MemberSummary, member_view::MemberView, observe::Observed};

/// The report of this operation, which says since when it is at its step.
pub(in crate::cluster::decide) fn report(
    observed: &Observed,
    operation: &RecordedOperation,
    members: &[MemberView],
    summaries: &[MemberSummary],
) -> OperationReport {
    let mut both = members.iter().zip(summaries);
    let behind =
        both.find(|(member, _)| operation.members.contains(&member.name) && !member.has_joined());
    let (step, waits_for) = match behind {
        None => ("Ending", "its end to be recorded".to_owned()),
        Some((member, summary)) => {
            let (step, waits_for) = step(member, &summary.start, &operation.id);
            (step, summary.held_up().unwrap_or(waits_for))
        }
    };
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

/// The step that a member on its way into the ring is at, when it is told this, and what it waits for there.
fn step(member: &MemberView, told: &Start, operation: &str) -> (&'static str, String) {
    let name = &member.name;
    if told.mode == StartMode::Hold {
        return ("Permitting", format!("{name} to be permitted to start"));
    }
    if !member.has_taken(told) {
        return ("Permitted", format!("the bootstrapper of {name} to go on"));
    }
    let state = member.state();
    if state == MemberState::Joining {
        let progress = member.progress_of(operation);
        let progress = progress.map_or_else(String::new, |progress| format!(": {progress}"));
        return (
            "Joining",
            format!("Cassandra of {name} to bootstrap{progress}"),
        );
    }
    if state == MemberState::Ready {
        return ("Joining", format!("{name} to note that it has joined"));
    }
    let waits_for = format!("Cassandra of {name} to start; it is {}", state.as_str());
    ("Starting", waits_for)
}
