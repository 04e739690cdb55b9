//! What the cluster's status says. Written only if it differs from what is there, so nothing in it ticks.

use super::{
    super::{observe::Observed, validate::Validated},
    configuration::Revision,
    summary::MemberSummary,
};
use cassandra_api::{
    conditions::{self, Wanted},
    rules::{Rule, Waiting},
    v1alpha1::{Blocked, CassandraClusterStatus, MOST_BLOCKED, Phase, RackStatus},
    validation::Invalid,
};

/// The spec can't be carried out: everything stays as it is.
pub(super) fn invalid(observed: &Observed, problems: &[Invalid]) -> CassandraClusterStatus {
    let message = problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ");
    let mut status = observed.cluster.status.clone().unwrap_or_default();
    let waiting = Waiting::on(Rule::SpecValid, &message);
    status.blocked = blocked(observed, vec![(None, waiting)]);
    let wanted = [
        Wanted::new(conditions::VALID, false, "InvalidSpec", message),
        Wanted::new(
            conditions::PROGRESSING,
            false,
            "InvalidSpec",
            "the spec can't be carried out",
        ),
    ];
    merge(observed, &mut status, wanted);
    status.phase = Some(Phase::Invalid);
    status
}

/// Paused: nothing is changed, and how the cluster stands is still told.
pub(super) fn paused(
    cluster: &Validated<'_>,
    mut status: CassandraClusterStatus,
) -> CassandraClusterStatus {
    let told = std::mem::take(&mut status.conditions);
    if cluster.status.record.operation.is_none() {
        // It would begin now, but for the pause.
        status.operation = None;
    }
    let waiting = Waiting::on(Rule::Paused, "it is true");
    status.blocked = blocked(cluster.observed, vec![(None, waiting)]);
    let wanted = [
        Wanted::new(
            conditions::VALID,
            true,
            "Accepted",
            "the spec can be carried out",
        ),
        Wanted::new(
            conditions::PROGRESSING,
            false,
            "Paused",
            "spec.paused is true",
        ),
    ];
    merge(cluster.observed, &mut status, wanted);
    // What is said because of the pause leads over what would be said without it.
    for condition in told {
        let paused =
            [conditions::VALID, conditions::PROGRESSING].contains(&condition.type_.as_str());
        if let Some(there) = status
            .conditions
            .iter_mut()
            .find(|c| c.type_ == condition.type_)
        {
            if !paused {
                *there = condition;
            }
        } else {
            status.conditions.push(condition);
        }
    }
    status.phase = Some(Phase::Paused);
    status
}

/// How the cluster stands, with what holds it up as a whole.
pub(super) fn report(
    cluster: &Validated<'_>,
    members: &[MemberSummary],
    held_up: Vec<Waiting>,
    revision: Option<&Revision>,
) -> CassandraClusterStatus {
    let observed = cluster.observed;
    let ready = members.iter().filter(|member| member.ready).count();
    let wanted: i32 = cluster.spec.racks.iter().map(|rack| rack.members).sum();
    let refused = observed.refused.iter();
    let refused = refused.filter(|refused| refused.member.is_none());
    let refused = refused.map(|refused| refused.waiting.clone());
    let waits = refused.chain(held_up).map(|waiting| (None, waiting)).chain(
        members
            .iter()
            .filter_map(|member| Some((Some(member.name.clone()), member.waiting.clone()?))),
    );
    let waits: Vec<_> = waits
        .filter(|(_, w)| !matches!(w.rule, Rule::Starting | Rule::RestartPending))
        .collect();
    let needs_user = waits.iter().any(|(_, waiting)| waiting.rule.needs_user());
    let complete = ready == members.len() && i32::try_from(ready) == Ok(wanted);
    let broken = members.iter().any(|member| member.down);
    let mut status = CassandraClusterStatus {
        observed_generation: observed.cluster.metadata.generation,
        conditions: Vec::new(),
        phase: Some(match () {
            () if complete && !needs_user => Phase::Ready,
            () if broken => Phase::Degraded,
            () if needs_user => Phase::Blocked,
            () if available(cluster, members).0 => Phase::Progressing,
            () => Phase::Creating,
        }),
        ready: Some(format!("{ready}/{wanted}")),
        members: count(members.iter().filter(|member| member.exists).count()),
        ready_members: count(ready),
        rack_count: count(cluster.spec.racks.len()),
        version: oldest(members),
        config_revision: revision
            .map(|revision| revision.name.clone())
            .or_else(|| cluster.status.config_revision.clone()),
        record: cluster.status.record.clone(),
        operation: None,
        racks: racks(cluster, members),
        blocked: blocked(observed, waits),
        restart_pending: members
            .iter()
            .filter(|member| member.restart_pending)
            .map(|member| member.name.clone())
            .collect(),
    };
    let wanted = conditions(cluster, members, &status, complete, needs_user);
    merge(observed, &mut status, wanted);
    status
}

fn conditions(
    cluster: &Validated<'_>,
    members: &[MemberSummary],
    status: &CassandraClusterStatus,
    complete: bool,
    needs_user: bool,
) -> Vec<Wanted> {
    let down: Vec<_> = members
        .iter()
        .filter(|member| member.down)
        .map(|member| member.name.as_str())
        .collect();
    let (available, available_reason) = available(cluster, members);
    let first = status
        .blocked
        .first()
        .map_or_else(String::new, |blocked| blocked.message.clone());
    let ready = status.ready.as_deref().unwrap_or_default();
    let progressing = match (complete, needs_user) {
        (true, false) => Wanted::new(
            conditions::PROGRESSING,
            false,
            "Settled",
            "all is as the spec asks",
        ),
        (_, true) => Wanted::new(conditions::PROGRESSING, false, "Blocked", first),
        (false, false) => {
            let message = format!("{ready} members are ready");
            Wanted::new(conditions::PROGRESSING, true, "BringingUpMembers", message)
        }
    };
    let durable = if cluster.spec.storage.ephemeral {
        let message = "storage is ephemeral: a member's data is lost with its pod";
        Wanted::new(conditions::DURABLE, false, "EphemeralStorage", message)
    } else {
        Wanted::new(
            conditions::DURABLE,
            true,
            "VolumeClaims",
            "data is on volume claims, which are kept",
        )
    };
    let pending = if status.restart_pending.is_empty() {
        Wanted::new(
            conditions::RESTART_PENDING,
            false,
            "UpToDate",
            "every member runs with the spec",
        )
    } else {
        let message = format!(
            "the spec has changed since these started: {}",
            status.restart_pending.join(", ")
        );
        Wanted::new(conditions::RESTART_PENDING, true, "SpecChanged", message)
    };
    let degraded = if down.is_empty() {
        Wanted::new(
            conditions::DEGRADED,
            false,
            "AllServing",
            "every member that has joined is serving",
        )
    } else {
        let message = format!("joined and not serving: {}", down.join(", "));
        Wanted::new(conditions::DEGRADED, true, "MembersNotServing", message)
    };
    vec![
        Wanted::new(
            conditions::VALID,
            true,
            "Accepted",
            "the spec can be carried out",
        ),
        Wanted::new(
            conditions::AVAILABLE,
            available,
            available_reason,
            format!("{ready} members are ready"),
        ),
        progressing,
        degraded,
        durable,
        pending,
    ]
}

/// Whether a keyspace with three replicas in different racks has a quorum: at most one rack has no member that serves,
/// or one that had joined and does not. With less than three racks, none may.
fn available(cluster: &Validated<'_>, members: &[MemberSummary]) -> (bool, &'static str) {
    let missing = cluster.spec.racks.iter().filter(|rack| {
        let mut own = members.iter().filter(|member| member.rack == rack.name);
        own.clone().any(|member| member.down) || !own.any(|member| member.ready)
    });
    let spare = usize::from(cluster.spec.racks.len() >= 3);
    match (
        members.iter().any(|member| member.ready),
        missing.count() <= spare,
    ) {
        (true, true) => (true, "QuorumServing"),
        (true, false) => (false, "QuorumMissing"),
        (false, _) => (false, "NoMemberReady"),
    }
}

fn racks(cluster: &Validated<'_>, members: &[MemberSummary]) -> Vec<RackStatus> {
    let of = |rack: &str, keep: fn(&MemberSummary) -> bool| {
        let number = members
            .iter()
            .filter(|member| member.rack == rack && keep(member))
            .count();
        i32::try_from(number).unwrap_or(i32::MAX)
    };
    let racks = cluster.spec.racks.iter();
    racks
        .map(|rack| RackStatus {
            name: rack.name.clone(),
            members: of(&rack.name, |member| member.exists),
            ready_members: of(&rack.name, |member| member.ready),
        })
        .collect()
}

fn blocked(observed: &Observed, waits: Vec<(Option<String>, Waiting)>) -> Vec<Blocked> {
    let said = observed
        .cluster
        .status
        .as_ref()
        .map_or(&[][..], |status| &status.blocked[..]);
    let since = |member: &Option<String>, rule: Rule| {
        let same = said
            .iter()
            .find(|blocked| blocked.member == *member && blocked.rule == rule);
        same.map_or_else(|| observed.now.clone(), |blocked| blocked.since.clone())
    };
    waits
        .into_iter()
        .take(MOST_BLOCKED)
        .map(|(member, waiting)| Blocked {
            since: since(&member, waiting.rule),
            member,
            rule: waiting.rule,
            message: waiting.message,
        })
        .collect()
}

/// Puts the conditions into the status; those that are not mentioned stay.
fn merge(
    observed: &Observed,
    status: &mut CassandraClusterStatus,
    wanted: impl IntoIterator<Item = Wanted>,
) {
    let generation = observed.cluster.metadata.generation;
    let old = observed
        .cluster
        .status
        .as_ref()
        .map_or(&[][..], |status| &status.conditions[..]);
    let mut conditions = old.to_vec();
    for condition in wanted {
        let next = condition.onto(old, generation, &observed.now);
        match conditions
            .iter_mut()
            .find(|condition| condition.type_ == next.type_)
        {
            Some(condition) => *condition = next,
            None => conditions.push(next),
        }
    }
    status.conditions = conditions;
    status.observed_generation = generation;
}

/// The oldest release that a member runs, by its numbers.
fn oldest(members: &[MemberSummary]) -> Option<String> {
    let numbers = |release: &String| -> Vec<u32> {
        release
            .split(['.', '-'])
            .map(|part| part.parse().unwrap_or(0))
            .collect()
    };
    members
        .iter()
        .filter_map(|member| member.release.clone())
        .min_by_key(numbers)
}

fn count(number: usize) -> Option<i32> {
    i32::try_from(number).ok()
}
