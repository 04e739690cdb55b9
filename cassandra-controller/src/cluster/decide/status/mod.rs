//! What the cluster's status says. Written only if it differs from what is there, so nothing in it ticks.

mod standing;

use super::{
    super::{observe::Observed, validate::Validated},
    configuration::Revision,
    summary::MemberSummary,
};
use cassandra_api::{
    conditions::{self, Wanted},
    rules::{Rule, Waiting},
    v1alpha1::{Blocked, CassandraClusterStatus, MOST_BLOCKED, Phase},
    validation::Invalid,
};
use standing::Standing;

/// The spec can't be carried out: everything stays as it is, and how it stands is told.
pub(super) fn invalid(
    observed: &Observed,
    members: &[MemberSummary],
    problems: &[Invalid],
) -> CassandraClusterStatus {
    let message = problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ");
    let mut status = observed.cluster.status.clone().unwrap_or_default();
    let waiting = Waiting::on(Rule::SpecValid, &message);
    status.blocked = blocked(observed, vec![(None, waiting)]);
    let standing = Standing::of(observed, members);
    standing.count_into(&mut status);
    let wanted = [
        Wanted::new(conditions::VALID, false, "InvalidSpec", message),
        Wanted::new(
            conditions::PROGRESSING,
            false,
            "InvalidSpec",
            "the spec can't be carried out",
        ),
    ];
    merge(
        observed,
        &mut status,
        wanted.into_iter().chain(standing.conditions()),
    );
    status.phase = Some(Phase::Invalid);
    status
}

/// Not all could be read, so nothing is decided; how the members stand is told.
pub(super) fn unread(observed: &Observed, members: &[MemberSummary]) -> CassandraClusterStatus {
    let mut status = observed.cluster.status.clone().unwrap_or_default();
    let standing = Standing::of(observed, members);
    standing.count_into(&mut status);
    merge(observed, &mut status, standing.conditions());
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
    let standing = Standing::of(observed, members);
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
    let complete = standing.is_complete();
    let mut status = CassandraClusterStatus {
        observed_generation: observed.cluster.metadata.generation,
        conditions: Vec::new(),
        phase: Some(match () {
            () if complete && !needs_user => Phase::Ready,
            () if standing.is_degraded() => Phase::Degraded,
            () if needs_user => Phase::Blocked,
            () if standing.available().0 => Phase::Progressing,
            () => Phase::Creating,
        }),
        config_revision: revision
            .map(|revision| revision.name.clone())
            .or_else(|| cluster.status.config_revision.clone()),
        record: cluster.status.record.clone(),
        blocked: blocked(observed, waits),
        restart_pending: members
            .iter()
            .filter(|member| member.restart_pending)
            .map(|member| member.name.clone())
            .collect(),
        ..CassandraClusterStatus::default()
    };
    standing.count_into(&mut status);
    let wanted = conditions(cluster, &status, complete, needs_user);
    merge(
        observed,
        &mut status,
        wanted.into_iter().chain(standing.conditions()),
    );
    status
}

fn conditions(
    cluster: &Validated<'_>,
    status: &CassandraClusterStatus,
    complete: bool,
    needs_user: bool,
) -> Vec<Wanted> {
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
    let valid = Wanted::new(
        conditions::VALID,
        true,
        "Accepted",
        "the spec can be carried out",
    );
    vec![valid, progressing, durable, pending]
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
