//! The status tells the truth, also of members whose own status does not, and says what helps.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::Arc;

use cassandra_api::{
    conditions,
    k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp},
    rules::{Rule, Waiting},
    v1alpha1::{AntiAffinity, CassandraMember, MemberState, PeerState, Phase},
};
use cassandra_controller::testing::{World, cluster};
use serde_json::{Value, json};

const MEMBER: &str = "orders-b-0";
/// Later than all that has happened.
const LATER: &str = "2026-01-02T00:00:00Z";

fn ring(racks: &[(&str, i32)]) -> World {
    let mut world = World::new(cluster(racks));
    world.run();
    assert_eq!(world.status().phase, Some(Phase::Ready));
    world
}

fn three_racks() -> World {
    ring(&[("a", 1), ("b", 1), ("c", 1)])
}

/// Of this member another one, or all others, think so.
fn holds(world: &mut World, observer: &str, of: &str, state: PeerState) {
    let host_id = world.member(of).status.clone().unwrap().host_id.unwrap();
    let view = &mut world.member_status(observer).ring_view;
    let peer = view.iter_mut().find(|peer| peer.host_id == host_id);
    peer.unwrap().state = state;
}

fn message(world: &World, member: &str) -> String {
    let waiting = world.member(member).waiting();
    waiting.map(|waiting| waiting.message).unwrap_or_default()
}

fn later(world: &mut World) {
    world.observed.now = Time(LATER.parse::<Timestamp>().unwrap());
}

#[test]
fn whom_most_others_hold_for_down_does_not_serve() {
    let mut world = three_racks();
    for observer in ["orders-a-0", "orders-c-0"] {
        holds(&mut world, observer, MEMBER, PeerState::Down);
        holds(&mut world, MEMBER, observer, PeerState::Down);
    }
    world.settle();
    assert_eq!(world.rule_of(MEMBER), Some(Rule::SeenUp));
    assert!(message(&world, MEMBER).contains("orders-a-0, orders-c-0 hold it for down"));
    assert_eq!(world.status().phase, Some(Phase::Degraded));
    assert_eq!(world.status().ready.as_deref(), Some("2/3"));
    assert!(world.condition(conditions::DEGRADED));
    assert!(world.condition(conditions::AVAILABLE));
    // The others have nothing to do with it.
    assert_eq!(world.rule_of("orders-a-0"), None);
    assert_eq!(world.rule_of("orders-c-0"), None);
}

#[test]
fn two_halves_of_a_ring_are_both_cut_off() {
    let mut world = ring(&[("a", 1), ("b", 1)]);
    holds(&mut world, "orders-a-0", MEMBER, PeerState::Down);
    holds(&mut world, MEMBER, "orders-a-0", PeerState::Down);
    world.settle();
    assert_eq!(world.status().ready.as_deref(), Some("0/2"));
    assert!(!world.condition(conditions::AVAILABLE));
}

#[test]
fn two_who_do_not_see_each_other_are_told_and_serve() {
    let mut world = three_racks();
    holds(&mut world, "orders-a-0", MEMBER, PeerState::Down);
    world.settle();
    for member in ["orders-a-0", MEMBER] {
        assert_eq!(world.rule_of(member), Some(Rule::SeenUp));
    }
    assert_eq!(world.rule_of("orders-c-0"), None);
    assert_eq!(world.status().phase, Some(Phase::Ready));
}

#[test]
fn who_is_down_cuts_nobody_off() {
    let mut world = three_racks();
    for observer in ["orders-a-0", "orders-c-0"] {
        holds(&mut world, observer, MEMBER, PeerState::Down);
    }
    world.set_pod_status(MEMBER, json!({ "conditions": [] }));
    world.settle();
    assert_eq!(world.status().ready.as_deref(), Some("2/3"));
    assert_eq!(world.rule_of("orders-a-0"), None);
    assert!(world.condition(conditions::AVAILABLE));
}

#[test]
fn in_one_rack_one_of_three_may_be_down() {
    let mut world = ring(&[("b", 3)]);
    world.set_pod_status(MEMBER, json!({ "conditions": [] }));
    world.settle();
    assert!(world.condition(conditions::AVAILABLE));
    world.set_pod_status("orders-b-1", json!({ "conditions": [] }));
    world.settle();
    assert!(!world.condition(conditions::AVAILABLE));
}

/// The status that a pod has when its node is not heard of any more.
fn of_a_silent_node() -> Value {
    json!({
        "conditions": [{ "type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T10:00:00Z" }],
        "containerStatuses": [{ "name": "cassandra", "image": "i", "imageID": "", "ready": true, "restartCount": 0,
            "state": { "running": {} } }],
    })
}

#[test]
fn the_node_that_has_stopped_reporting_is_named() {
    let mut world = three_racks();
    world.set_pod_status(MEMBER, of_a_silent_node());
    world.settle();
    assert_eq!(world.rule_of(MEMBER), Some(Rule::NodeAnswers));
    let message = message(&world, MEMBER);
    assert!(
        message.contains("node node-1, which has pod orders-b-0-0"),
        "{message}"
    );
    assert!(message.contains("since 2026-01-01T10:00:00Z"), "{message}");
    assert_eq!(world.status().phase, Some(Phase::Degraded));
    assert_eq!(world.status().ready.as_deref(), Some("2/3"));
}

#[test]
fn a_pod_that_does_not_go_is_told_with_its_node() {
    let mut world = three_racks();
    let pod = world.observed.owned.pods.get_mut("orders-b-0-0").unwrap();
    let gone = "2026-01-01T10:00:00Z".parse::<Timestamp>().unwrap();
    Arc::make_mut(pod).metadata.deletion_timestamp = Some(Time(gone));
    world.settle();
    assert_ne!(world.rule_of(MEMBER), Some(Rule::NodeAnswers));
    assert!(world.decide().requeue_after.is_some());
    later(&mut world);
    world.settle();
    assert_eq!(world.rule_of(MEMBER), Some(Rule::NodeAnswers));
    assert!(message(&world, MEMBER).contains("was to be gone at 2026-01-01T10:00:00Z"));
}

#[test]
fn a_status_that_the_kubelet_contradicts_is_not_believed_for_long() {
    for (state, ready) in [
        (MemberState::Ready, "False"),
        (MemberState::NotAnswering, "True"),
    ] {
        let mut world = three_racks();
        world.member_status(MEMBER).state = state;
        let mut status = of_a_silent_node();
        status["conditions"][0]["status"] = json!(ready);
        status["containerStatuses"][0]["ready"] = json!(ready == "True");
        world.set_pod_status(MEMBER, status);
        world.settle();
        assert_ne!(world.rule_of(MEMBER), Some(Rule::AgentReports), "{state:?}");
        assert!(world.decide().requeue_after.is_some());
        later(&mut world);
        world.settle();
        assert_eq!(world.rule_of(MEMBER), Some(Rule::AgentReports), "{state:?}");
        let message = message(&world, MEMBER);
        assert!(message.contains("since 2026-01-01T10:00:00Z"), "{message}");
        assert_eq!(world.status().phase, Some(Phase::Degraded), "{state:?}");
        assert_eq!(world.status().ready.as_deref(), Some("2/3"));
    }
}

#[test]
fn a_join_ends_when_the_member_serves_and_is_no_degradation() {
    let mut world = ring(&[("a", 1), ("b", 1), ("c", 1)]);
    world.edit(|cluster| cluster.spec.racks[1].members = 2);
    world.settle();
    let joiner = "orders-b-1";
    while world.joined().len() < 4 {
        let names: Vec<_> = world.observed.owned.members.keys().cloned().collect();
        for name in names {
            world.agent(&name);
            world.settle();
        }
    }
    // In the ring, and CQL is not on yet.
    world.member_status(joiner).state = MemberState::NotServing;
    let mut runs = of_a_silent_node();
    runs["containerStatuses"][0]["ready"] = json!(false);
    world.set_pod_status(joiner, runs);
    world.record(|record| {
        record.operation = Some(cassandra_api::v1alpha1::RecordedOperation {
            id: "join-1".into(),
            kind: cassandra_api::v1alpha1::OperationKind::Join,
            members: vec![joiner.into()],
            started_at: Time(Timestamp::UNIX_EPOCH),
            cause: "spec".into(),
        });
    });
    world.settle();
    assert!(!world.condition(conditions::DEGRADED));
    let operation = world.status().operation.unwrap();
    assert_eq!(operation.step, "Serving");
    assert!(
        operation.waits_for.contains("it is NotServing"),
        "{operation:?}"
    );
    // It stops before it has served: it is down like any other, and the slot is free.
    world.member_status(joiner).state = MemberState::Stopped;
    world.settle();
    assert!(world.condition(conditions::DEGRADED));
    assert_eq!(world.status().record.operation, None);
}

#[test]
fn an_invalid_spec_hides_no_member_that_is_down() {
    let mut world = three_racks();
    world.edit(|cluster| cluster.spec.datacenter = "elsewhere".into());
    world.pass();
    assert_eq!(world.status().phase, Some(Phase::Invalid));
    assert!(!world.condition(conditions::DEGRADED));
    assert_eq!(world.status().ready.as_deref(), Some("3/3"));
    world.set_pod_status(MEMBER, json!({ "conditions": [] }));
    world.pass();
    assert!(world.condition(conditions::DEGRADED));
    assert_eq!(world.status().ready.as_deref(), Some("2/3"));
    assert_eq!(world.status().phase, Some(Phase::Invalid));
}

#[test]
fn what_is_said_of_a_refused_pod_is_passed_on() {
    let mut world = three_racks();
    world.remove_pod(MEMBER);
    let refused = Waiting::saying(Rule::ObjectAccepted, "exceeded quota: small");
    world.observed.pods_refused.insert(MEMBER.into(), refused);
    let plan = world.decide();
    let told = plan
        .conditions
        .iter()
        .find(|told| told.name == MEMBER)
        .unwrap();
    let condition = &told.object["status"]["conditions"][0];
    assert_eq!(condition["reason"], "object_accepted");
    assert_eq!(condition["message"], "exceeded quota: small");
}

/// What a member that has not begun says when the scheduler says this.
fn unscheduled(
    words: &str,
    spec: impl FnOnce(&mut cassandra_api::v1alpha1::CassandraClusterSpec),
) -> Waiting {
    let mut cluster = cluster(&[("b", 1)]);
    cluster.spec.racks[0].zone = Some("z1".into());
    cluster.spec.storage.storage_class_name = Some("fast".into());
    spec(&mut cluster.spec);
    let mut world = World::new(cluster);
    world.settle();
    world.make_pod(MEMBER);
    world.set_pod_status(
        MEMBER,
        json!({ "conditions": [{ "type": "PodScheduled", "status": "False", "message": words }] }),
    );
    world.settle();
    let member: &CassandraMember = world.member(MEMBER);
    member.waiting().unwrap()
}

#[test]
fn each_word_of_the_scheduler_has_a_remedy_that_helps_here() {
    let cases = [
        (
            "0/3 nodes are available: 3 Insufficient memory.",
            Rule::NodeAvailable,
            "lower spec.resources.requests",
        ),
        (
            "0/3 nodes are available: 1 node(s) were unschedulable.",
            Rule::NodeAvailable,
            "kubectl uncordon",
        ),
        (
            "0/3 nodes are available: 3 node(s) had untolerated taint {dedicated: x}.",
            Rule::NodeAvailable,
            "the taint {dedicated: x} off the node, or tolerate it in spec.placement.tolerations",
        ),
        (
            "0/3 nodes are available: 3 node(s) had untolerated taint {node.kubernetes.io/unreachable: }.",
            Rule::NodeAvailable,
            "A node does not report",
        ),
        (
            "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
            Rule::NodeAvailable,
            "a node in zone z1 (label topology.kubernetes.io/zone) and with disk=fast (spec.placement.nodeSelector)",
        ),
        (
            "0/3 nodes are available: 3 node(s) didn't satisfy existing pods anti-affinity rules.",
            Rule::NodeAvailable,
            "add a node in zone z1, or lower the rack's members again.",
        ),
        (
            "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.",
            Rule::NodeAvailable,
            "With spec.placement.antiAffinity Preferred",
        ),
        (
            "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
            Rule::VolumeAvailable,
            "claim data-orders-b-0 of StorageClass fast has no volume",
        ),
        (
            "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match PersistentVolume's node affinity.",
            Rule::VolumeAvailable,
            "uncordon",
        ),
    ];
    for (words, rule, remedy) in cases {
        let waiting = unscheduled(words, |spec| {
            spec.placement
                .node_selector
                .insert("disk".into(), "fast".into());
        });
        assert_eq!(waiting.rule, rule, "{}", waiting.message);
        assert!(waiting.message.contains(remedy), "{}", waiting.message);
    }
}

#[test]
fn what_the_scheduler_says_of_preemption_is_left_out() {
    let words = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims \
                 found for incoming pod.";
    let said = unscheduled(words, |_| {}).message;
    assert!(said.contains("3 Insufficient cpu. Make room"), "{said}");
    assert!(!said.contains("preemption"), "{said}");
}

#[test]
fn sharing_a_node_is_no_advice_where_it_is_allowed_already() {
    let words = "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.";
    let said = unscheduled(words, |spec| {
        spec.placement.anti_affinity = AntiAffinity::Preferred;
    });
    assert!(!said.message.contains("Preferred"), "{}", said.message);
}

/// What a member says whose container of Cassandra waits like this, after it ended like that.
fn container(reason: &str, last: &Value) -> String {
    let mut world = three_racks();
    world.set_pod_status(
        MEMBER,
        json!({ "containerStatuses": [{ "name": "cassandra", "image": "reg/cassandra:x", "imageID": "", "ready": false,
            "restartCount": 3, "state": { "waiting": { "reason": reason } }, "lastState": { "terminated": last } }] }),
    );
    world.settle();
    message(&world, MEMBER)
}

#[test]
fn a_container_that_fails_is_told_by_its_cause() {
    let ended = |code: i32, reason: &str, message: &str| json!({ "exitCode": code, "reason": reason, "message": message });
    let options = "Unrecognized VM option 'NoSuchOption=3'\nError: Could not create the Java Virtual Machine.\n\
                   Error: A fatal exception has occurred. Program will exit.";
    let cases = [
        (
            "CrashLoopBackOff",
            ended(1, "Error", options),
            "(exit code 1): Unrecognized VM option",
        ),
        (
            "CrashLoopBackOff",
            ended(137, "OOMKilled", ""),
            "more memory than its limit of 4Gi. Raise spec.resources.limits.memory",
        ),
        (
            "CrashLoopBackOff",
            ended(137, "Error", ""),
            "often for want of memory",
        ),
        (
            "InvalidImageName",
            Value::Null,
            "reg/cassandra:x is not the name of an image",
        ),
        (
            "ImagePullBackOff",
            Value::Null,
            "reg/cassandra:x can't be pulled",
        ),
    ];
    for (reason, last, words) in cases {
        let said = container(reason, &last);
        assert!(said.contains(words), "{said}");
    }
}
