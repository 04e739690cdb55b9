//! What Kubernetes keeps a member's pod waiting for, as a named rule with Kubernetes' own words.

use cassandra_api::{
    identity::container,
    k8s_openapi::api::core::v1::{ContainerStatus, Pod},
    rules::{Rule, Waiting},
    v1alpha1::MemberState,
};

use super::super::member_view::MemberView;

const PULL_PROBLEMS: &[&str] = &[
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
];
const RUN_PROBLEMS: &[&str] = &[
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

/// Why the pod does not get as far as its own containers can bring it. None: it does.
pub(super) fn on_kubernetes(member: &MemberView) -> Option<Waiting> {
    let Some(pod) = &member.pod else {
        let particulars = format!("pod {}-0 is not there", member.name);
        return member
            .stateful_set
            .as_ref()
            .map(|_| Waiting::on(Rule::PodCreated, particulars));
    };
    unscheduled(pod)
        .or_else(|| member.containers().find_map(not_pulled))
        .or_else(|| member.containers().find_map(not_running))
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

/// Whether no node has the pod.
pub(super) fn has_no_node(member: &MemberView) -> bool {
    member.pod.as_deref().and_then(unscheduled).is_some()
}

/// Why the agent or the bootstrapper keep the member from starting.
pub(super) fn on_the_member(member: &MemberView) -> Option<Waiting> {
    if let Some(refusal) = member.volume().and_then(|volume| volume.refusal.as_ref()) {
        return Some(refusal.clone());
    }
    let unheard = member.status().is_none() || member.state() == MemberState::Unknown;
    unheard.then(|| Waiting::on(Rule::AgentReports, "it has not reported yet"))
}

fn unscheduled(pod: &Pod) -> Option<Waiting> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let condition = conditions
        .iter()
        .find(|c| c.type_ == "PodScheduled" && c.status == "False")?;
    let message = condition
        .message
        .as_deref()
        .unwrap_or("the scheduler gives no reason");
    // The scheduler's words for claims that are unbound, missing, or of a class that does not exist, and for volumes
    // that no node reaches, before Kubernetes 1.33 and since.
    let volume = [
        "persistentvolumeclaim",
        "PersistentVolumeClaim",
        "storageclass",
        "volume node affinity",
        "PersistentVolume's node affinity",
    ]
    .iter()
    .any(|word| message.contains(word));
    let rule = if volume {
        Rule::VolumeAvailable
    } else {
        Rule::NodeAvailable
    };
    Some(Waiting::on(rule, message.trim_end_matches('.')))
}

/// Whether the image that can't be pulled is that of agent and bootstrapper.
pub(super) fn lacks_the_operators_image(member: &MemberView) -> bool {
    let mut containers = member.containers();
    let lacking = containers.find(|container| not_pulled(container).is_some());
    lacking.is_some_and(|lacking| {
        [container::AGENT, container::BOOTSTRAPPER].contains(&lacking.name.as_str())
    })
}

fn not_pulled(container: &ContainerStatus) -> Option<Waiting> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    waiting
        .reason
        .as_deref()
        .filter(|reason| PULL_PROBLEMS.contains(reason))?;
    // Only the image: the kubelet words the rest differently at every attempt.
    Some(Waiting::on(
        Rule::ImageAvailable,
        format!("{} can't be pulled", container.image),
    ))
}

fn not_running(container: &ContainerStatus) -> Option<Waiting> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting
        .reason
        .as_deref()
        .filter(|reason| RUN_PROBLEMS.contains(reason))?;
    let last = container
        .last_state
        .as_ref()
        .and_then(|state| state.terminated.as_ref());
    let words = last
        .and_then(|terminated| terminated.message.as_deref())
        .or_else(|| {
            waiting
                .message
                .as_deref()
                .filter(|_| reason != "CrashLoopBackOff")
        })
        .and_then(|message| message.lines().last())
        .map(|line| format!(": {line}"))
        .unwrap_or_default();
    let ended = last.map(|terminated| format!(" (exit code {})", terminated.exit_code));
    let ended = ended.unwrap_or_default();
    let particulars = format!(
        "container {} does not stay up{ended}{words}",
        container.name
    );
    Some(Waiting::on(Rule::CassandraRuns, particulars))
}
