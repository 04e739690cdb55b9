//! Leave to start, and what comes of it.

use cassandra_api::v1alpha1::{CassandraMember, StartMode};

use super::{Write, text};
use crate::{kubernetes::is_ready, ring::Mode};

pub(super) fn check(write: &Write<'_>) -> Vec<String> {
    let mut found = Vec::new();
    if write.kind == "CassandraMember" && write.is_ours() {
        let before = write.old.and_then(member);
        if let Some(now) = write.new.and_then(member) {
            found.extend(one_at_a_time(write, &now));
            found.extend(seeds_are_alive(write, before.as_ref(), &now));
            found.extend(host_ids_stay(before.as_ref(), &now));
            found.extend(epochs_rise(before.as_ref(), &now));
        }
    }
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
    matches!(member.spec.start.mode, StartMode::Found | StartMode::Join) && !joined
}

/// S07: at most one member of a cluster has leave to take a place that it has not.
fn one_at_a_time(write: &Write<'_>, now: &CassandraMember) -> Option<String> {
    let all = write
        .server
        .list("cassandra-operator.rs/v1alpha1", "CassandraMember");
    let starting: Vec<_> = all
        .iter()
        .filter_map(|object| member(object.value()))
        .filter(|other| other.spec.cluster.uid == now.spec.cluster.uid && starts_anew(other))
        .map(|other| name(&other).to_owned())
        .collect();
    (starting.len() > 1).then(|| format!("S07: {starting:?} have leave at the same time"))
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

/// S11: a member that has joined is one node for ever.
fn host_ids_stay(before: Option<&CassandraMember>, now: &CassandraMember) -> Option<String> {
    let joined = |member: &CassandraMember| {
        let status = member
            .status
            .as_ref()
            .filter(|status| status.bootstrapped.is_some())?;
        status.host_id.clone()
    };
    let (was, is) = (joined(before?)?, joined(now)?);
    (was != is).then(|| format!("S11: {} was the host id {was} and is {is}", name(now)))
}

/// S46: what was told last counts.
fn epochs_rise(before: Option<&CassandraMember>, now: &CassandraMember) -> Option<String> {
    let (was, is) = (before?.spec.start.epoch, now.spec.start.epoch);
    (is < was).then(|| format!("S46: the epoch of {} fell from {was} to {is}", name(now)))
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
