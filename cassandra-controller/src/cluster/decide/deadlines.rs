//! When time alone changes a decision: something has lasted, and then more is said or done about it. No event tells of
//! that, so the cluster is looked at again at that time, once.

use std::time::Duration;

use cassandra_api::{
    k8s_openapi::jiff::{SignedDuration, Timestamp},
    rules::Rule,
    v1alpha1::CassandraClusterStatus,
};

use super::{operation, ring::Ring, waiting, workload};
use crate::cluster::{member_view::MemberView, observe::POD_IS_ASKED_FOR_AFTER};

/// Times are told in whole seconds.
const ROUNDED: SignedDuration = SignedDuration::from_secs(1);

/// How long until the first of them. `status` is what is said now.
pub(super) fn next(ring: &Ring<'_>, status: &CassandraClusterStatus) -> Option<Duration> {
    let now = ring.cluster.observed.now.0;
    let of_members = ring.members.iter().flat_map(of_member);
    let times = of_members.chain(of_missing_pods(status));
    let left = times.filter_map(|time| {
        let left = time.duration_since(now).saturating_add(ROUNDED);
        Duration::try_from(left).ok().filter(|left| !left.is_zero())
    });
    left.min()
}

fn of_member(member: &MemberView) -> impl Iterator<Item = Timestamp> {
    let times = [
        waiting::late_from(member),
        waiting::unbound_from(member),
        waiting::doubted_from(member),
        operation::left_behind_from(member),
    ];
    times.into_iter().flatten()
}

fn of_missing_pods(status: &CassandraClusterStatus) -> impl Iterator<Item = Timestamp> {
    let missing = status.blocked.iter();
    let missing = missing.filter(|blocked| blocked.rule == Rule::PodCreated);
    let lasting = [POD_IS_ASKED_FOR_AFTER, workload::POD_IS_MADE_WITHIN];
    missing.flat_map(move |blocked| lasting.map(|lasting| after(blocked.since.0, lasting)))
}

/// That much later; a time that can't be told is never.
pub(super) fn after(time: Timestamp, lasting: SignedDuration) -> Timestamp {
    time.saturating_add(lasting).unwrap_or(Timestamp::MAX)
}
