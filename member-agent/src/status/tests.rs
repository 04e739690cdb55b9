//! Statuses of every kind of observation, and of sequences of them.

use cassandra_api::rules::{Rule, Waiting};
use cassandra_api::v1alpha1::{Operation, OperationKind, PeerState, Refresh};
use cassandra_management::Mode;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{at, flush, identity, marker, member, serving};

/// What a test observes, and the defaults of everything that it does not care about.
struct TestCase {
    member: CassandraMember,
    reading: Reading,
    marker: MarkerSeen,
    bootstrapper: Option<VolumeStatus>,
    jobs: Option<Vec<OperationStatus>>,
    replication: Vec<Replication>,
    earlier: CassandraMemberStatus,
    second: i64,
}

fn joined() -> MarkerSeen {
    MarkerSeen::Present(Box::new(Marker {
        joined: true,
        host_id: Some("h-1".into()),
        ..marker()
    }))
}

fn case() -> TestCase {
    TestCase {
        member: member(),
        reading: Reading::Answered(serving()),
        marker: joined(),
        bootstrapper: None,
        jobs: None,
        replication: Vec::new(),
        earlier: CassandraMemberStatus::default(),
        second: 100,
    }
}

impl TestCase {
    fn status(&self) -> CassandraMemberStatus {
        build(&Observed {
            identity: &identity(),
            member: &self.member,
            reading: &self.reading,
            marker: &self.marker,
            bootstrapper: self.bootstrapper.as_ref(),
            jobs: self.jobs.as_deref(),
            state: state::state(&self.reading, true, None),
            replication: &self.replication,
            earlier: &self.earlier,
            now: &at(self.second),
        })
    }
}

#[test]
fn a_serving_node_is_reported_as_it_is() {
    let status = case().status();
    assert_eq!(status.state, MemberState::Ready);
    assert_eq!(status.mode.as_deref(), Some("NORMAL"));
    assert_eq!(status.host_id.as_deref(), Some("h-1"));
    assert_eq!(status.address.as_deref(), Some("10.0.0.1"));
    assert_eq!(status.load.as_deref(), Some("128KiB"));
    assert_eq!(status.config_in_use.as_deref(), Some("orders-rev-1"));
    assert_eq!(status.start_epoch, Some(2));
    assert_eq!(status.ring_view.len(), 2);
    assert!(status.volume.unwrap().joined);
}

#[test]
fn a_node_that_cant_be_asked_keeps_what_cant_have_changed() {
    let earlier = case().status();
    for reading in [Reading::Refused, Reading::NotAnswering("Timeout")] {
        let status = TestCase {
            reading,
            earlier: earlier.clone(),
            ..case()
        }
        .status();
        assert_eq!(status.host_id, earlier.host_id);
        assert_eq!(status.tokens_digest, earlier.tokens_digest);
        assert_eq!(status.release_version, earlier.release_version);
        assert_eq!(status.bootstrapped, earlier.bootstrapped);
        assert_eq!((status.mode, status.schema_version), (None, None));
        assert!(status.ring_view.is_empty() && !status.native_transport);
    }
}

#[test]
fn time_alone_changes_nothing() {
    let earlier = case().status();
    let later = TestCase {
        earlier: earlier.clone(),
        second: 9_999,
        ..case()
    };
    assert_eq!(later.status(), earlier);
}

#[test]
fn last_transition_time_moves_on_a_flip_only() {
    let ready = case().status();
    let since = |status: &CassandraMemberStatus| status.conditions[0].last_transition_time.clone();
    let mut flipped = TestCase {
        reading: Reading::NotAnswering("Timeout"),
        earlier: ready.clone(),
        second: 200,
        ..case()
    };
    let hanging = flipped.status();
    assert_eq!((since(&ready), since(&hanging)), (at(100), at(200)));
    flipped.reading = Reading::Refused;
    flipped.earlier = hanging;
    flipped.second = 300;
    assert_eq!(since(&flipped.status()), at(200), "it was False already");
}

#[test]
fn a_status_is_itself_when_read_back() {
    let status = case().status();
    let text = serde_json::to_string(&status).unwrap();
    assert_eq!(
        serde_json::from_str::<CassandraMemberStatus>(&text).unwrap(),
        status
    );
}

#[test]
fn bootstrapped_is_not_said_before_the_marker_says_joined() {
    let told = |marker: MarkerSeen| TestCase { marker, ..case() }.status().bootstrapped;
    assert_eq!(told(MarkerSeen::Present(Box::new(marker()))), None);
    assert_eq!(told(MarkerSeen::Unknown), None);
    assert_eq!(told(joined()).unwrap().pvc_uid.as_deref(), Some("p-1"));
    // A pod without our bootstrapper has no marker.
    assert_eq!(
        told(MarkerSeen::Absent).unwrap().pvc_uid.as_deref(),
        Some("p-1")
    );
}

#[test]
fn bootstrapped_is_set_once_per_volume() {
    let first = case().status();
    let same = TestCase {
        earlier: first.clone(),
        second: 500,
        ..case()
    };
    assert_eq!(same.status().bootstrapped, first.bootstrapped);
    let other_volume = Marker {
        pvc_uid: Some("p-2".into()),
        joined: true,
        host_id: Some("h-1".into()),
        ..marker()
    };
    let other = TestCase {
        marker: MarkerSeen::Present(Box::new(other_volume)),
        ..same
    };
    let bootstrapped = other.status().bootstrapped.unwrap();
    assert_eq!(bootstrapped.pvc_uid.as_deref(), Some("p-2"));
    assert_eq!(bootstrapped.at, at(500));
}

#[test]
fn bootstrapped_of_a_lost_volume_stays_until_the_node_is_in_the_ring_again() {
    let status = TestCase {
        earlier: case().status(),
        reading: Reading::Refused,
        marker: MarkerSeen::Absent,
        ..case()
    }
    .status();
    assert_eq!(status.bootstrapped, case().status().bootstrapped);
    assert_eq!(status.volume, None);
}

#[test]
fn what_the_bootstrapper_says_leads_over_the_marker() {
    let report = VolumeStatus {
        cluster_uid: Some("c-9".into()),
        refusal: Some(Waiting::saying(
            Rule::PvcIdentity,
            "data of another cluster",
        )),
        ..VolumeStatus::default()
    };
    let status = TestCase {
        reading: Reading::Refused,
        bootstrapper: Some(report.clone()),
        ..case()
    }
    .status();
    assert_eq!(status.volume, Some(report));
}

#[test]
fn a_disk_that_cant_be_read_changes_nothing_that_is_known_of_it() {
    let earlier = case().status();
    let status = TestCase {
        marker: MarkerSeen::Unknown,
        earlier: earlier.clone(),
        ..case()
    }
    .status();
    assert_eq!(status, earlier);
}

#[test]
fn a_refresh_is_answered_even_if_cassandra_cant_be_asked() {
    let mut hanging = TestCase {
        reading: Reading::NotAnswering("Timeout"),
        ..case()
    };
    hanging.member.spec.refresh = Some(Refresh { id: "q-7".into() });
    let status = hanging.status();
    assert_eq!(status.refresh, hanging.member.spec.refresh);
    assert_eq!(status.state, MemberState::NotAnswering);
}

#[test]
fn the_address_that_the_pod_was_made_with_leads() {
    let mut identity = identity();
    let mut member = member();
    assert_eq!(address(&identity, &member).unwrap(), "10.0.0.1");
    member.spec.broadcast_address = Some("10.96.0.1".into());
    assert_eq!(address(&identity, &member).unwrap(), "10.96.0.1");
    identity.broadcast_address = Some("10.96.0.2".into());
    assert_eq!(address(&identity, &member).unwrap(), "10.96.0.2");
}

#[test]
fn a_peer_that_goes_down_is_a_change() {
    let mut facts = serving();
    facts.ring[1].state = PeerState::Down;
    let seen = TestCase {
        reading: Reading::Answered(facts),
        earlier: case().status(),
        ..case()
    };
    assert_ne!(seen.status(), case().status());
}

#[test]
fn tokens_have_one_digest_in_any_order() {
    let tokens = |list: &[&str]| digest(&list.iter().map(|t| (*t).into()).collect::<Vec<_>>());
    assert_eq!(tokens(&["-5", "12"]), tokens(&["12", "-5"]));
    assert_ne!(tokens(&["-5", "12"]), tokens(&["-51", "2"]));
    assert_eq!(tokens(&[]), None);
    assert_eq!(tokens(&["1"]).unwrap().len(), 64);
}

#[test]
fn a_load_that_swings_about_a_step_is_not_written_again() {
    let step = 1 << 20;
    assert_eq!(stepped(step + 1, Some("1MiB")), "1MiB");
    assert_eq!(stepped(step - 1, Some("2MiB")), "2MiB");
    assert_eq!(stepped(step * 2, Some("1MiB")), "2MiB");
    assert_eq!(stepped(step + 1, None), "2MiB");
}

#[test]
fn load_is_rounded_up_to_a_power_of_two() {
    for (bytes, text) in [
        (0, "1KiB"),
        (1024, "1KiB"),
        (1025, "2KiB"),
        (1 << 20, "1MiB"),
        ((1 << 20) + 1, "2MiB"),
        (40 << 20, "64MiB"),
        (3 << 40, "4TiB"),
        (u64::MAX, "8EiB"),
    ] {
        assert_eq!(rounded(bytes), text);
    }
}

fn readings() -> impl Strategy<Value = Reading> {
    let modes = ["STARTING", "JOINING", "NORMAL", "DRAINED", "LEAVING"];
    let answered = (
        proptest::sample::select(modes.to_vec()),
        any::<bool>(),
        any::<u64>(),
    );
    let answered = answered.prop_map(|(mode, native_transport, load)| {
        Reading::Answered(NodeFacts {
            mode: Some(Mode::from(mode.to_owned())),
            native_transport,
            load_bytes: Some(load),
            ..serving()
        })
    });
    prop_oneof![
        answered,
        Just(Reading::Refused),
        Just(Reading::NotAnswering("Timeout")),
    ]
}

proptest! {
    #[test]
    fn any_history_settles_at_once_and_loses_no_identity(
        history in proptest::collection::vec(readings(), 1..12),
    ) {
        let mut case = case();
        for reading in history {
            case.reading = reading;
            case.second += 10;
            let status = case.status();
            let known = case.earlier.host_id.is_some();
            prop_assert!(!known || status.host_id == case.earlier.host_id);
            let done = case.earlier.bootstrapped.is_some();
            prop_assert!(!done || status.bootstrapped == case.earlier.bootstrapped);
            case.earlier = status;
            case.second += 10;
            prop_assert_eq!(case.status(), case.earlier.clone());
        }
    }
}

fn ordered(id: &str) -> CassandraMember {
    let mut member = member();
    member.spec.operation = Some(Operation {
        id: id.into(),
        kind: OperationKind::Join,
    });
    member
}

fn joining() -> Reading {
    Reading::Answered(NodeFacts {
        mode: Some(Mode::Joining),
        ..serving()
    })
}

#[test]
fn an_operation_stands_as_cassandra_and_the_marker_say_and_its_time_does_not_tick() {
    let mut case = TestCase {
        member: ordered("o-1"),
        marker: MarkerSeen::Present(Box::new(marker())),
        reading: joining(),
        ..case()
    };
    let first = case.status().operation.unwrap();
    assert_eq!(first.state, OperationState::Running);
    assert!(
        first
            .message
            .starts_with("Cassandra is in mode JOINING since 1970")
    );
    (case.earlier, case.second) = (case.status(), 900);
    assert_eq!(
        case.status().operation.as_ref(),
        Some(&first),
        "nothing new"
    );
    case.marker = joined();
    let done = case.status().operation.unwrap();
    assert_eq!(
        (done.state, done.started_at),
        (OperationState::Done, Some(at(100)))
    );
}

#[test]
fn another_id_is_another_operation_and_none_is_none() {
    let mut case = TestCase {
        member: ordered("o-1"),
        marker: MarkerSeen::Present(Box::new(marker())),
        reading: joining(),
        ..case()
    };
    (case.earlier, case.second) = (case.status(), 900);
    case.member = ordered("o-2");
    let anew = case.status().operation.unwrap();
    assert_eq!((anew.id.as_str(), anew.started_at), ("o-2", Some(at(900))));
    case.member = member();
    assert_eq!(case.status().operation, None);
}

#[test]
fn a_marker_that_cant_be_read_takes_nothing_back_and_guesses_nothing() {
    let mut case = TestCase {
        member: ordered("o-1"),
        ..case()
    };
    case.earlier = case.status();
    case.marker = MarkerSeen::Unknown;
    let kept = case.status().operation.unwrap();
    assert_eq!(kept.state, OperationState::Done);
    case.member = ordered("o-2");
    let unknown = case.status().operation.unwrap();
    assert_eq!(unknown.state, OperationState::Unknown);
}

#[test]
fn jobs_are_those_of_the_spec_and_what_is_not_known_yet_is_as_it_was_said() {
    let said = |id: &str, state| OperationStatus {
        id: id.into(),
        state,
        progress: None,
        message: String::new(),
        started_at: None,
    };
    let mut case = case();
    case.member.spec.jobs = vec![flush("b"), flush("a")];
    case.earlier.jobs = vec![
        said("a", OperationState::Running),
        said("x", OperationState::Done),
    ];
    assert_eq!(case.status().jobs, [said("a", OperationState::Running)]);
    case.jobs = Some(vec![
        said("a", OperationState::Done),
        said("b", OperationState::Waiting),
        said("x", OperationState::Done),
    ]);
    let expected = [
        said("b", OperationState::Waiting),
        said("a", OperationState::Done),
    ];
    assert_eq!(case.status().jobs, expected);
}

#[test]
fn the_agent_that_tests_play_says_what_this_one_says() {
    use cassandra_api::testing::agent::{self, Node};

    let mut member = member();
    member.spec.broadcast_address = Some("10.0.0.1".into());
    member.spec.refresh = Some(Refresh { id: "a.1".into() });
    let workload = serde_json::json!({ "image": "cassandra:5", "operatorImage": "operator:1",
        "configRevision": "orders-rev-1", "resources": {} });
    member.spec.workload = Some(serde_json::from_value(workload).unwrap());
    let volume = |joined: bool| VolumeStatus {
        pvc_uid: identity().pvc_uid,
        host_id: joined.then(|| "h-1".into()),
        ..agent::own_volume(&member, joined)
    };
    let refused = Reading::Refused;
    let hangs = Reading::NotAnswering("Timeout");
    let drains = Reading::Answered(NodeFacts {
        mode: Some(Mode::Draining),
        ..NodeFacts::default()
    });
    let joins = Reading::Answered(NodeFacts {
        mode: Some(Mode::Joining),
        ..NodeFacts::default()
    });
    let serves = Reading::Answered(serving());
    let replication = agent::replication();
    // What is on the volume, what was reported before, what is seen now, and the state that it comes to.
    let absent = || (MarkerSeen::Absent, VolumeStatus::default());
    let marked = || {
        let marker = Marker {
            member_uid: "m-1".into(),
            ..marker()
        };
        (MarkerSeen::Present(Box::new(marker)), volume(false))
    };
    let own = || (joined(), volume(true));
    let foreign = || (MarkerSeen::Absent, agent::foreign_volume());
    for (state, (marker, volume), reading, asks, seen) in [
        (MemberState::Waiting, absent(), &refused, true, false),
        (MemberState::Waiting, marked(), &refused, true, false),
        (MemberState::Waiting, own(), &refused, true, true),
        (MemberState::Refused, foreign(), &refused, true, false),
        (MemberState::Joining, marked(), &joins, false, false),
        (MemberState::Ready, own(), &serves, false, true),
        (MemberState::NotAnswering, own(), &hangs, false, true),
        (MemberState::Draining, own(), &drains, false, true),
    ] {
        let earlier = if seen {
            case().status()
        } else {
            CassandraMemberStatus::default()
        };
        let real = build(&Observed {
            identity: &identity(),
            member: &member,
            reading,
            marker: &marker,
            bootstrapper: asks.then_some(&volume),
            jobs: None,
            state: state::state(reading, true, asks.then_some(&volume)),
            replication: if reading.is_serving() {
                &replication
            } else {
                &[]
            },
            earlier: &earlier,
            now: &at(100),
        });
        assert_eq!(real.state, state);
        let ring_view = reading.facts().map(|facts| facts.ring.clone());
        let played = agent::status(
            &member,
            Node {
                state,
                volume: Some(volume),
                seen_in_ring: seen,
                ring_view: ring_view.unwrap_or_default(),
            },
        );
        assert_eq!(outline(&played), outline(&real), "{state:?}");
    }
}

/// A status without the values that differ from node to node: which fields it has, and what it says in words.
fn outline(status: &CassandraMemberStatus) -> serde_json::Value {
    let mut outline = serde_json::to_value(status).unwrap();
    let fields = outline.as_object_mut().unwrap();
    for (field, value) in fields.iter_mut() {
        match field.as_str() {
            "hostId" | "schemaVersion" | "tokensDigest" | "load" | "configInUse" => {
                *value = "given".into();
            }
            "bootstrapped" => *value = "given".into(),
            "conditions" => value[0]["lastTransitionTime"] = "given".into(),
            "volume" => value["hostId"] = "given".into(),
            _ => {}
        }
    }
    outline
}
