//! The permit to start: who gets it, when, and with which seeds.

use cassandra_api::v1alpha1::{
    CassandraMemberSpec, OperationKind, RecordedOperation, Start, StartMode,
};
use cassandra_controller::cluster::{Desired, Kind, Plan};
use serde::Deserialize as _;

use super::super::{member_case::MemberCase, state::State};
use crate::json::At as _;

/// What a member is told by this plan, and what it was told before.
struct StartChange<'a> {
    name: &'a str,
    before: Start,
    now: Start,
}

impl StartChange<'_> {
    /// Whether it may now start in a way that it might not before.
    fn is_new(&self) -> bool {
        self.now.mode != StartMode::Hold && self.now.mode != self.before.mode
    }

    fn takes_a_place(&self) -> bool {
        self.is_new() && matches!(self.now.mode, StartMode::CreateRing | StartMode::Join)
    }
}

fn told<'a>(state: &'a State, plan: &'a Plan) -> impl Iterator<Item = StartChange<'a>> {
    let members = plan
        .apply
        .iter()
        .filter(|desired| desired.kind == Kind::CassandraMember);
    members.filter_map(|desired| {
        let before = state.observed.owned.members.get(&desired.name);
        let before = before.map(|member| member.spec.start.clone());
        Some(StartChange {
            name: &desired.name,
            before: before.unwrap_or_default(),
            now: start(desired)?,
        })
    })
}

/// What the Member that is applied is told.
fn start(desired: &Desired) -> Option<Start> {
    let start = desired.object.at("/spec/start")?;
    Start::deserialize(start).ok()
}

/// The operation that has the slot before the plan.
fn recorded(state: &State) -> Option<&RecordedOperation> {
    let status = state.observed.cluster.status.as_ref()?;
    status.record.operation.as_ref()
}

/// The operation to which the plan gives the slot. One that was under way and only lost its record is none.
fn begun<'a>(state: &State, plan: &'a Plan) -> Option<&'a RecordedOperation> {
    let now = plan.record.as_ref()?.record.operation.as_ref();
    let under_way = |name: &String| state.case(name).is_some_and(MemberCase::is_on_the_way);
    now.filter(|now| recorded(state) != Some(now) && !now.members.iter().all(under_way))
}

/// At most one member is on the way, and it is the one whose operation was on record before.
pub(super) fn one_at_a_time(state: &State, plan: &Plan) -> Option<String> {
    let given: Vec<_> = told(state, plan)
        .filter(StartChange::takes_a_place)
        .collect();
    let first = given.first()?;
    if given.len() > 1 {
        let names: Vec<_> = given.iter().map(|told| told.name).collect();
        return Some(format!(
            "{} have a permit at the same time",
            names.join(", ")
        ));
    }
    let others = state.members.iter().filter(|(name, _)| name != first.name);
    if let Some((name, _)) = others.clone().find(|(_, case)| case.is_on_the_way()) {
        return Some(format!("{} has a permit beside {name}", first.name));
    }
    let kind = if first.now.mode == StartMode::CreateRing {
        OperationKind::CreateRing
    } else {
        OperationKind::Join
    };
    let recorded = recorded(state).is_some_and(|operation| {
        operation.kind == kind && operation.members.iter().any(|name| name == first.name)
    });
    (!recorded).then(|| {
        format!(
            "{} has a permit, and its operation is not on record",
            first.name
        )
    })
}

/// Neither the slot nor a permit to join while a member that has joined does not serve or the ring does not agree.
pub(super) fn nobody_joins_a_broken_ring(state: &State, plan: &Plan) -> Option<String> {
    let broken = state.ring_disagrees()
        || state
            .cases()
            .any(|case| case.has_joined() && !case.serves());
    let joins = told(state, plan).find(|told| told.is_new() && told.now.mode == StartMode::Join);
    if let Some(told) = joins.filter(|_| broken) {
        return Some(format!("{} may join a ring that is not whole", told.name));
    }
    let begun = begun(state, plan).filter(|begun| begun.kind == OperationKind::Join)?;
    if !broken && state.answered {
        return None;
    }
    let why = if broken {
        "the ring is not whole"
    } else {
        "nobody was asked"
    };
    Some(format!("{:?} get the slot, and {why}", begun.members))
}

/// Nobody gets a permit on a volume that is not its own or has lost what it held; who has lost it has none any more.
pub(super) fn no_start_on_a_wrong_volume(state: &State, plan: &Plan) -> Option<String> {
    told(state, plan).find_map(|told| {
        let case = state.case(told.name).filter(|case| case.may_not_start())?;
        let may = told.is_new() || (case.has_lost_its_volume() && told.now.mode != StartMode::Hold);
        may.then(|| format!("{} may start, and it is {case:?}", told.name))
    })
}

/// Nobody founds a ring beside one that there is.
pub(super) fn one_ring(state: &State, plan: &Plan) -> Option<String> {
    let joined = state.members.iter().find(|(_, case)| case.has_joined());
    let (joined, _) = joined?;
    let mut told = told(state, plan);
    let founds = told.find(|told| told.is_new() && told.now.mode == StartMode::CreateRing);
    if let Some(told) = founds {
        return Some(format!("{} founds beside {joined}", told.name));
    }
    let begun = begun(state, plan).filter(|begun| begun.kind == OperationKind::CreateRing)?;
    Some(format!("{:?} are to found beside {joined}", begun.members))
}

/// Who joins is not among its own seeds: Cassandra would not bootstrap.
pub(super) fn nobody_is_its_own_seed(state: &State, plan: &Plan) -> Option<String> {
    told(state, plan).find_map(|told| {
        let joined = state.case(told.name).is_some_and(MemberCase::has_joined);
        let own = address(state, told.name)?;
        let wrong = told.now.mode == StartMode::Join && !joined && told.now.seeds.contains(&own);
        wrong.then(|| format!("{} is its own seed", told.name))
    })
}

/// Who gets a permit to join has a seed that is in the ring and serves.
pub(super) fn who_joins_has_a_seed_that_serves(state: &State, plan: &Plan) -> Option<String> {
    let serving: Vec<_> = state
        .members
        .iter()
        .filter(|(_, case)| case.serves())
        .filter_map(|(name, _)| address(state, name))
        .collect();
    let mut joining =
        told(state, plan).filter(|told| told.is_new() && told.now.mode == StartMode::Join);
    let alone = joining.find(|told| !told.now.seeds.iter().any(|seed| serving.contains(seed)))?;
    Some(format!(
        "no seed of {} serves: {:?}",
        alone.name, alone.now.seeds
    ))
}

/// The epoch never falls, and rises with every other mode.
pub(super) fn epochs_rise(state: &State, plan: &Plan) -> Option<String> {
    let mut told = told(state, plan);
    let wrong = told.find(|told| {
        let other = told.now.mode != told.before.mode;
        told.now.epoch < told.before.epoch || (other && told.now.epoch == told.before.epoch)
    })?;
    let (was, is) = (&wrong.before, &wrong.now);
    Some(format!(
        "{} was told {:?} under {} and is told {:?} under {}",
        wrong.name, was.mode, was.epoch, is.mode, is.epoch
    ))
}

/// The address of a member's Service, or the one on record.
fn address(state: &State, name: &str) -> Option<String> {
    let owned = &state.observed.owned;
    let service = owned.services.get(name);
    let service = service.and_then(|service| service.spec.as_ref()?.cluster_ip.clone());
    let recorded = || -> Option<String> {
        let spec: &CassandraMemberSpec = &owned.members.get(name)?.spec;
        spec.broadcast_address.clone()
    };
    service.or_else(recorded)
}
