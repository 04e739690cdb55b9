//! The slot: who has it, who gives it back, who gets it next. It is in the record, so it changes by compare-and-swap, and
//! two passes, or two controllers, never give it to two operations.

use cassandra_api::v1alpha1::{OperationKind, Record, RecordedOperation, Refresh, StartMode};

use super::{End, Order, RULES, Rules, participants, rules};
use crate::cluster::{decide::ring::Ring, member_view::MemberView, plan::Event};

/// What asks for an operation: the spec.
const SPEC: &str = "spec";
/// It was found under way, and the record did not have it.
const RECOVERED: &str = "recovered";

/// Frees the slot if its operation has ended, and gives it to the next one that may begin. Returns the question that the
/// agents of all who have joined have to answer before that one may.
pub(in crate::cluster::decide) fn turn(
    ring: &Ring<'_>,
    record: &mut Record,
    events: &mut Vec<Event>,
) -> Option<Refresh> {
    free(ring, record, events);
    if record.operation.is_none() {
        recover(ring, record, events);
    }
    if record.operation.is_some() {
        return None;
    }
    take(ring, record, events)
}

fn free(ring: &Ring<'_>, record: &mut Record, events: &mut Vec<Event>) {
    let Some(operation) = &record.operation else {
        return;
    };
    let Some(rules) = rules(operation.kind) else {
        return;
    };
    let Some(end) = rules.ended(ring, &participants(ring, operation)) else {
        return;
    };
    let (kind, members) = (operation.kind.as_str(), operation.members.join(", "));
    let event = match end {
        End::Done => rules.done(&members),
        End::Cancelled => {
            let note = format!(
                "{kind} of {members} was given up: it is not needed any more, or can't go on for now"
            );
            Event::normal("OperationCancelled", note)
        }
        End::MemberGone => {
            let note = format!("{kind}: {members} does not belong to the cluster any more");
            Event::warning("OperationEnded", note)
        }
    };
    events.push(about_first(event, &operation.members));
    record.operation = None;
}

/// A member is on the way into the ring and the record does not say so: it was lost, and what was begun goes on.
fn recover(ring: &Ring<'_>, record: &mut Record, events: &mut Vec<Event>) {
    let on_the_way = |member: &&MemberView| {
        let permitted = matches!(member.mode(), StartMode::CreateRing | StartMode::Join);
        permitted && !member.has_joined()
    };
    let Some(member) = ring.members.iter().find(on_the_way) else {
        return;
    };
    let kind = if member.mode() == StartMode::CreateRing {
        OperationKind::CreateRing
    } else {
        OperationKind::Join
    };
    if let Some(rules) = rules(kind).filter(|_| record.founder.is_none()) {
        rules.record(&[member], record);
    }
    let note = format!("{} of {} was not on record", kind.as_str(), member.name);
    let event = Event::warning("OperationRecovered", note);
    record.operation = Some(recorded(ring, kind, &[member], RECOVERED));
    events.push(event.related_to(&member.name));
}

/// Gives the slot to the first kind that is wanted, if it may begin and the agents have looked afresh.
fn take(ring: &Ring<'_>, record: &mut Record, events: &mut Vec<Event>) -> Option<Refresh> {
    let wanted = |rules: &&'static dyn Rules| Some((*rules, rules.wanted(ring)?));
    let (rules, members) = RULES.iter().find_map(wanted)?;
    rules.may_begin(ring).ok()?;
    if rules.asks_first() {
        let question = question(&members)?;
        let answered = |member: &MemberView| {
            let status = member.status();
            status.and_then(|status| status.refresh.as_ref()) == Some(&question)
        };
        let mut joined = ring.members.iter().filter(|member| member.has_joined());
        if !joined.all(answered) {
            return Some(question);
        }
    }
    rules.record(&members, record);
    let operation = recorded(ring, rules.kind(), &members, SPEC);
    let event = rules.begins(&operation.members.join(", "));
    events.push(about_first(event, &operation.members));
    record.operation = Some(operation);
    None
}

/// It names who it is asked for, and is another one each time that somebody is to be permitted.
fn question(members: &[&MemberView]) -> Option<Refresh> {
    let first = members.first()?;
    Some(Refresh {
        id: format!("{}.{}", first.name, first.epoch() + 1),
    })
}

/// The id tells one operation from another: there is one slot, so no two begin at once.
fn recorded(
    ring: &Ring<'_>,
    kind: OperationKind,
    members: &[&MemberView],
    cause: &str,
) -> RecordedOperation {
    let now = &ring.cluster.observed.now;
    let prefix = kind.as_str().to_ascii_lowercase();
    RecordedOperation {
        id: format!("{prefix}-{}", now.0.as_millisecond()),
        kind,
        members: members.iter().map(|member| member.name.clone()).collect(),
        started_at: now.clone(),
        cause: cause.into(),
    }
}

fn about_first(event: Event, members: &[String]) -> Event {
    match members.first() {
        Some(member) => event.related_to(member),
        None => event,
    }
}

/// What the operation orders of this member. None: it takes no part.
pub(in crate::cluster::decide) fn orders(
    ring: &Ring<'_>,
    operation: &RecordedOperation,
    member: &MemberView,
) -> Option<Order> {
    let takes_part = operation.members.contains(&member.name);
    let rules = rules(operation.kind).filter(|_| takes_part)?;
    Some(rules.orders(ring, member))
}
