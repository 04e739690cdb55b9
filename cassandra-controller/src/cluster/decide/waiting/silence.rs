//! An agent that does not report: the kubelet, which asks it whether its member serves, says another thing than the
//! member's status, and goes on saying it.

use cassandra_api::{
    conditions,
    k8s_openapi::jiff::{SignedDuration, Timestamp},
    rules::{Rule, Waiting},
    v1alpha1::MemberState,
};

use crate::cluster::{decide::deadlines::after, member_view::MemberView};

/// How far kubelet and status may be behind each other.
const BEHIND: SignedDuration = SignedDuration::from_secs(30);

/// Whether kubelet and status say different things of whether the member serves. For a moment they always may.
fn disagrees(member: &MemberView) -> bool {
    let told = member.status().is_some() && member.cassandra_runs() && !member.pod_is_going();
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the readiness probe holds for Ready alone"
    )]
    let differs = match member.state() {
        MemberState::Ready => !member.pod_is_ready(),
        // With or without CQL.
        MemberState::Leaving | MemberState::Moving | MemberState::DecommissionFailed => false,
        _ => member.pod_is_ready(),
    };
    told && differs
}

/// Since when they do, by the later of the two.
fn differs_since(member: &MemberView) -> Option<Timestamp> {
    let of_pod = member
        .pod_condition("Ready")
        .filter(|_| disagrees(member))?;
    let of_pod = of_pod.last_transition_time.as_ref()?.0;
    let of_status = conditions::find(&member.status()?.conditions, conditions::READY)?;
    Some(of_pod.max(of_status.last_transition_time.0))
}

/// From when on the status is not believed, if nothing changes.
pub(in crate::cluster::decide) fn doubted_from(member: &MemberView) -> Option<Timestamp> {
    Some(after(differs_since(member)?, BEHIND))
}

/// Since when the status is too old to be believed, if it is.
pub(in crate::cluster::decide) fn on_the_agent(
    member: &MemberView,
    now: Timestamp,
) -> Option<Waiting> {
    let since = differs_since(member)?;
    (now > after(since, BEHIND)).then(|| {
        let (name, state) = (&member.name, member.state().as_str());
        let is = if member.pod_is_ready() { "is" } else { "is not" };
        Waiting::saying(
            Rule::AgentReports,
            format!(
                "waiting for the member's agent to report: pod {name}-0 {is} ready, and the status has said {state} since \
                 {since}, which is not believed. Look at the log of the container `agent`."
            ),
        )
    })
}
