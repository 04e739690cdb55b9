//! What of a changed spec reaches which member, and what is never done to data.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::Arc;

use cassandra_api::{
    conditions,
    k8s_openapi::jiff::SignedDuration,
    rules::{Rule, Waiting},
    v1alpha1::{AccessMode, ImagePullSecret, MemberState, Phase, VolumeStatus, Workload},
};
use cassandra_controller::{
    cluster::{Existing, Refused, UserConfig},
    testing::{World, cluster},
};
use serde_json::{Value, json};

const MEMBER: &str = "orders-b-0";

/// A ring that runs, and a spec that has changed in all that a pod is made of.
fn changed_ring() -> World {
    let mut world = World::new(cluster(&[("a", 1), ("b", 1), ("c", 1)]));
    world.run();
    world.edit(|cluster| {
        cluster.spec.version = Some("5.1.0".into());
        cluster.spec.image = Some("cassandra:5.1.0".into());
        cluster.spec.resources.limits.memory = Some("8Gi".into());
        let secret = ImagePullSecret {
            name: "pull".into(),
        };
        cluster.spec.image_pull_secrets = vec![secret];
        let settings = &mut cluster.spec.config.cassandra_yaml;
        settings.insert("concurrent_reads".into(), json!(64));
        let selector = &mut cluster.spec.placement.node_selector;
        selector.insert("disk".into(), "fast".into());
    });
    world.settle();
    world
}

fn workload(world: &World) -> Workload {
    world.member(MEMBER).spec.workload.clone().unwrap()
}

/// Which parts differ.
fn differing(before: &Workload, after: &Workload) -> Vec<&'static str> {
    let parts = [
        ("image", before.image == after.image),
        (
            "pulling",
            before.image_pull_secrets == after.image_pull_secrets,
        ),
        (
            "configuration",
            before.config_revision == after.config_revision,
        ),
        ("resources", before.resources == after.resources),
        ("placement", before.placement == after.placement),
    ];
    let parts = parts.into_iter().filter(|(_, same)| !same);
    parts.map(|(part, _)| part).collect()
}

fn waits(container: &str, reason: &str) -> Value {
    json!({ "containerStatuses": [{ "name": container, "image": "i", "imageID": "", "ready": false,
        "restartCount": 3, "state": { "waiting": { "reason": reason } } }] })
}

/// What reaches a member whose pod stands like this.
fn reaches(status: Value) -> Vec<&'static str> {
    let mut world = changed_ring();
    let before = workload(&world);
    world.set_pod_status(MEMBER, status);
    world.settle();
    differing(&before, &workload(&world))
}

#[test]
fn a_member_that_runs_keeps_what_it_has() {
    let mut world = changed_ring();
    let before = workload(&world);
    world.run();
    assert_eq!(differing(&before, &workload(&world)), [""; 0]);
    assert_eq!(world.status().restart_pending.len(), 3);
}

#[test]
fn of_a_member_with_data_only_what_it_fails_by_is_corrected() {
    let unscheduled = |message: &str| json!({ "conditions": [{ "type": "PodScheduled", "status": "False", "message": message }] });
    let no_node = unscheduled("0/3 nodes are available: 3 Insufficient memory");
    assert_eq!(reaches(no_node), ["resources", "placement"]);
    let no_volume = unscheduled("pod has unbound immediate PersistentVolumeClaims");
    assert_eq!(reaches(no_volume), ["resources", "placement"]);
    assert_eq!(
        reaches(waits("cassandra", "ImagePullBackOff")),
        ["image", "pulling"]
    );
    assert_eq!(
        reaches(waits("cassandra", "CrashLoopBackOff")),
        ["configuration", "resources"]
    );
}

#[test]
fn a_joined_member_that_is_refused_its_configuration_gets_the_corrected_one() {
    let mut world = changed_ring();
    let before = workload(&world);
    world.set_pod_status(MEMBER, json!({}));
    let status = world.member_status(MEMBER);
    status.state = MemberState::Refused;
    let volume = status.volume.clone().unwrap_or_default();
    status.volume = Some(VolumeStatus {
        refusal: Some(Waiting::on(Rule::ConfigurationUsable, "it is wrong")),
        ..volume
    });
    world.settle();
    assert_eq!(differing(&before, &workload(&world)), ["configuration"]);
}

#[test]
fn a_pod_that_is_made_again_is_not_a_pod_that_is_refused() {
    let mut world = changed_ring();
    let before = workload(&world);
    // It has waited for a restart for a while.
    world.observed.now.0 += SignedDuration::from_hours(1);
    world.remove_pod(MEMBER);
    world.settle();
    assert_eq!(world.rule_of(MEMBER), Some(Rule::PodCreated));
    assert_eq!(differing(&before, &workload(&world)), [""; 0]);
    let plan = world.decide();
    assert!(
        plan.requeue_after.is_some(),
        "it is looked at again by then"
    );
    world.observed.now.0 += SignedDuration::from_secs(30);
    world.settle();
    assert_eq!(
        differing(&before, &workload(&world)),
        ["pulling", "resources", "placement"],
        "a quota or a policy refuses it"
    );
}

#[test]
fn an_image_of_the_operator_that_fails_is_corrected_and_no_other() {
    let mut world = changed_ring();
    let before = workload(&world);
    world.observed.operator_image = "operator:2".into();
    world.set_pod_status(MEMBER, waits("agent", "ImagePullBackOff"));
    world.settle();
    let after = workload(&world);
    assert_eq!(after.operator_image, "operator:2");
    assert_eq!(
        differing(&before, &after),
        ["pulling"],
        "Cassandra's is not to blame"
    );
}

#[test]
fn a_later_operator_changes_no_member_that_lacks_a_node() {
    let mut world = World::new(cluster(&[("a", 1), ("b", 1), ("c", 1)]));
    world.run();
    world.observed.operator_image = "operator:2".into();
    let unscheduled =
        json!({ "conditions": [{ "type": "PodScheduled", "status": "False", "message": "no" }] });
    world.set_pod_status(MEMBER, unscheduled);
    world.settle();
    assert_eq!(workload(&world).operator_image, "operator:1");
}

#[test]
fn a_member_that_never_joined_takes_all_of_a_corrected_spec() {
    let mut world = World::new(cluster(&[("a", 1)]));
    world.settle();
    let before = world.member("orders-a-0").spec.workload.clone().unwrap();
    world.edit(|cluster| {
        cluster.spec.version = Some("5.0.10".into());
        cluster.spec.resources.limits.memory = Some("8Gi".into());
    });
    world.settle();
    let after = world.member("orders-a-0").spec.workload.clone().unwrap();
    assert_eq!(differing(&before, &after), ["image", "resources"]);
}

#[test]
fn a_member_that_is_made_again_starts_from_the_image_that_wrote_its_data() {
    let mut world = changed_ring();
    let before = workload(&world);
    world.observed.owned.members.remove(MEMBER);
    world.observed.owned.stateful_sets.remove(MEMBER);
    world.remove_pod(MEMBER);
    world.settle();
    assert_eq!(workload(&world).image, before.image);
    world.run();
    assert_eq!(workload(&world).image, before.image);
}

#[test]
fn an_earlier_release_line_than_members_run_is_refused() {
    let mut world = World::new(cluster(&[("a", 1)]));
    world.run();
    world.member_status("orders-a-0").release_version = Some("5.0.9".into());
    world.edit(|cluster| cluster.spec.version = Some("5.0.8".into()));
    world.settle();
    assert_ne!(world.status().phase, Some(Phase::Invalid), "the same line");
    world.edit(|cluster| cluster.spec.version = Some("4.1.10".into()));
    world.pass();
    let status = world.status();
    assert_eq!(status.phase, Some(Phase::Invalid));
    let message = &status.blocked[0].message;
    assert!(message.contains("members run 5.0.9"), "{message}");
}

#[test]
fn a_claim_that_was_grown_by_hand_is_left_as_it_is() {
    let mut world = World::new(cluster(&[("a", 1)]));
    world.run();
    let claims = &mut world.observed.owned.volume_claims;
    let claim = Arc::make_mut(claims.get_mut("data-orders-a-0").unwrap());
    let mut grown = serde_json::to_value(&*claim).unwrap();
    grown["spec"]["resources"]["requests"]["storage"] = json!("5Gi");
    *claim = serde_json::from_value(grown).unwrap();
    let plan = world.decide();
    assert_eq!(plan.apply, []);
    assert_eq!(world.status().phase, Some(Phase::Ready));
}

#[test]
fn the_access_mode_is_for_new_volumes() {
    let mut world = World::new(cluster(&[("a", 1)]));
    world.run();
    world.edit(|cluster| {
        cluster.spec.storage.access_mode = AccessMode::ReadWriteOncePod;
        cluster.spec.racks[0].members = 2;
    });
    world.run();
    let modes = |name: &str| {
        let claim = world.observed.owned.volume_claims[name].spec.as_ref();
        claim.unwrap().access_modes.clone().unwrap()
    };
    assert_eq!(modes("data-orders-a-0"), ["ReadWriteOnce"]);
    assert_eq!(modes("data-orders-a-1"), ["ReadWriteOncePod"]);
    assert_eq!(world.status().phase, Some(Phase::Ready));
}

#[test]
fn what_is_refused_is_told_of_its_member_and_holds_up_nobody_else() {
    let mut world = World::new(cluster(&[("a", 1), ("b", 1), ("c", 1)]));
    world.run();
    let refused = Waiting::on(
        Rule::ObjectAccepted,
        "PersistentVolumeClaim data-orders-b-0",
    );
    world.observed.refused = vec![Refused {
        member: Some(MEMBER.into()),
        waiting: refused.clone(),
    }];
    world.pass();
    let status = world.status();
    assert_eq!(status.phase, Some(Phase::Blocked));
    assert_eq!(status.blocked.len(), 1);
    assert_eq!(status.blocked[0].member.as_deref(), Some(MEMBER));
    assert_eq!(status.blocked[0].message, refused.message);
    assert_eq!(world.rule_of(MEMBER), Some(Rule::ObjectAccepted));
    assert!(world.condition(conditions::AVAILABLE));
    world.observed.refused.clear();
    world.pass();
    assert_eq!(world.status().phase, Some(Phase::Ready));
}

#[test]
fn what_others_add_to_a_stateful_set_is_taken_away() {
    let mut world = World::new(cluster(&[("a", 1)]));
    world.run();
    let sets = &mut world.observed.owned.stateful_sets;
    let set = Arc::make_mut(sets.get_mut("orders-a-0").unwrap());
    set.metadata.generation = set.metadata.generation.map(|generation| generation + 1);
    let pod = set.spec.as_mut().unwrap().template.spec.as_mut().unwrap();
    pod.host_pid = Some(true);
    let plan = world.pass();
    let [write] = plan.apply.as_slice() else {
        panic!("{:?}", plan.apply)
    };
    assert!(
        matches!(write.existing, Existing::Altered { .. }),
        "its spec is replaced"
    );
    world.settle();
    let set = &world.observed.owned.stateful_sets["orders-a-0"];
    let pod = set.spec.as_ref().unwrap().template.spec.as_ref().unwrap();
    assert_eq!(pod.host_pid, None);
}

#[test]
fn what_an_admission_webhook_adds_to_our_own_write_is_not_drift() {
    let mut world = World::new(cluster(&[("a", 1)]));
    world.run();
    let sets = &mut world.observed.owned.stateful_sets;
    let set = Arc::make_mut(sets.get_mut("orders-a-0").unwrap());
    let pod = set.spec.as_mut().unwrap().template.spec.as_mut().unwrap();
    pod.priority_class_name = Some("high".into());
    assert_eq!(world.decide().apply, []);
}

#[test]
fn what_is_not_requested_follows_the_limit_and_is_not_pending() {
    let mut ring = cluster(&[("a", 1), ("b", 1)]);
    ring.spec.resources.limits = serde_json::from_value(json!({ "memory": "2Gi" })).unwrap();
    let mut world = World::new(ring);
    world.run();
    let requests = workload(&world).resources.requests;
    assert_eq!(requests.memory, Some("2Gi".into()));
    assert_eq!(requests.cpu, Some("1".into()));
    assert_eq!(world.status().restart_pending, [""; 0]);
}

#[test]
fn a_config_map_that_cannot_be_used_reaches_no_pod_until_it_is_corrected() {
    let config = |file: &str, text: &str| {
        let content = json!({ "metadata": { "name": "orders-config" }, "data": { file: text } });
        UserConfig::Present(serde_json::from_value(content).unwrap())
    };
    let mut world = World::new(cluster(&[("a", 1), ("b", 1)]));
    for (file, text, words) in [
        (
            "cassandra.yaml",
            "a: !!java.net.URL [x]",
            "cassandra.yaml can't be used: the tag !!java.net.URL (line 1)",
        ),
        ("cassandra.yml", "a: 1", "call the file cassandra.yaml"),
    ] {
        world.observed.user_config = config(file, text);
        world.pass();
        world.settle();
        assert!(world.observed.owned.stateful_sets.is_empty());
        let blocked = world.status().blocked;
        assert!(
            blocked.iter().any(|told| told.rule == Rule::ConfigMapParses
                && told.message.contains(words)
                && told.message.contains("in ConfigMap orders-config")),
            "{blocked:?}"
        );
    }
    world.observed.user_config = config("cassandra.yaml", "num_tokens: 4");
    world.pass();
    world.settle();
    assert!(!world.observed.owned.stateful_sets.is_empty());
}
