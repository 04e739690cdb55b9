//! Each check, with a plan that is wrong.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod objects;
mod permit;
mod settling;

use cassandra_api::v1alpha1::{Founder, OperationKind, RecordedOperation};
use cassandra_controller::cluster::{Deletion, Desired, Existing, Kind, Plan, decide};
use serde_json::{Value, json};

use super::{
    super::{
        cluster::{Founded, Record, Spec, Turn},
        member_case::MemberCase,
        run::judge,
        state::{State, View},
        state_space::{Shape, StateSpace},
    },
    complaints,
};

const SPECS: &[Spec] = &[Spec::Plain, Spec::Paused];
/// The first member of the first rack.
const FIRST: &str = "orders-a-0";
/// The second.
const SECOND: &str = "orders-a-1";

/// Two members in one rack; the founder is on record, and the second has the slot.
fn state(first: MemberCase, second: MemberCase) -> State {
    find(first, second, Spec::Plain, Turn::Join(1))
}

fn find(first: MemberCase, second: MemberCase, spec: Spec, turn: Turn) -> State {
    let space = StateSpace::new(Shape {
        members: 2,
        racks: 1,
        services: true,
        specs: SPECS,
        views: &[View::Whole],
    });
    let record = Record {
        founder: Founded::By(0),
        turn,
        ordinals: true,
    };
    let is_it = |state: &State| {
        let cases: Vec<_> = state.cases().collect();
        cases == [first, second] && state.record == record && state.spec == spec && state.answered
    };
    (0..space.size())
        .filter_map(|number| space.state(number, number))
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
    let state = state(MemberCase::NORMAL, MemberCase::FRESH);
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

fn recording(state: &State, founder: &str, operation: Option<(&str, OperationKind)>) -> Plan {
    let mut plan = right(state);
    let status = state.observed.cluster.status.clone().unwrap();
    let operation = operation.map(|(member, kind)| RecordedOperation {
        id: "test".into(),
        kind,
        members: vec![member.into()],
        started_at: state.observed.now.clone(),
        cause: "spec".into(),
    });
    // In this state it is the turn of the second, so that there is a record to change.
    let ready = find(
        MemberCase::NORMAL,
        MemberCase::FRESH,
        Spec::Plain,
        Turn::None,
    );
    let mut update = right(&ready).record.unwrap();
    update.record = status.record;
    update.record.founder = Some(Founder {
        member: Some(founder.into()),
        adopted_from: None,
    });
    update.record.operation = operation;
    plan.record = Some(update);
    plan
}
