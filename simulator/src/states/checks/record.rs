//! What a plan puts on record in the cluster's status.

use std::collections::BTreeMap;

use cassandra_api::v1alpha1::Founder;
use cassandra_controller::cluster::{Existing, Kind, Plan};

use super::super::state::State;
use crate::json::At as _;

/// A founder that is on record stays there. Adopted volumes that hold no ring are founded on.
pub(super) fn the_founder_stays(state: &State, plan: &Plan) -> Option<String> {
    let before = state.observed.cluster.status.as_ref()?;
    let before = before.record.founder.as_ref()?;
    let chosen = before.member.as_ref()?;
    let is_other = |founder: &Option<Founder>| {
        founder.as_ref().and_then(|founder| founder.member.as_ref()) != Some(chosen)
    };
    let update = plan.record.as_ref();
    let written = update.is_some_and(|update| is_other(&update.record.founder));
    (written || is_other(&plan.status.record.founder))
        .then(|| format!("{chosen} is the founder no more"))
}

/// The next ordinals never sink.
pub(super) fn ordinals_rise(state: &State, plan: &Plan) -> Option<String> {
    let before = &state.observed.cluster.status.as_ref()?.record.next_ordinals;
    let sinks = |now: &BTreeMap<String, i32>| {
        let mut all = before.iter();
        all.any(|(rack, next)| now.get(rack).is_none_or(|now| now < next))
    };
    let update = plan.record.as_ref();
    let written = update.is_some_and(|update| sinks(&update.record.next_ordinals));
    (written || sinks(&plan.status.record.next_ordinals))
        .then(|| "an ordinal can be used twice".into())
}

/// Who is on record stays there, with a next ordinal above its own: nobody leaves the ring yet.
pub(super) fn members_stay(state: &State, plan: &Plan) -> Option<String> {
    let before = &state.observed.cluster.status.as_ref()?.record.members;
    let now = &plan.record.as_ref()?.record;
    let of = |rack: &String| now.members.get(rack).map_or(&[][..], Vec::as_slice);
    let lost = before.iter().find_map(|(rack, ordinals)| {
        let gone = ordinals
            .iter()
            .find(|ordinal| !of(rack).contains(ordinal))?;
        Some(format!("{rack}-{gone} is struck off the record"))
    });
    let next = |rack: &String| now.next_ordinals.get(rack).copied().unwrap_or(0);
    let reused = || {
        let mut all = now.members.iter();
        let (rack, _) = all.find(|(rack, _)| of(rack).iter().any(|o| *o >= next(rack)))?;
        Some(format!(
            "a member of {rack} has an ordinal that will be given again"
        ))
    };
    lost.or_else(reused)
}

/// A Member is made only under an ordinal that was on record before.
pub(super) fn ordinals_are_recorded_first(state: &State, plan: &Plan) -> Option<String> {
    let recorded = state.observed.cluster.status.as_ref();
    let recorded = |rack: &str| recorded?.record.members.get(rack);
    let made = plan.apply.iter().filter(|desired| {
        desired.kind == Kind::CassandraMember && desired.existing == Existing::Absent
    });
    let mut made = made.filter_map(|desired| {
        let rack = desired.object.at("/spec/rack")?.as_str()?;
        let ordinal = desired.object.at("/spec/ordinal")?.as_i64()?;
        let ordinal = i32::try_from(ordinal).ok()?;
        let belongs = recorded(rack).is_some_and(|members| members.contains(&ordinal));
        (!belongs).then_some(&desired.name)
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
