//! What a plan puts on record in the cluster's status.

use std::collections::BTreeMap;

use cassandra_api::v1alpha1::Founder;
use cassandra_controller::cluster::{Existing, Kind, Plan};

use super::super::state::State;
use crate::json::At as _;

/// A founder that is on record stays there. Adopted volumes that hold no ring are founded on.
pub(super) fn the_founder_stays(state: &State, plan: &Plan) -> Option<String> {
    let before = state.observed.cluster.status.as_ref()?.founder.as_ref()?;
    let chosen = before.member.as_ref()?;
    let is_other = |founder: &Option<Founder>| {
        founder.as_ref().and_then(|founder| founder.member.as_ref()) != Some(chosen)
    };
    let claimed = plan
        .claim
        .as_ref()
        .is_some_and(|claim| is_other(&claim.founder));
    (claimed || is_other(&plan.status.founder)).then(|| format!("{chosen} is the founder no more"))
}

/// The next ordinals never sink.
pub(super) fn ordinals_rise(state: &State, plan: &Plan) -> Option<String> {
    let before = &state.observed.cluster.status.as_ref()?.next_ordinals;
    let sinks = |now: &BTreeMap<String, i32>| {
        let mut all = before.iter();
        all.any(|(rack, next)| now.get(rack).is_none_or(|now| now < next))
    };
    let claimed = plan
        .claim
        .as_ref()
        .is_some_and(|claim| sinks(&claim.next_ordinals));
    (claimed || sinks(&plan.status.next_ordinals)).then(|| "an ordinal can be used twice".into())
}

/// A Member is made only under an ordinal that was on record before.
pub(super) fn ordinals_are_recorded_first(state: &State, plan: &Plan) -> Option<String> {
    let recorded = state.observed.cluster.status.as_ref();
    let recorded = |rack: &str| recorded?.next_ordinals.get(rack).copied();
    let made = plan.apply.iter().filter(|desired| {
        desired.kind == Kind::CassandraMember && desired.existing == Existing::Absent
    });
    let mut made = made.filter_map(|desired| {
        let rack = desired.object.at("/spec/rack")?.as_str()?;
        let ordinal = desired.object.at("/spec/ordinal")?.as_i64()?;
        let free = i64::from(recorded(rack).unwrap_or(0)) <= ordinal;
        free.then_some(&desired.name)
    });
    let early = made.next()?;
    Some(format!("{early} is made before its ordinal is on record"))
}

/// The status is about the spec that was looked at.
pub(super) fn the_generation_is_the_specs(state: &State, plan: &Plan) -> Option<String> {
    let generation = state.observed.cluster.metadata.generation;
    let observed = plan.status.observed_generation;
    (observed != generation).then(|| format!("{observed:?} was observed, of {generation:?}"))
}
