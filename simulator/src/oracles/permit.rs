//! The permit to start, and what comes of it.

use cassandra_api::v1alpha1::{CassandraMember, MemberState, StartMode};

use super::{Write, text};
use crate::{json::At as _, kubernetes::is_ready, ring::Mode};

pub(super) fn check(write: &Write<'_>) -> Vec<String> {
    let mut found = Vec::new();
    if write.kind == "CassandraMember" && write.is_ours() {
        let before = write.old.and_then(member);
        if let Some(now) = write.new.and_then(member) {
            found.extend(one_at_a_time(write, before.as_ref(), &now));
            found.extend(seeds_are_alive(write, before.as_ref(), &now));
            found.extend(ring_is_whole(write, before.as_ref(), &now));
            found.extend(serves_as_reported(write, before.as_ref(), &now));
            found.extend(host_ids_stay(before.as_ref(), &now));
            found.extend(epochs_rise(before.as_ref(), &now));
        }
    }
    found.extend(everybody_was_asked(write));
    found.extend(ready_is_normal(write));
    found
}

fn member(object: &serde_json::Value) -> Option<CassandraMember> {
    serde_json::from_value(object.clone()).ok()
}

fn name(member: &CassandraMember) -> &str {
    member.metadata.name.as_deref().unwrap_or_default()
}

fn starts_anew(member: &CassandraMember) -> bool {
    let joined = member
        .status
        .as_ref()
        .is_some_and(|status| status.bootstrapped.is_some());
    matches!(
        member.spec.start.mode,
        StartMode::CreateRing | StartMode::Join
    ) && !joined
}

/// S07: at most one member of a cluster has a permit to take a place that it has not.
fn one_at_a_time(
    write: &Write<'_>,
    before: Option<&CassandraMember>,
    now: &CassandraMember,
) -> Option<String> {
    if !starts_anew(now) || before.is_some_and(starts_anew) {
        return None;
    }
    let all = write
        .server
        .list("cassandra-operator.rs/v1alpha1", "CassandraMember");
    let starting: Vec<_> = all
        .iter()
        .filter_map(|object| member(object.value()))
        .filter(|other| other.spec.cluster.uid == now.spec.cluster.uid && starts_anew(other))
        .map(|other| name(&other).to_owned())
        .collect();
    (starting.len() > 1).then(|| format!("S07: {starting:?} have a permit at the same time"))
}

/// S13, S14: who joins has seeds that are in the ring, and is not among them.
fn seeds_are_alive(
    write: &Write<'_>,
    before: Option<&CassandraMember>,
    now: &CassandraMember,
) -> Option<String> {
    let mode = |member: &CassandraMember| member.spec.start.mode;
    if mode(now) != StartMode::Join || before.is_some_and(|before| mode(before) == StartMode::Join)
    {
        return None;
    }
    let seeds = &now.spec.start.seeds;
    let own = now.spec.broadcast_address.as_ref();
    if own.is_some_and(|own| seeds.contains(own)) {
        return Some(format!("S13: {} is its own seed", name(now)));
    }
    let modes = write.ring.modes();
    let alive = seeds
        .iter()
        .any(|seed| modes.get(seed) == Some(&Mode::Normal));
    let any = modes.values().any(|mode| *mode == Mode::Normal);
    (any && !alive).then(|| format!("S14: no seed of {} is in the ring: {seeds:?}", name(now)))
}

/// S15: who joins meets a ring whose nodes all see each other up.
fn ring_is_whole(
    write: &Write<'_>,
    before: Option<&CassandraMember>,
    now: &CassandraMember,
) -> Option<String> {
    let joins = |member: &CassandraMember| member.spec.start.mode == StartMode::Join;
    if !joins(now) || before.is_some_and(joins) {
        return None;
    }
    let disagreement = write.ring.disagreement()?;
    Some(format!(
        "S15: {} has a permit to join while {disagreement}",
        name(now)
    ))
}

/// S16: a join gets the slot after every member that has joined was asked for it, and has answered. One that is under way
/// already and only lost its record is none.
fn everybody_was_asked(write: &Write<'_>) -> Option<String> {
    let joins = |object: Option<&serde_json::Value>| {
        let operation = object?.at("/status/record/operation")?;
        let joins = text(operation, "/kind") == "Join";
        joins.then(|| text(operation, "/members/0").to_owned())
    };
    let next = joins(write.new).filter(|_| write.kind == "CassandraCluster" && write.is_ours())?;
    if joins(write.old).as_ref() == Some(&next) {
        return None;
    }
    let members = write
        .server
        .list("cassandra-operator.rs/v1alpha1", "CassandraMember");
    let members: Vec<_> = members
        .iter()
        .filter_map(|object| member(object.value()))
        .collect();
    if members.iter().any(|it| name(it) == next && starts_anew(it)) {
        return None;
    }
    let silent = members.iter().find(|other| {
        let status = other.status.as_ref();
        let joined = status.filter(|status| status.bootstrapped.is_some());
        joined.is_some_and(|status| {
            let answer = status.refresh.as_ref().map(|refresh| refresh.id.as_str());
            let about = answer.and_then(|answer| answer.rsplit_once('.'));
            about.is_none_or(|(about, _)| about != next)
        })
    })?;
    Some(format!(
        "S16: {next} is to join, and {} was not asked",
        name(silent)
    ))
}

/// S20: a member that is reported ready serves.
fn serves_as_reported(
    write: &Write<'_>,
    before: Option<&CassandraMember>,
    now: &CassandraMember,
) -> Option<String> {
    let ready = |member: &CassandraMember| {
        let status = member.status.as_ref();
        status.is_some_and(|status| status.state == MemberState::Ready)
    };
    let address = now.status.as_ref()?.address.as_deref()?;
    (ready(now) && !before.is_some_and(ready) && !write.ring.serves_at(address))
        .then(|| format!("S20: {} is reported ready and does not serve", write.name()))
}

/// S11: a member that has joined is one node for ever. A status that told otherwise is put right.
fn host_ids_stay(before: Option<&CassandraMember>, now: &CassandraMember) -> Option<String> {
    let joined = |member: &CassandraMember| {
        let status = member
            .status
            .as_ref()
            .filter(|status| status.bootstrapped.is_some())?;
        status.host_id.clone()
    };
    let was = joined(before?)?;
    let is = joined(now).unwrap_or_else(|| "nobody".into());
    let known = before?.spec.host_id.as_ref();
    if known.is_some() && known != now.spec.host_id.as_ref() {
        return Some(format!("S63: {} was known as {known:?}", name(now)));
    }
    (was != is && known != Some(&is))
        .then(|| format!("S11: {} was the host id {was} and is {is}", name(now)))
}

/// S46: what was told last counts, and whatever is told has another epoch than before.
fn epochs_rise(before: Option<&CassandraMember>, now: &CassandraMember) -> Option<String> {
    let (was, is) = (&before?.spec.start, &now.spec.start);
    let same = is.epoch == was.epoch && is.mode != was.mode;
    (is.epoch < was.epoch || same).then(|| {
        format!(
            "S46: {} was told {:?} in epoch {} after {:?} in epoch {}",
            name(now),
            is.mode,
            is.epoch,
            was.mode,
            was.epoch
        )
    })
}

/// S20: a pod that becomes ready is a node that serves.
fn ready_is_normal(write: &Write<'_>) -> Option<String> {
    let became_ready = write.new.is_some_and(is_ready) && !write.old.is_some_and(is_ready);
    if write.kind != "Pod" || !became_ready {
        return None;
    }
    let uid = text(write.new?, "/metadata/uid");
    let serves = write.ring.serves(uid);
    (!serves).then(|| format!("S20: {} is ready and does not serve", write.name()))
}
