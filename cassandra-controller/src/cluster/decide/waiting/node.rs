//! A node that has stopped reporting: what the API server has of its pods is old, and they may still run.

use cassandra_api::{
    k8s_openapi::{
        api::core::v1::PodCondition,
        jiff::{SignedDuration, Timestamp},
    },
    rules::{Rule, Waiting},
};

use crate::cluster::{decide::deadlines::after, member_view::MemberView};

/// How long after its time a pod may still be there before its node is held for silent.
const LATE: SignedDuration = SignedDuration::from_secs(60);

/// Why the pod's node is to be looked at. None: it reports.
pub(in crate::cluster::decide) fn on_the_node(
    member: &MemberView,
    now: Timestamp,
) -> Option<Waiting> {
    let (pod, node) = (format!("{}-0", member.name), member.node()?);
    let particulars = if member.pod_is_going() {
        let gone = gone_at(member).filter(|_| late_from(member).is_some_and(|from| now > from))?;
        format!("pod {pod} was to be gone at {gone}, and node {node} has not said that it is")
    } else {
        let ready = given_up(member)?;
        let since = ready.last_transition_time.as_ref();
        let since = since.map_or_else(String::new, |since| format!(" since {}", since.0));
        format!(
            "node {node}, which has pod {pod}, has not been heard of{since}; what is told of the pod is old"
        )
    };
    Some(Waiting::on(Rule::NodeAnswers, particulars))
}

/// From when on a pod that is to go, and does not, tells of its node.
pub(in crate::cluster::decide) fn late_from(member: &MemberView) -> Option<Timestamp> {
    Some(after(gone_at(member)?, LATE))
}

/// When the pod was to be gone: the time of its deletion has its grace in it.
fn gone_at(member: &MemberView) -> Option<Timestamp> {
    let pod = member.pod.as_ref()?;
    pod.metadata.deletion_timestamp.as_ref().map(|at| at.0)
}

/// The condition of a pod that is not ready although the kubelet's last word was that its containers are: the node
/// lifecycle controller says so of the pods of a node that it has not heard of (Kubernetes, `MarkPodsNotReady`).
fn given_up(member: &MemberView) -> Option<&PodCondition> {
    let ready = member.pod_condition("Ready")?;
    let status = member.pod.as_ref()?.status.as_ref()?;
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    let are_ready = !containers.is_empty() && containers.iter().all(|container| container.ready);
    (are_ready && ready.status != "True").then_some(ready)
}
