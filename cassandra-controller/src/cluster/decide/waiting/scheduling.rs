//! A pod that no node has: the scheduler's words, once, and for each of its reasons what helps here.

use cassandra_api::{
    k8s_openapi::jiff::{SignedDuration, Timestamp},
    names,
    rules::{Rule, Waiting},
    v1alpha1::AntiAffinity,
};
use kube::ResourceExt as _;

use crate::cluster::{decide::deadlines::after, member_view::MemberView};

/// On a claim, by the scheduler: the node that its volume is or will be on (Kubernetes, delayed binding).
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// How long a volume may take to be made before anything is said.
const PROVISIONED_WITHIN: SignedDuration = SignedDuration::from_secs(30);

/// Words by which the scheduler names a reason, and what helps then.
type Reason = (&'static str, fn(&MemberView, &str) -> String);

/// A claim that has no volume: the scheduler's words for one that is unbound, missing, or of a class that does not exist.
const WITHOUT_VOLUME: &[&str] = &[
    "persistentvolumeclaim",
    "PersistentVolumeClaim",
    "storageclass",
];
/// A volume that is elsewhere, in the words before Kubernetes 1.33 and since.
const VOLUME_ELSEWHERE: &[&str] = &["volume node affinity", "PersistentVolume's node affinity"];

const REASONS: &[Reason] = &[
    ("were unschedulable", uncordon),
    ("Insufficient ", make_room),
    ("Too many pods", make_room),
    ("untolerated taint", tolerate),
    ("existing pods anti-affinity", another_node),
    ("pod anti-affinity rules", another_node_or_share),
    ("node affinity/selector", label_a_node),
];

/// Why no node has the pod. None: one has, or the scheduler has not said yet.
pub(super) fn unscheduled(member: &MemberView) -> Option<Waiting> {
    let scheduled = member.pod_condition("PodScheduled")?;
    let refused = scheduled.status == "False";
    let words = scheduled.message.as_deref().filter(|_| refused);
    let words = match words {
        None if refused => "the scheduler gives no reason",
        None => return None,
        // What it says of preemption is of no use here: no pod of ours is worth more than another.
        Some(words) => words.split(" preemption:").next().unwrap_or(words),
    };
    let words = words.trim_end_matches(['.', ' ']);
    let has = |some: &[&str]| some.iter().any(|word| words.contains(word));
    let mut remedies: Vec<_> = REASONS
        .iter()
        .filter(|(word, _)| words.contains(word))
        .map(|(_, remedy)| remedy(member, words))
        .collect();
    remedies.dedup();
    if has(VOLUME_ELSEWHERE) {
        remedies.insert(0, bring_back(member));
    }
    if has(WITHOUT_VOLUME) {
        let waits = Rule::VolumeAvailable.waits_for();
        let message = format!(
            "waiting for {waits}: {}. {}",
            unbound(member, words),
            provision(member)
        );
        return Some(Waiting::saying(Rule::VolumeAvailable, message));
    }
    let rule = if has(VOLUME_ELSEWHERE) {
        Rule::VolumeAvailable
    } else {
        Rule::NodeAvailable
    };
    if remedies.is_empty() {
        return Some(Waiting::on(rule, words));
    }
    let (waits, remedies) = (rule.waits_for(), remedies.join(" "));
    Some(Waiting::saying(
        rule,
        format!("waiting for {waits}: {words}. {remedies}"),
    ))
}

/// A pod for which the scheduler has chosen a node and which waits for its volume there: of that it says nothing for ten
/// minutes (Kubernetes, delayed binding).
pub(in crate::cluster::decide) fn unbound_for_long(
    member: &MemberView,
    now: Timestamp,
) -> Option<Waiting> {
    let chosen = member.claim.as_ref()?.annotations().get(SELECTED_NODE)?;
    (now > unbound_from(member)?).then(|| {
        let words = format!("the scheduler has chosen node {chosen}");
        let waits_for = Rule::VolumeAvailable.waits_for();
        let message = format!(
            "waiting for {waits_for}: {}. {}",
            unbound(member, &words),
            provision(member)
        );
        Waiting::saying(Rule::VolumeAvailable, message)
    })
}

/// From when on that is said, if nothing changes.
pub(in crate::cluster::decide) fn unbound_from(member: &MemberView) -> Option<Timestamp> {
    let (pod, volume) = (member.pod.as_ref()?, member.claim.as_ref()?);
    let bound = volume
        .spec
        .as_ref()
        .and_then(|spec| spec.volume_name.as_ref());
    let waits = bound.is_none() && member.node().is_none();
    let since = pod.metadata.creation_timestamp.as_ref().filter(|_| waits)?;
    Some(after(since.0, PROVISIONED_WITHIN))
}

fn claim(member: &MemberView) -> String {
    let claim = names::volume_claim(&member.name);
    let spec = member.claim.as_ref().and_then(|claim| claim.spec.as_ref());
    let class = spec.and_then(|spec| spec.storage_class_name.as_deref());
    match class {
        Some(class) => format!("claim {claim} of StorageClass {class}"),
        None => format!("claim {claim} of the default StorageClass"),
    }
}

fn unbound(member: &MemberView, words: &str) -> String {
    format!("{} has no volume ({words})", claim(member))
}

fn provision(member: &MemberView) -> String {
    let claim = names::volume_claim(&member.name);
    format!(
        "Check with kubectl get storageclass that the class exists and with kubectl describe pvc {claim} what its \
         provisioner says. The class can't be changed: if its name is wrong, delete the cluster and its empty claims, and \
         create it again."
    )
}

fn bring_back(member: &MemberView) -> String {
    let selected = member.claim.as_ref();
    let selected = selected.and_then(|claim| claim.annotations().get(SELECTED_NODE));
    let place = selected.map_or_else(
        || "on a node or in a zone".to_owned(),
        |node| format!("on node {node} or where that one was"),
    );
    format!(
        "The volume of {} is {place}, and the pod can go nowhere else: bring that node back, uncordon it or make room \
         there. If it is gone for good, the volume is lost.",
        claim(member)
    )
}

fn uncordon(_: &MemberView, _: &str) -> String {
    "A node is cordoned (kubectl get nodes shows SchedulingDisabled): kubectl uncordon it, or add a node.".into()
}

fn make_room(_: &MemberView, _: &str) -> String {
    "Make room on a node, add one, or lower spec.resources.requests.".into()
}

/// A taint that Kubernetes gives a node by itself is of no use in a toleration.
fn tolerate(_: &MemberView, words: &str) -> String {
    let taint = words
        .split_once("untolerated taint")
        .and_then(|(_, rest)| rest.split_once('{')?.1.split_once('}'))
        .map_or("", |(taint, _)| taint);
    let silent = [
        "node.kubernetes.io/unreachable",
        "node.kubernetes.io/not-ready",
    ];
    if silent.iter().any(|key| taint.starts_with(key)) {
        return "A node does not report: see kubectl get nodes.".into();
    }
    format!(
        "Take the taint {{{taint}}} off the node, or tolerate it in spec.placement.tolerations."
    )
}

/// What runs keeps others away: nothing in the spec changes that without a restart.
fn another_node(member: &MemberView, _: &str) -> String {
    let zone = member.zone.as_ref();
    let zone = zone.map_or_else(String::new, |zone| format!(" in zone {zone}"));
    let or = if member.has_joined() {
        ""
    } else {
        ", or lower the rack's members again"
    };
    format!("Each member has a node of its own: add a node{zone}{or}.")
}

fn another_node_or_share(member: &MemberView, words: &str) -> String {
    let spec = member.member.as_ref().map(|member| &member.spec);
    let workload = spec.and_then(|spec| spec.workload.as_ref());
    let required = workload.is_some_and(|of| of.placement.anti_affinity == AntiAffinity::Required);
    let remedy = another_node(member, words);
    if required && !words.contains("existing pods anti-affinity") {
        return format!(
            "{remedy} With spec.placement.antiAffinity Preferred it would share one if there is no other."
        );
    }
    remedy
}

fn label_a_node(member: &MemberView, _: &str) -> String {
    let spec = member.member.as_ref().map(|member| &member.spec);
    let placement = spec.and_then(|spec| Some(&spec.workload.as_ref()?.placement));
    let selector = placement
        .into_iter()
        .flat_map(|placement| &placement.node_selector);
    let labels: Vec<_> = selector
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let zone = member.zone.as_ref();
    let zone = zone.map(|zone| format!("in zone {zone} (label topology.kubernetes.io/zone)"));
    let labels = (!labels.is_empty())
        .then(|| format!("with {} (spec.placement.nodeSelector)", labels.join(", ")));
    let wanted: Vec<_> = zone.into_iter().chain(labels).collect();
    if wanted.is_empty() {
        return "No node has the labels that the pod asks for.".into();
    }
    format!(
        "It needs a node {}: add or label one, or correct the spec.",
        wanted.join(" and ")
    )
}
