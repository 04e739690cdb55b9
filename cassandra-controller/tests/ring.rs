//! How a ring comes to be and stays: founder, joins, restarts, lost objects.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{sync::Arc, time::Duration};

use cassandra_controller::{
    cluster::{Existing, Kind, UserConfig},
    testing::{World, cluster},
};

use cassandra_api::{
    conditions,
    k8s_openapi::jiff::SignedDuration,
    labels, names,
    rules::Rule,
    testing::agent,
    v1alpha1::{
        MOST_BLOCKED, MemberState, OperationKind, PeerState, Phase, RecordedOperation, StartMode,
        VolumeStatus,
    },
};
use kube::ResourceExt as _;
use proptest::prelude::*;

fn three_racks() -> World {
    World::new(cluster(&[("a", 1), ("b", 1), ("c", 1)]))
}

#[test]
fn a_ring_is_founded_once_and_the_others_join_it() {
    let mut world = three_racks();
    world.run();
    let permits: Vec<_> = world
        .permits
        .iter()
        .filter(|(_, mode)| *mode != StartMode::Rejoin)
        .collect();
    let expected = [
        ("orders-a-0".to_owned(), StartMode::CreateRing),
        ("orders-b-0".to_owned(), StartMode::Join),
        ("orders-c-0".to_owned(), StartMode::Join),
    ];
    assert_eq!(permits, expected.iter().collect::<Vec<_>>());
    assert_eq!(world.status().phase, Some(Phase::Ready));
    assert!(world.condition(conditions::AVAILABLE));
    assert_eq!(
        world.status().record.founder.unwrap().member.as_deref(),
        Some("orders-a-0")
    );
    assert_eq!(world.status().record.operation, None);
    assert_eq!(world.status().operation, None);
}

#[test]
fn nothing_is_written_when_all_is_as_it_should_be() {
    let mut world = three_racks();
    world.run();
    let plan = world.decide();
    assert_eq!(
        (plan.record, plan.apply, plan.delete),
        (None, vec![], vec![])
    );
    assert_eq!(plan.status, world.status());
    assert_eq!(plan.events, vec![]);
}

#[test]
fn nobody_starts_before_the_record_of_the_founder_is_written() {
    let mut world = three_racks();
    world.settle();
    for name in ["orders-a-0", "orders-b-0", "orders-c-0"] {
        world.agent(name);
    }
    let plan = world.decide();
    assert!(plan.record.is_some());
    assert!(
        plan.apply
            .iter()
            .all(|desired| desired.object["spec"]["start"]["mode"] != "CreateRing")
    );
}

#[test]
fn a_founder_without_a_node_does_not_hold_up_a_ring_that_has_none() {
    let mut world = three_racks();
    world.settle();
    // Only the second member's pod gets as far as its bootstrapper.
    world.agent("orders-b-0");
    world.settle();
    assert_eq!(
        world.status().record.founder.unwrap().member.as_deref(),
        Some("orders-b-0")
    );
}

#[test]
fn nobody_joins_while_a_joined_member_is_seen_down() {
    let mut world = three_racks();
    world.settle();
    world.agent("orders-a-0");
    world.settle();
    world.agent("orders-a-0");
    world.agent("orders-b-0");
    world.member_status("orders-a-0").ring_view[0].state = PeerState::Down;
    world.settle();
    assert_eq!(world.rule_of("orders-b-0"), Some(Rule::AllLivePeersAgree));
    assert_eq!(world.member("orders-b-0").spec.start.mode, StartMode::Hold);
}

#[test]
fn unknown_is_not_up() {
    let mut world = three_racks();
    world.settle();
    world.agent("orders-a-0");
    world.settle();
    world.agent("orders-a-0");
    world.agent("orders-b-0");
    world.member_status("orders-a-0").ring_view[0].state = PeerState::Unknown;
    world.settle();
    assert_eq!(world.rule_of("orders-b-0"), Some(Rule::AllLivePeersAgree));
}

#[test]
fn nobody_joins_on_an_answer_to_an_earlier_question() {
    let mut world = three_racks();
    world.settle();
    world.agent("orders-a-0");
    world.settle();
    world.agent("orders-a-0");
    world.agent("orders-b-0");
    world.settle();
    // The founder has not answered yet.
    assert_eq!(world.member("orders-b-0").spec.start.mode, StartMode::Hold);
    assert!(world.member("orders-a-0").spec.refresh.is_some());
    world.agent("orders-a-0");
    world.settle();
    assert_eq!(world.member("orders-b-0").spec.start.mode, StartMode::Join);
}

#[test]
fn schemas_that_differ_hold_up_a_join() {
    let mut world = three_racks();
    world.run();
    world.edit(|cluster| cluster.spec.racks[0].members = 2);
    world.member_status("orders-b-0").schema_version = Some("two".into());
    world.settle();
    world.make_pod("orders-a-1");
    world.agent("orders-a-1");
    world.settle();
    assert_eq!(world.rule_of("orders-a-1"), Some(Rule::SchemaAgrees));
}

#[test]
fn a_joining_member_is_not_among_its_own_seeds() {
    let mut world = three_racks();
    world.run();
    let service = |name: &str| {
        let service = &world.observed.owned.services[name];
        service.spec.as_ref().unwrap().cluster_ip.clone().unwrap()
    };
    // After the join everybody who has joined is a seed: three racks of one.
    let mut all: Vec<_> = ["orders-a-0", "orders-b-0", "orders-c-0"]
        .map(service)
        .into();
    all.sort();
    for name in ["orders-a-0", "orders-b-0", "orders-c-0"] {
        assert_eq!(world.member(name).spec.start.seeds, all);
    }
    let mut world = three_racks();
    world.settle();
    for _ in 0..10 {
        for name in ["orders-a-0", "orders-b-0", "orders-c-0"] {
            world.agent(name);
            world.settle();
            let spec = &world.member(name).spec;
            if spec.start.mode == StartMode::Join {
                assert!(
                    !spec
                        .start
                        .seeds
                        .contains(spec.broadcast_address.as_ref().unwrap())
                );
            }
        }
    }
}

#[test]
fn a_member_object_that_was_deleted_comes_back_and_rejoins() {
    let mut world = three_racks();
    world.run();
    world.observed.owned.members.remove("orders-b-0");
    world.observed.owned.stateful_sets.remove("orders-b-0");
    world.observed.owned.services.remove("orders-b-0");
    world.remove_pod("orders-b-0");
    world.permits.clear();
    world.settle();
    let claim = &world.observed.owned.volume_claims["data-orders-b-0"];
    assert_eq!(
        claim.metadata.annotations.as_ref().unwrap()[labels::HOST_ID],
        agent::host_id("orders-b-0")
    );
    // Its bootstrapper finds the marker on the volume.
    let volume = world
        .member_status("orders-b-0")
        .volume
        .get_or_insert_default();
    volume.joined = true;
    volume.cluster_uid = Some("cluster-uid".into());
    volume.member = Some("orders-b-0".into());
    world.run();
    assert!(
        world
            .permits
            .iter()
            .all(|(_, mode)| *mode == StartMode::Rejoin),
        "{:?}",
        world.permits
    );
    assert_eq!(
        world.member("orders-b-0").spec.start.mode,
        StartMode::Rejoin
    );
    assert_eq!(world.status().phase, Some(Phase::Ready));
}

/// A Member that was deleted and made again, while what the first one owned is still there.
fn with_a_later_member() -> World {
    let mut world = three_racks();
    world.run();
    world.observed.owned.members.remove("orders-b-0");
    world.pass();
    world
}

#[test]
fn the_stateful_set_of_an_earlier_member_is_left_to_the_garbage_collector() {
    let world = with_a_later_member();
    let plan = world.decide();
    let mut sets = plan
        .apply
        .iter()
        .filter(|write| write.kind == Kind::StatefulSet);
    // One that is believed absent is looked for before it is written, and left alone when it is there.
    assert_eq!(sets.next().unwrap().existing, Existing::Absent);
    assert_eq!(sets.next(), None);
}

/// Passes of the controller until a pod is deleted, with the deletion.
fn until_a_pod_goes(world: &mut World) -> Option<String> {
    (0..20).find_map(|_| {
        let plan = world.pass();
        let mut pods = plan.delete.into_iter();
        pods.find(|gone| gone.kind == Kind::Pod)
            .map(|gone| gone.name)
    })
}

#[test]
fn a_pod_of_an_earlier_member_is_made_again_once_all_others_serve() {
    let mut world = with_a_later_member();
    let set = world.observed.owned.stateful_sets.get_mut("orders-b-0");
    Arc::make_mut(set.unwrap()).metadata.owner_references = None;
    world.member_status("orders-a-0").state = MemberState::NotAnswering;
    assert_eq!(until_a_pod_goes(&mut world), None, "another one is down");
    let waiting = world.member("orders-b-0").waiting().unwrap();
    assert_eq!(waiting.rule, Rule::AgentReports);
    let message = &waiting.message;
    assert!(message.contains("an earlier Member"), "{message}");
    world.member_status("orders-a-0").state = MemberState::Ready;
    let volume = agent::own_volume(world.member("orders-b-0"), true);
    world.member_status("orders-b-0").volume = Some(volume);
    assert_eq!(
        until_a_pod_goes(&mut world).as_deref(),
        Some("orders-b-0-0")
    );
    world.run();
    world.settle();
    assert_eq!(world.status().phase, Some(Phase::Ready));
    assert_eq!(world.status().record.operation, None);
}

#[test]
fn a_pod_that_an_earlier_stateful_set_left_behind_is_made_again() {
    let mut world = three_racks();
    world.run();
    let pod = world.observed.owned.pods.get_mut("orders-b-0-0").unwrap();
    let owner = serde_json::json!([{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "orders-b-0",
        "uid": "an-earlier-one", "controller": true }]);
    Arc::make_mut(pod).metadata.owner_references = serde_json::from_value(owner).unwrap();
    let set = world.observed.owned.stateful_sets.get_mut("orders-b-0");
    Arc::make_mut(set.unwrap()).metadata.creation_timestamp = Some(world.observed.now.clone());
    assert_eq!(
        until_a_pod_goes(&mut world),
        None,
        "the garbage collector may yet come"
    );
    assert!(world.decide().requeue_after.is_some());
    world.observed.now.0 += SignedDuration::from_secs(60);
    assert_eq!(
        until_a_pod_goes(&mut world).as_deref(),
        Some("orders-b-0-0")
    );
    world.run();
    world.settle();
    assert_eq!(world.status().phase, Some(Phase::Ready));
}

#[test]
fn pods_of_an_account_that_was_made_again_are_made_again_one_at_a_time() {
    let mut world = three_racks();
    world.run();
    world.observed.owned.service_accounts.clear();
    let mut gone = Vec::new();
    for _ in 0..3 {
        gone.extend(until_a_pod_goes(&mut world));
        let operation = world.status().record.operation.unwrap();
        assert_eq!(operation.kind, OperationKind::Restart);
        assert_eq!(
            until_a_pod_goes(&mut world),
            None,
            "not before {} serves again",
            operation.members[0]
        );
        world.agent(&operation.members[0]);
    }
    assert_eq!(gone, ["orders-a-0-0", "orders-b-0-0", "orders-c-0-0"]);
    world.run();
    assert_eq!(world.status().phase, Some(Phase::Ready));
    assert_eq!(world.status().record.operation, None);
}

#[test]
fn a_restart_does_not_wait_for_what_a_mute_agent_saw() {
    let mut world = three_racks();
    world.run();
    world.observed.owned.service_accounts.clear();
    assert_eq!(
        until_a_pod_goes(&mut world).as_deref(),
        Some("orders-a-0-0")
    );
    world.agent("orders-a-0");
    // The last words of an agent whose token was still taken while that one was away.
    let host_id = world.member("orders-a-0").spec.host_id.clone();
    let view = &mut world.member_status("orders-c-0").ring_view;
    let peer = view
        .iter_mut()
        .find(|peer| Some(&peer.host_id) == host_id.as_ref());
    peer.unwrap().state = PeerState::Down;
    world.member_status("orders-c-0").state = MemberState::NotServing;
    assert_eq!(
        until_a_pod_goes(&mut world).as_deref(),
        Some("orders-b-0-0")
    );
}

#[test]
fn a_lost_founder_record_founds_no_second_ring() {
    let mut world = three_racks();
    world.run();
    Arc::make_mut(&mut world.observed.cluster).status = None;
    world.permits.clear();
    world.run();
    assert!(world.permits.is_empty(), "{:?}", world.permits);
    assert!(world.status().record.founder.unwrap().member.is_some());
}

#[test]
fn a_member_that_lost_its_volume_waits_for_somebody() {
    let mut world = three_racks();
    world.run();
    let status = world.member_status("orders-c-0");
    status.state = MemberState::Refused;
    status.volume = Some(VolumeStatus::default());
    world.set_pod_status("orders-c-0", serde_json::json!({}));
    world.settle();
    assert_eq!(world.rule_of("orders-c-0"), Some(Rule::VolumeLost));
    assert_eq!(world.member("orders-c-0").spec.start.mode, StartMode::Hold);
    assert_eq!(world.status().phase, Some(Phase::Degraded));
}

#[test]
fn retained_volumes_block_until_somebody_decides_and_can_be_adopted() {
    let mut old = three_racks();
    old.run();
    let mut world = three_racks();
    world.observed.owned.volume_claims = old.observed.owned.volume_claims.clone();
    world.edit(|cluster| cluster.metadata.uid = Some("second-uid".into()));
    world.settle();
    assert_eq!(world.status().blocked[0].rule, Rule::RetainedVolumes);
    assert!(world.observed.owned.members.is_empty());

    world.edit(|cluster| cluster.spec.storage.adopt_retained = true);
    world.settle();
    let member = world.member("orders-a-0");
    assert_eq!(member.spec.adopted_from.as_deref(), Some("cluster-uid"));
    // Nobody founds, not even if the first bootstrapper finds an empty volume.
    world.member_status("orders-a-0").state = MemberState::Waiting;
    world
        .member_status("orders-a-0")
        .volume
        .get_or_insert_default();
    for name in ["orders-b-0", "orders-c-0"] {
        let status = world.member_status(name);
        status.state = MemberState::Waiting;
        status.volume = Some(VolumeStatus {
            cluster_uid: Some("cluster-uid".into()),
            member: Some(name.into()),
            joined: true,
            ..VolumeStatus::default()
        });
    }
    world.settle();
    assert!(
        world
            .permits
            .iter()
            .all(|(_, mode)| *mode == StartMode::Rejoin),
        "{:?}",
        world.permits
    );
    assert_eq!(
        world
            .status()
            .record
            .founder
            .unwrap()
            .adopted_from
            .as_deref(),
        Some("cluster-uid")
    );
}

#[test]
fn adoption_needs_a_member_for_every_volume() {
    let mut old = three_racks();
    old.run();
    let mut world = World::new(cluster(&[("a", 1), ("b", 1)]));
    world.observed.owned.volume_claims = old.observed.owned.volume_claims.clone();
    world.edit(|cluster| {
        cluster.metadata.uid = Some("second-uid".into());
        cluster.spec.storage.adopt_retained = true;
    });
    world.settle();
    assert_eq!(world.status().blocked[0].rule, Rule::RetainedVolumes);
    assert!(
        world.status().blocked[0]
            .message
            .contains("data-orders-c-0")
    );
}

#[test]
fn a_pod_that_is_gone_comes_back_with_what_it_had() {
    let mut world = three_racks();
    world.run();
    world.edit(|cluster| cluster.spec.version = Some("5.0.10".into()));
    world.settle();
    world.remove_pod("orders-b-0");
    world.settle();
    let workload = world.member("orders-b-0").spec.workload.clone().unwrap();
    assert!(workload.image.ends_with(":5.0.9"));
    assert!(world.condition(conditions::RESTART_PENDING));
    assert_eq!(world.status().restart_pending.len(), 3);
}

#[test]
fn a_service_that_was_deleted_comes_back_with_its_address() {
    let mut world = three_racks();
    world.run();
    world.observed.owned.services.remove("orders-b-0");
    let plan = world.decide();
    let service = plan
        .apply
        .iter()
        .find(|desired| desired.kind == Kind::Service)
        .unwrap();
    let address = world
        .member("orders-b-0")
        .spec
        .broadcast_address
        .clone()
        .unwrap();
    assert_eq!(service.object["spec"]["clusterIP"], address);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// In whatever order agents report: one founder, never two members starting for the first time at once.
    #[test]
    fn first_starts_are_one_at_a_time(order in proptest::collection::vec(0_usize..5, 1..40)) {
        let mut world = World::new(cluster(&[("a", 2), ("b", 2), ("c", 1)]));
        let all = ["orders-a-0", "orders-a-1", "orders-b-0", "orders-b-1", "orders-c-0"];
        world.settle();
        for index in order {
            world.agent(all[index]);
            world.settle();
            let joined = world.joined();
            let starting = all.iter().filter(|name| {
                let mode = world.member(name).spec.start.mode;
                matches!(mode, StartMode::CreateRing | StartMode::Join) && !joined.contains(&(**name).to_owned())
            });
            prop_assert!(starting.count() <= 1);
        }
        let founded = world.permits.iter().filter(|(_, mode)| *mode == StartMode::CreateRing).count();
        prop_assert!(founded <= 1);
        world.run();
        prop_assert_eq!(world.joined().len(), 5);
        let claims = world.observed.owned.volume_claims.len();
        prop_assert_eq!(claims, 5);
        prop_assert!(world.observed.owned.pods.contains_key(&names::pod("orders-c-0")));
    }
}

#[test]
fn a_ring_of_which_only_the_founder_is_up_has_no_quorum() {
    let mut world = three_racks();
    world.settle();
    world.agent("orders-a-0");
    world.settle();
    world.agent("orders-a-0");
    world.settle();
    assert_eq!(world.status().ready.as_deref(), Some("1/3"));
    assert!(!world.condition(conditions::AVAILABLE));
}

#[test]
fn a_paused_cluster_is_not_changed_and_still_reported() {
    let mut world = three_racks();
    world.run();
    world.edit(|cluster| cluster.spec.paused = true);
    world.set_pod_status("orders-b-0", serde_json::json!({}));
    world.observed.owned.services.remove("orders");
    let plan = world.decide();
    assert_eq!(
        (plan.record, plan.apply, plan.delete),
        (None, vec![], vec![])
    );
    assert_eq!(plan.status.phase, Some(Phase::Paused));
    assert_eq!(plan.status.ready.as_deref(), Some("2/3"));
    assert_eq!(plan.status.blocked[0].rule, Rule::Paused);
}

#[test]
fn an_invalid_spec_changes_nothing() {
    let mut world = three_racks();
    world.run();
    world.edit(|cluster| {
        cluster.spec.racks.pop();
    });
    let plan = world.decide();
    assert_eq!(
        (plan.record, plan.apply, plan.delete),
        (None, vec![], vec![])
    );
    assert_eq!(plan.status.phase, Some(Phase::Invalid));
    assert!(
        plan.status.blocked[0]
            .message
            .contains("rack c has 1 members")
    );
}

#[test]
fn adopted_volumes_of_which_none_holds_a_ring_are_founded_on() {
    let mut old = three_racks();
    old.settle();
    let mut world = three_racks();
    world.observed.owned.volume_claims = old.observed.owned.volume_claims.clone();
    world.edit(|cluster| {
        cluster.metadata.uid = Some("second-uid".into());
        cluster.spec.storage.adopt_retained = true;
    });
    world.run();
    assert_eq!(world.status().phase, Some(Phase::Ready));
    let founded = world
        .permits
        .iter()
        .filter(|(_, mode)| *mode == StartMode::CreateRing)
        .count();
    assert_eq!(founded, 1);
}

#[test]
fn a_member_that_cannot_run_takes_a_corrected_spec_at_once() {
    let mut world = three_racks();
    world.edit(|cluster| cluster.spec.image = Some("example.invalid/nothing:here".into()));
    world.settle();
    let waiting = serde_json::json!({ "name": "init-config", "image": "example.invalid/nothing:here",
        "imageID": "", "ready": false, "restartCount": 0,
        "state": { "waiting": { "reason": "ImagePullBackOff" } } });
    for name in ["orders-a-0", "orders-b-0", "orders-c-0"] {
        world.set_pod_status(
            name,
            serde_json::json!({ "initContainerStatuses": [waiting] }),
        );
    }
    world.settle();
    assert_eq!(world.rule_of("orders-a-0"), Some(Rule::ImageAvailable));
    let stuck = world.observed.owned.pods["orders-a-0-0"]
        .metadata
        .uid
        .clone();
    world.edit(|cluster| cluster.spec.image = None);
    world.settle();
    assert_ne!(
        world.observed.owned.pods["orders-a-0-0"].metadata.uid,
        stuck
    );
    world.run();
    assert_eq!(world.status().phase, Some(Phase::Ready));
}

#[test]
fn a_pod_in_which_cassandra_runs_is_never_deleted() {
    let mut world = three_racks();
    world.run();
    world.edit(|cluster| {
        cluster.spec.version = Some("5.0.10".into());
        cluster.spec.resources.limits.memory = Some("8Gi".into());
    });
    let before = world.observed.owned.pods.clone();
    world.settle();
    assert_eq!(before, world.observed.owned.pods);
}

#[test]
fn a_foreign_volume_says_nothing_of_this_member() {
    let mut world = three_racks();
    world.settle();
    let status = world.member_status("orders-a-0");
    status.state = MemberState::Refused;
    status.host_id = Some("host-of-another".into());
    status.volume = Some(VolumeStatus {
        cluster_uid: Some("another".into()),
        member: Some("another-a-0".into()),
        host_id: Some("host-of-another".into()),
        joined: true,
        ..VolumeStatus::default()
    });
    world.settle();
    assert_eq!(world.member("orders-a-0").spec.start.mode, StartMode::Hold);
    assert_eq!(world.status().record.founder, None);
    let claim = &world.observed.owned.volume_claims["data-orders-a-0"];
    let annotations = claim.metadata.annotations.clone().unwrap_or_default();
    assert!(!annotations.contains_key(labels::HOST_ID));
}

#[test]
fn a_ring_that_serves_and_grows_is_progressing() {
    let mut world = three_racks();
    world.settle();
    assert_eq!(world.status().phase, Some(Phase::Creating));
    world.run();
    world.edit(|cluster| cluster.spec.racks[0].members = 2);
    world.settle();
    assert_eq!(world.status().phase, Some(Phase::Progressing));
    world.run();
    assert_eq!(world.status().phase, Some(Phase::Ready));
}

#[test]
fn more_waits_than_the_schema_takes_are_cut_off() {
    let mut world = World::new(cluster(&[("a", 30)]));
    world.settle();
    assert_eq!(world.status().blocked.len(), MOST_BLOCKED);
    world.observed.user_config = UserConfig::Missing("settings".into());
    world.pass();
    assert_eq!(world.status().blocked.len(), MOST_BLOCKED);
    assert_eq!(world.status().blocked[0].rule, Rule::ConfigMapAvailable);
}

#[test]
fn a_rack_may_have_holes_and_grows_by_ordinals_that_were_never_used() {
    let mut world = three_racks();
    world.edit(|cluster| cluster.spec.racks[0].members = 3);
    world.run();
    world.record(|record| {
        record.members.insert("a".into(), vec![0, 2]);
    });
    world.observed.owned.members.remove("orders-a-1");
    world.edit(|cluster| cluster.spec.racks[0].members = 2);
    let plan = world.pass();
    assert_eq!(world.status().ready.as_deref(), Some("4/4"));
    assert!(plan.apply.iter().all(|write| !write.name.contains("a-1")));
    world.edit(|cluster| cluster.spec.racks[0].members = 3);
    world.settle();
    assert_eq!(world.status().record.members["a"], [0, 2, 3]);
    assert_eq!(world.status().record.next_ordinals["a"], 4);
}

#[test]
fn a_lost_record_is_found_again_in_members_and_volumes() {
    let mut world = three_racks();
    world.edit(|cluster| cluster.spec.racks[0].members = 2);
    world.run();
    let before = world.status().record;
    Arc::make_mut(&mut world.observed.cluster).status = None;
    // Not even its Member is left of the second one, but its volume is.
    world.observed.owned.members.remove("orders-a-1");
    world.pass();
    let record = world.status().record;
    assert_eq!(
        (&record.members, &record.next_ordinals),
        (&before.members, &before.next_ordinals)
    );
}

#[test]
fn an_operation_that_is_under_way_is_recovered_when_the_record_was_lost() {
    let mut world = three_racks();
    world.settle();
    world.agent("orders-a-0");
    world.settle();
    assert_eq!(
        world.member("orders-a-0").spec.start.mode,
        StartMode::CreateRing
    );
    Arc::make_mut(&mut world.observed.cluster).status = None;
    world.agent("orders-b-0");
    world.settle();
    let operation = world.status().record.operation.unwrap();
    assert_eq!(
        (operation.kind, operation.cause.as_str()),
        (OperationKind::CreateRing, "recovered")
    );
    assert_eq!(operation.members, ["orders-a-0"]);
    assert_eq!(world.member("orders-b-0").spec.start.mode, StartMode::Hold);
}

#[test]
fn an_operation_ends_when_its_member_does_not_belong_to_the_cluster_any_more() {
    let mut world = three_racks();
    world.run();
    let now = world.observed.now.clone();
    world.record(|record| {
        record.operation = Some(RecordedOperation {
            id: "join-1".into(),
            kind: OperationKind::Join,
            members: vec!["orders-z-7".into()],
            started_at: now,
            cause: "spec".into(),
        });
    });
    let plan = world.pass();
    assert_eq!(world.status().record.operation, None);
    assert!(
        plan.events
            .iter()
            .any(|event| event.reason == "OperationEnded" && event.warning)
    );
}

#[test]
fn the_creation_of_a_ring_is_cancelled_when_there_is_one() {
    let mut world = three_racks();
    world.run();
    world.edit(|cluster| cluster.spec.racks[0].members = 2);
    world.settle();
    let now = world.observed.now.clone();
    world.record(|record| {
        record.operation = Some(RecordedOperation {
            id: "createring-1".into(),
            kind: OperationKind::CreateRing,
            members: vec!["orders-a-1".into()],
            started_at: now,
            cause: "spec".into(),
        });
    });
    let plan = world.pass();
    assert!(
        plan.events
            .iter()
            .any(|event| event.reason == "OperationCancelled")
    );
    world.run();
    assert_eq!(world.joined().len(), 4);
    let created = world
        .permits
        .iter()
        .filter(|(_, mode)| *mode == StartMode::CreateRing);
    assert_eq!(created.count(), 1);
}

#[test]
fn the_operation_is_ordered_of_its_member_while_it_is_on_record() {
    let mut world = three_racks();
    world.settle();
    world.agent("orders-a-0");
    world.settle();
    let recorded = world.status().record.operation.unwrap();
    let ordered = world.member("orders-a-0").spec.operation.clone().unwrap();
    assert_eq!(
        (ordered.id, ordered.kind),
        (recorded.id, OperationKind::CreateRing)
    );
    assert_eq!(world.member("orders-b-0").spec.operation, None);
    world.run();
    for name in ["orders-a-0", "orders-b-0", "orders-c-0"] {
        assert_eq!(world.member(name).spec.operation, None, "{name}");
    }
}

#[test]
fn the_status_tells_the_operation_its_step_and_what_it_waits_for() {
    let mut world = three_racks();
    world.settle();
    world.agent("orders-a-0");
    let plan = world.pass();
    // It is not on record yet, so nothing is ordered; the plan asks to be looked at again soon.
    let report = plan.status.operation.unwrap();
    assert_eq!(
        (report.kind, report.step.as_str()),
        (OperationKind::CreateRing, "Permitting")
    );
    assert!(plan.requeue_after.is_some());
    world.settle();
    let report = world.status().operation.unwrap();
    assert_eq!(
        (report.members.as_slice(), report.step.as_str()),
        (&["orders-a-0".to_owned()][..], "Permitted")
    );
    assert!(
        report.waits_for.contains("bootstrapper of orders-a-0"),
        "{}",
        report.waits_for
    );
    let epoch = world.member("orders-a-0").spec.start.epoch;
    world.member_status("orders-a-0").start_epoch = Some(epoch);
    for (state, step) in [
        (MemberState::Starting, "Starting"),
        (MemberState::Joining, "Joining"),
    ] {
        world.member_status("orders-a-0").state = state;
        let since = world.observed.now.clone();
        world.settle();
        let report = world.status().operation.unwrap();
        assert_eq!((report.step.as_str(), &report.since), (step, &since));
        world.observed.now.0 += Duration::from_mins(1);
        world.settle();
        assert_eq!(
            world.status().operation.unwrap().since,
            since,
            "it stays at this step"
        );
    }
    world.run();
    assert_eq!(world.status().operation, None);
    assert_eq!(world.decide().requeue_after, None);
}

#[test]
fn a_member_that_runs_with_an_older_configuration_than_its_member_has_is_pending() {
    let mut world = three_racks();
    world.run();
    assert!(!world.condition(conditions::RESTART_PENDING));
    world.member_status("orders-b-0").config_in_use = Some("orders-rev-older".into());
    world.settle();
    assert_eq!(world.status().restart_pending, ["orders-b-0"]);
    assert_eq!(world.rule_of("orders-b-0"), Some(Rule::RestartPending));
}

#[test]
fn why_a_member_waits_is_in_its_status_and_changes_no_spec() {
    let mut world = three_racks();
    world.settle();
    let spec = world.member("orders-a-0").spec.clone();
    assert_eq!(world.rule_of("orders-a-0"), Some(Rule::AgentReports));
    let unscheduled = serde_json::json!({ "conditions": [{ "type": "PodScheduled", "status": "False",
        "reason": "Unschedulable", "message": "0/3 nodes are available" }] });
    world.set_pod_status("orders-a-0", unscheduled);
    let plan = world.pass();
    assert_eq!(plan.apply, [], "words are no change of any object");
    let told: Vec<_> = plan
        .conditions
        .iter()
        .map(|told| told.name.as_str())
        .collect();
    assert_eq!(told, ["orders-a-0"], "the others' words are the same");
    assert_eq!(world.rule_of("orders-a-0"), Some(Rule::NodeAvailable));
    assert_eq!(world.member("orders-a-0").spec, spec);
    world.set_pod_status("orders-a-0", serde_json::json!({}));
    world.run();
    assert_eq!(world.rule_of("orders-a-0"), None);
    let status = world.member("orders-a-0").status.clone().unwrap();
    assert!(conditions::find(&status.conditions, conditions::WAITING).is_none());
}

#[test]
fn a_host_id_that_another_member_has_is_not_believed() {
    let mut world = three_racks();
    world.run();
    let own = world.member_status("orders-b-0").host_id.clone();
    assert_eq!(world.member("orders-b-0").spec.host_id, own);
    let others = world.member_status("orders-a-0").host_id.clone();
    world.member_status("orders-b-0").host_id = others;
    world.settle();
    let told = world.status().blocked[0].clone();
    assert_eq!(told.member.as_deref(), Some("orders-b-0"));
    assert_eq!(told.rule, Rule::HostIdAgrees);
    assert_eq!(
        world.member("orders-b-0").spec.host_id,
        own,
        "it stays noted"
    );
    let claim = &world.observed.owned.volume_claims["data-orders-b-0"];
    assert_eq!(claim.annotations()[labels::HOST_ID], own.unwrap());
    world.run();
    assert_eq!(
        world.status().phase,
        Some(Phase::Ready),
        "its agent corrects it"
    );
}

#[test]
fn a_joiner_that_tells_the_host_id_of_another_member_is_not_noted_with_it() {
    let mut world = World::new(cluster(&[("a", 1)]));
    world.run();
    world.edit(|cluster| cluster.spec.racks[0].members = 2);
    world.run();
    let member = world.observed.owned.members.get_mut("orders-a-1").unwrap();
    Arc::make_mut(member).spec.host_id = None;
    let claims = &mut world.observed.owned.volume_claims;
    Arc::make_mut(claims.get_mut("data-orders-a-1").unwrap())
        .metadata
        .annotations = None;
    let others = world.member_status("orders-a-0").host_id.clone();
    world.member_status("orders-a-1").host_id = others;
    world.settle();
    assert_eq!(world.member("orders-a-1").spec.host_id, None);
    assert_eq!(world.rule_of("orders-a-1"), Some(Rule::HostIdAgrees));
    assert_eq!(world.rule_of("orders-a-0"), None);
}

/// A ring of three that grows by two, of whom the first is permitted to join and has lost its node.
fn with_a_stranded_joiner() -> World {
    let mut world = three_racks();
    world.run();
    world.edit(|cluster| cluster.spec.racks[0].members = 3);
    world.settle();
    for name in ["orders-a-1", "orders-a-2"] {
        world.agent(name);
    }
    for _ in 0..4 {
        world.settle();
        for name in ["orders-a-0", "orders-b-0", "orders-c-0"] {
            world.agent(name);
        }
    }
    world.settle();
    assert_eq!(world.member("orders-a-1").spec.start.mode, StartMode::Join);
    let going = serde_json::json!({ "conditions": [{ "type": "PodScheduled", "status": "False",
        "message": "0/3 nodes are available" }] });
    world.set_pod_status("orders-a-1", going);
    world
}

#[test]
fn a_joiner_without_a_node_gives_its_turn_back() {
    let mut world = with_a_stranded_joiner();
    let epoch = world.member("orders-a-1").spec.start.epoch;
    world.member_status("orders-a-1").state = MemberState::Joining;
    world.settle();
    let start = world.member("orders-a-1").spec.start.clone();
    assert_eq!((start.mode, start.epoch), (StartMode::Hold, epoch + 1));
    for _ in 0..4 {
        for name in ["orders-a-0", "orders-b-0", "orders-c-0"] {
            world.agent(name);
        }
        world.settle();
    }
    assert_eq!(
        world.member("orders-a-2").spec.start.mode,
        StartMode::Join,
        "it is the next one's turn"
    );
}

#[test]
fn a_joiner_keeps_its_turn_while_somebody_says_nothing() {
    let mut world = with_a_stranded_joiner();
    world.member_status("orders-c-0").state = MemberState::NotAnswering;
    world.settle();
    assert_eq!(world.member("orders-a-1").spec.start.mode, StartMode::Join);
}

#[test]
fn a_joiner_that_somebody_sees_up_keeps_its_turn() {
    let mut world = with_a_stranded_joiner();
    let view = &mut world.member_status("orders-c-0").ring_view;
    let mut joiner = view[0].clone();
    joiner.host_id = "host-of-the-joiner".into();
    joiner.address = "10.0.0.99".into();
    joiner.state = PeerState::Up;
    view.push(joiner);
    world.settle();
    assert_eq!(world.member("orders-a-1").spec.start.mode, StartMode::Join);
    assert!(world.status().record.operation.is_some());
}

#[test]
fn members_that_never_began_are_taken_back() {
    let mut world = three_racks();
    world.run();
    world.edit(|cluster| cluster.spec.racks[0].members = 3);
    world.settle();
    world.edit(|cluster| cluster.spec.racks[0].members = 1);
    world.settle();
    let record = world.status().record;
    assert_eq!(record.members["a"], [0]);
    assert_eq!(record.next_ordinals["a"], 3, "no ordinal comes back");
    assert_eq!(world.observed.owned.members.len(), 3);
    assert!(
        world
            .observed
            .owned
            .volume_claims
            .contains_key("data-orders-a-2"),
        "claims stay"
    );
    assert_eq!(world.status().phase, Some(Phase::Ready));
    world.edit(|cluster| cluster.spec.racks[0].members = 2);
    world.settle();
    assert_eq!(world.status().record.members["a"], [0, 3]);
}

#[test]
fn members_that_have_joined_are_not_taken_back() {
    let mut world = three_racks();
    world.edit(|cluster| cluster.spec.racks[0].members = 2);
    world.run();
    world.edit(|cluster| cluster.spec.racks[0].members = 1);
    world.pass();
    let status = world.status();
    assert_eq!(status.phase, Some(Phase::Invalid));
    assert!(
        status.blocked[0].message.contains("Set it to 2 or more"),
        "{}",
        status.blocked[0].message
    );
    assert_eq!(world.observed.owned.members.len(), 4);
}
