//! What each member is told about starting. One that has joined starts again at any time, on the volume that it joined
//! with; one that takes part in an operation is told what that orders; all others hold.

use cassandra_api::{
    rules::{Rule, Waiting},
    v1alpha1::{Operation, Record, RecordedOperation, Refresh, Start, StartMode},
};

use super::Ring;
use crate::cluster::{
    decide::operation::{self, Order},
    member_view::MemberView,
    plan::Event,
};

/// What one member is told, and why if it is told to wait.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::cluster::decide) struct StartOrder {
    pub(in crate::cluster::decide) start: Start,
    pub(in crate::cluster::decide) refresh: Option<Refresh>,
    pub(in crate::cluster::decide) operation: Option<Operation>,
    pub(in crate::cluster::decide) waiting: Option<Waiting>,
    /// Why the pod that is there has to go.
    pub(in crate::cluster::decide) make_pod_again: Option<String>,
}

/// What this member is told. `record` is what this pass writes, `question` what the agents are asked.
pub(in crate::cluster::decide) fn start_order(
    ring: &Ring<'_>,
    record: &Record,
    question: Option<&Refresh>,
    member: &MemberView,
    events: &mut Vec<Event>,
) -> StartOrder {
    let spec = member.member.as_ref().map(|member| &member.spec);
    let mut order = StartOrder {
        start: spec.map(|spec| spec.start.clone()).unwrap_or_default(),
        refresh: spec.and_then(|spec| spec.refresh.clone()),
        operation: None,
        waiting: None,
        make_pod_again: None,
    };
    if let Some(question) = question.filter(|_| member.reports_joined()) {
        order.refresh = Some(question.clone());
    }
    let recorded = on_record(ring, record);
    let takes_part = |operation: &&RecordedOperation| operation.members.contains(&member.name);
    order.operation = recorded.filter(takes_part).map(|operation| Operation {
        id: operation.id.clone(),
        kind: operation.kind,
    });
    if member.has_lost_its_volume() {
        return order.hold().because(volume_lost(member));
    }
    let part = record.operation.as_ref().filter(takes_part);
    // What is not on record yet is ordered by the pass that reads it there.
    let ordered = part.and_then(|operation| {
        let recorded = recorded?;
        operation::orders(ring, recorded, member).filter(|_| recorded.id == operation.id)
    });
    let left_behind = operation::left_behind(ring, member);
    if member.has_joined() {
        let order = again(ring, member, order, events);
        let order = match &left_behind {
            Some(why) => order.because(to_be_made_again(member, why)),
            None => order,
        };
        return match ordered {
            Some(Order::Wait(waiting)) => order.because(waiting),
            Some(Order::MakePodAgain(why)) => order.in_a_new_pod(why),
            Some(Order::Start(_) | Order::Hold | Order::Nothing) | None => order,
        };
    }
    if let Some(why) = left_behind {
        // Nobody misses a pod that is in no ring.
        return order
            .because(to_be_made_again(member, &why))
            .in_a_new_pod(why);
    }
    if part.is_some() {
        return match ordered {
            Some(Order::Start(start)) => StartOrder { start, ..order },
            Some(Order::Hold) => order.hold(),
            Some(Order::Wait(waiting)) => order.because(waiting),
            Some(Order::MakePodAgain(why)) => order.in_a_new_pod(why),
            Some(Order::Nothing) | None => order,
        };
    }
    if order.start.mode == StartMode::Hold {
        return order.because(reason_to_hold(ring, record));
    }
    order
}

/// The operation that has the slot, if the record that was read has it already.
fn on_record<'a>(ring: &'a Ring<'_>, record: &Record) -> Option<&'a RecordedOperation> {
    let recorded = ring.cluster.status.record.operation.as_ref();
    recorded.filter(|recorded| record.operation.as_ref() == Some(recorded))
}

/// Back on its own volume, as soon as the bootstrapper has seen that it is its own.
fn again(
    ring: &Ring<'_>,
    member: &MemberView,
    mut order: StartOrder,
    events: &mut Vec<Event>,
) -> StartOrder {
    let seen = member.reports_joined() || member.own_volume().is_some_and(|own| own.joined);
    let refused = member
        .volume()
        .is_some_and(|volume| volume.refusal.is_some());
    if !seen || (refused && order.start.mode == StartMode::Hold) {
        return order;
    }
    if order.start.mode != StartMode::Rejoin {
        if order.start.mode == StartMode::Hold {
            let note = format!("{} has joined before and starts on its volume", member.name);
            events.push(Event::normal("RestartPermitted", note).related_to(&member.name));
        }
        order.start.epoch += 1;
        order.start.mode = StartMode::Rejoin;
    }
    if !ring.seeds.is_empty() {
        order.start.seeds.clone_from(&ring.seeds);
    }
    order
}

fn to_be_made_again(member: &MemberView, why: &str) -> Waiting {
    let name = &member.name;
    Waiting::saying(
        Rule::AgentReports,
        format!(
            "waiting for pod {name}-0 to be made again: {why}. What the member's status says may be old. You need to do \
             nothing: the operator deletes the pod when all other members serve; its volume stays."
        ),
    )
}

fn volume_lost(member: &MemberView) -> Waiting {
    let host_id = member.host_id().unwrap_or("unknown");
    let particulars = format!(
        "{} joined as host id {host_id}, and its volume is empty",
        member.name
    );
    Waiting::on(Rule::VolumeLost, particulars)
}

fn reason_to_hold(ring: &Ring<'_>, record: &Record) -> Waiting {
    if let Some(operation) = &record.operation
        && let Some(waiting) = operation::keeps_waiting(operation)
    {
        return waiting;
    }
    match (&record.founder, &ring.whole) {
        (None, _) => {
            let particulars = "no member is ready to found the ring yet";
            Waiting::on(Rule::FounderFirst, particulars)
        }
        (Some(_), Err(waiting)) => waiting.clone(),
        (Some(_), Ok(())) => Waiting::on(Rule::AllLivePeersAgree, "they are being asked"),
    }
}

impl StartOrder {
    fn because(mut self, waiting: Waiting) -> Self {
        self.waiting = Some(waiting);
        self
    }

    fn in_a_new_pod(mut self, why: String) -> Self {
        self.make_pod_again = Some(why);
        self
    }

    fn hold(mut self) -> Self {
        if self.start.mode != StartMode::Hold {
            self.start = Start {
                epoch: self.start.epoch + 1,
                mode: StartMode::Hold,
                seeds: Vec::new(),
            };
        }
        self
    }
}
