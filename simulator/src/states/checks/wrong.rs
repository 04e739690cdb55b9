//! Each check, with a plan that is wrong.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use cassandra_api::v1alpha1::{Action, Founder, InProgress};
use cassandra_controller::cluster::{Deletion, Desired, Existing, Kind, Plan, decide};
use serde_json::{Value, json};

use super::{
    super::{
        cluster::{Founded, Record, Spec, Turn},
        family::{Family, Shape},
        life::Life,
        run::judge,
        state::{State, View},
    },
    complaints,
};

const SPECS: &[Spec] = &[Spec::Plain, Spec::Paused];
/// The first member of the first rack.
const FIRST: &str = "orders-a-0";
/// The second.
const SECOND: &str = "orders-a-1";

/// Two members in one rack; the founder is on record, and it is the turn of the second.
fn state(first: Life, second: Life) -> State {
    find(first, second, Spec::Plain, Turn::Join(1))
}

fn find(first: Life, second: Life, spec: Spec, turn: Turn) -> State {
    let family = Family::new(Shape {
        members: 2,
        racks: 1,
        services: true,
        specs: SPECS,
        views: &[View::Whole],
    })
    .unwrap();
    let record = Record {
        founder: Founded::By(0),
        turn,
        ordinals: true,
    };
    let is_it = |state: &State| {
        let lives: Vec<_> = state.lives().collect();
        lives == [first, second] && state.record == record && state.spec == spec && state.answered
    };
    (0..family.size())
        .filter_map(|number| family.state(number, number))
        .find(is_it)
        .unwrap()
}

/// The plan that the controller makes, which is right.
fn right(state: &State) -> Plan {
    let plan = decide(&state.observed);
    assert_eq!(complaints(state, &plan), vec![]);
    plan
}

fn sees(state: &State, plan: &Plan, number: &str) {
    let found = complaints(state, plan);
    assert!(
        found.iter().any(|complaint| complaint.number == number),
        "{found:?}"
    );
}

/// A plan that tells a member this.
fn telling(state: &State, name: &str, start: &Value) -> Plan {
    let mut plan = right(state);
    plan.apply.retain(|desired| desired.name != name);
    let member = state.observed.owned.members.get(name).unwrap();
    let mut object = serde_json::to_value(&**member).unwrap();
    object["spec"]["start"] = start.clone();
    plan.apply.push(Desired {
        kind: Kind::CassandraMember,
        name: name.into(),
        manager: "test",
        existing: Existing::Differs {
            uid: member.metadata.uid.clone().unwrap(),
            resource_version: None,
        },
        object,
    });
    plan
}

fn join() -> Value {
    json!({ "epoch": 1, "mode": "Join", "seeds": [address(FIRST)] })
}

fn address(name: &str) -> String {
    let state = state(Life::Normal, Life::Fresh);
    let service = state.observed.owned.services.get(name).unwrap();
    service.spec.as_ref().unwrap().cluster_ip.clone().unwrap()
}

fn deleting(state: &State, kind: Kind, name: &str, uid: &str) -> Plan {
    let mut plan = right(state);
    plan.delete.push(Deletion {
        kind,
        name: name.into(),
        uid: uid.into(),
        resource_version: "200".into(),
        reason: "test".into(),
    });
    plan
}

fn claiming(state: &State, founder: &str, turn: Option<(&str, Action)>) -> Plan {
    let mut plan = right(state);
    let status = state.observed.cluster.status.clone().unwrap();
    let turn = turn.map(|(member, action)| InProgress {
        member: member.into(),
        action,
        started_at: state.observed.now.clone(),
    });
    // In this state it is the turn of the second, so that there is a claim to change.
    let ready = find(Life::Normal, Life::Fresh, Spec::Plain, Turn::None);
    let mut claim = right(&ready).claim.unwrap();
    claim.founder = Some(Founder {
        member: Some(founder.into()),
        adopted_from: None,
    });
    claim.in_progress = turn.into_iter().collect();
    claim.next_ordinals = status.next_ordinals;
    plan.claim = Some(claim);
    plan
}

#[test]
fn leave_to_join_is_right_in_its_turn() {
    let state = state(Life::Normal, Life::Fresh);
    let plan = telling(&state, SECOND, &join());
    assert_eq!(complaints(&state, &plan), vec![]);
}

#[test]
fn a_claim_that_is_deleted_is_seen() {
    let state = state(Life::Normal, Life::Fresh);
    let name = format!("data-{FIRST}");
    let plan = deleting(&state, Kind::PersistentVolumeClaim, &name, "any");
    sees(&state, &plan, "S01");
}

#[test]
fn a_deletion_by_another_uid_is_seen() {
    let state = state(Life::Normal, Life::NotPulled);
    let plan = deleting(&state, Kind::Pod, &format!("{SECOND}-0"), "another");
    sees(&state, &plan, "S02");
}

#[test]
fn a_deletion_of_a_pod_that_runs_is_seen() {
    let state = state(Life::Normal, Life::Fresh);
    let uid = format!("Pod-{FIRST}");
    let plan = deleting(&state, Kind::Pod, &format!("{FIRST}-0"), &uid);
    sees(&state, &plan, "S03");
}

#[test]
fn leave_without_a_turn_is_seen() {
    let state = find(Life::Normal, Life::Fresh, Spec::Plain, Turn::None);
    sees(&state, &telling(&state, SECOND, &join()), "S07");
}

#[test]
fn leave_for_two_is_seen() {
    let state = state(Life::Fresh, Life::Fresh);
    let mut plan = telling(&state, SECOND, &join());
    plan.apply.extend(telling(&state, FIRST, &join()).apply);
    sees(&state, &plan, "S07");
}

#[test]
fn leave_beside_one_on_the_way_is_seen() {
    let state = state(Life::Founding, Life::Fresh);
    sees(&state, &telling(&state, SECOND, &join()), "S07");
}

#[test]
fn leave_to_join_while_a_member_is_down_is_seen() {
    let state = state(Life::Down, Life::Fresh);
    sees(&state, &telling(&state, SECOND, &join()), "S07");
}

#[test]
fn a_turn_while_a_member_is_down_is_seen() {
    let state = find(Life::Down, Life::Fresh, Spec::Plain, Turn::None);
    let plan = claiming(&state, FIRST, Some((SECOND, Action::Join)));
    sees(&state, &plan, "S07");
}

#[test]
fn leave_on_a_wrong_volume_is_seen() {
    let state = state(Life::Normal, Life::Swapped);
    let rejoin = json!({ "epoch": 1, "mode": "Rejoin" });
    sees(&state, &telling(&state, SECOND, &rejoin), "S10");
}

#[test]
fn leave_that_stays_after_the_volume_was_lost_is_seen() {
    let state = state(Life::Normal, Life::Lost);
    let rejoin = json!({ "epoch": 2, "mode": "Rejoin" });
    sees(&state, &telling(&state, SECOND, &rejoin), "S10");
}

#[test]
fn a_second_ring_is_seen() {
    let state = state(Life::Normal, Life::Fresh);
    let found = json!({ "epoch": 1, "mode": "Found", "seeds": [address(SECOND)] });
    sees(&state, &telling(&state, SECOND, &found), "S12");
}

#[test]
fn the_turn_to_found_a_second_ring_is_seen() {
    let state = state(Life::Normal, Life::Fresh);
    let plan = claiming(&state, FIRST, Some((SECOND, Action::Found)));
    sees(&state, &plan, "S12");
}

#[test]
fn another_founder_is_seen() {
    let state = state(Life::Normal, Life::Fresh);
    sees(&state, &claiming(&state, SECOND, None), "S12");
}

#[test]
fn a_joining_member_among_its_seeds_is_seen() {
    let state = state(Life::Normal, Life::Fresh);
    let start = json!({ "epoch": 1, "mode": "Join", "seeds": [address(FIRST), address(SECOND)] });
    sees(&state, &telling(&state, SECOND, &start), "S13");
}

#[test]
fn a_joining_member_without_a_seed_that_serves_is_seen() {
    let state = state(Life::Down, Life::Fresh);
    sees(&state, &telling(&state, SECOND, &join()), "S14");
}

#[test]
fn an_object_without_an_owner_is_seen() {
    let state = state(Life::Normal, Life::Fresh);
    let mut plan = telling(&state, SECOND, &join());
    for desired in &mut plan.apply {
        desired.object["metadata"]["ownerReferences"] = json!([]);
    }
    sees(&state, &plan, "S27");
}

#[test]
fn a_claim_with_an_owner_is_seen() {
    let state = state(Life::Normal, Life::MemberOnly);
    let mut plan = right(&state);
    let claims = plan.apply.iter_mut();
    for desired in claims.filter(|desired| desired.kind == Kind::PersistentVolumeClaim) {
        desired.object["metadata"]["ownerReferences"] = json!([{ "uid": "cluster-uid" }]);
    }
    sees(&state, &plan, "S27");
}

#[test]
fn a_claim_that_shrinks_is_seen() {
    let state = state(Life::Normal, Life::Fresh);
    let mut plan = right(&state);
    let name = format!("data-{SECOND}");
    let claim = state.observed.owned.volume_claims.get(&name).unwrap();
    let mut object = serde_json::to_value(&**claim).unwrap();
    object["spec"]["resources"]["requests"]["storage"] = json!("1Mi");
    plan.apply.push(Desired {
        kind: Kind::PersistentVolumeClaim,
        name,
        manager: "test",
        existing: Existing::Absent,
        object,
    });
    sees(&state, &plan, "S33");
}

#[test]
fn two_desires_for_one_object_are_seen() {
    let state = state(Life::Normal, Life::Fresh);
    let mut plan = telling(&state, SECOND, &join());
    plan.apply.extend(plan.apply.clone());
    sees(&state, &plan, "S34");
}

#[test]
fn an_ordinal_that_sinks_is_seen() {
    let state = state(Life::Normal, Life::Fresh);
    let mut plan = right(&state);
    plan.status.next_ordinals.clear();
    sees(&state, &plan, "S34");
}

#[test]
fn a_member_without_a_recorded_ordinal_is_seen() {
    let state = state(Life::Normal, Life::Absent);
    let mut plan = right(&state);
    for desired in &mut plan.apply {
        if desired.kind == Kind::CassandraMember {
            desired.object["spec"]["ordinal"] = json!(2);
            desired.existing = Existing::Absent;
        }
    }
    sees(&state, &plan, "S34");
}

#[test]
fn a_generation_that_is_not_the_specs_is_seen() {
    let state = state(Life::Normal, Life::Fresh);
    let mut plan = right(&state);
    plan.status.observed_generation = Some(8);
    sees(&state, &plan, "S37");
}

#[test]
fn a_write_of_the_users_cluster_is_seen() {
    let state = state(Life::Normal, Life::Fresh);
    let mut plan = telling(&state, SECOND, &join());
    for desired in &mut plan.apply {
        desired.object["kind"] = json!("CassandraCluster");
    }
    sees(&state, &plan, "S40");
}

#[test]
fn an_epoch_that_stays_under_another_mode_is_seen() {
    let state = state(Life::Normal, Life::Fresh);
    let start = json!({ "epoch": 0, "mode": "Join", "seeds": [address(FIRST)] });
    sees(&state, &telling(&state, SECOND, &start), "S46");
}

#[test]
fn a_change_while_paused_is_seen() {
    let state = find(Life::Normal, Life::Fresh, Spec::Paused, Turn::None);
    let plan = claiming(&state, FIRST, None);
    sees(&state, &plan, "S53");
}

#[test]
fn a_panic_is_seen() {
    let state = state(Life::Normal, Life::Fresh);
    let found = judge(&state, |_| panic!("wrong"));
    assert_eq!(found.first().unwrap().number, "S47");
}

#[test]
fn two_plans_for_one_state_are_seen() {
    let state = state(Life::Normal, Life::Fresh);
    let one = right(&state);
    let other = Plan::default();
    assert_eq!(super::changes_its_mind(&one, &one), None);
    assert_eq!(super::changes_its_mind(&one, &other).unwrap().number, "S26");
}

#[test]
fn a_status_that_changes_by_itself_is_seen() {
    let state = find(Life::Normal, Life::Normal, Spec::Plain, Turn::None);
    let one = right(&state);
    let mut other = one.clone();
    assert_eq!(super::goes_back(&state.observed, &one, &other), None);
    other.status.phase = None;
    let complaint = super::goes_back(&state.observed, &one, &other).unwrap();
    assert_eq!(complaint.number, "S42");
}

#[test]
fn a_claim_that_is_taken_back_is_seen() {
    let state = find(Life::Normal, Life::Fresh, Spec::Plain, Turn::None);
    let one = claiming(&state, FIRST, Some((SECOND, Action::Join)));
    let back = claiming(&state, FIRST, None);
    assert_eq!(super::goes_back(&state.observed, &one, &one), None);
    let complaint = super::goes_back(&state.observed, &one, &back).unwrap();
    assert_eq!(complaint.number, "S42");
}
