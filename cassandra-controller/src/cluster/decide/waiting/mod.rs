//! What keeps a member's pod, as a named rule: what Kubernetes says of it, with what helps here.

mod containers;
mod node;
mod scheduling;
mod silence;

use cassandra_api::{
    rules::{Rule, Waiting},
    v1alpha1::MemberState,
};

pub(super) use containers::lacks_the_operators_image;
pub(super) use node::{late_from, on_the_node};
pub(super) use scheduling::{unbound_for_long, unbound_from};
pub(super) use silence::{doubted_from, on_the_agent};

use crate::cluster::member_view::MemberView;

/// Why the pod does not get as far as its own containers can bring it. None: it does.
pub(super) fn on_kubernetes(member: &MemberView) -> Option<Waiting> {
    if member.pod.is_none() {
        let particulars = format!("pod {}-0 is not there", member.name);
        return member
            .stateful_set
            .as_ref()
            .map(|_| Waiting::on(Rule::PodCreated, particulars));
    }
    scheduling::unscheduled(member)
        .or_else(|| containers::not_pulled(member))
        .or_else(|| containers::not_running(member))
}

/// Whether the pod can't run with what it was made from, so that a corrected spec should reach it at once.
pub(super) fn is_stuck(member: &MemberView) -> bool {
    let rule = on_kubernetes(member).map(|waiting| waiting.rule);
    let held_up = [
        Rule::NodeAvailable,
        Rule::VolumeAvailable,
        Rule::ImageAvailable,
        Rule::CassandraRuns,
    ];
    rule.is_some_and(|rule| held_up.contains(&rule))
}

/// Whether the pod can't go on: it has no node, or it is on its way out.
pub(super) fn pod_is_nowhere(member: &MemberView) -> bool {
    member.pod_is_going() || scheduling::unscheduled(member).is_some()
}

/// Why the agent or the bootstrapper keep the member from starting.
pub(super) fn on_the_member(member: &MemberView) -> Option<Waiting> {
    if let Some(refusal) = member.volume().and_then(|volume| volume.refusal.as_ref()) {
        return Some(refusal.clone());
    }
    let unheard = member.status().is_none() || member.state() == MemberState::Unknown;
    unheard.then(|| Waiting::on(Rule::AgentReports, "it has not reported yet"))
}
