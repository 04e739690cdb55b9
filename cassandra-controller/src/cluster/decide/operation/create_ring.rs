//! CreateRing: the ring begins, once, with the one member that the record names as its founder. It is the only one that
//! ever starts with itself as a seed. Whoever has joined has a ring: then nobody creates another one.

use cassandra_api::{
    rules::{Rule, Waiting},
    v1alpha1::{Broadcast, Founder, OperationKind, Record, Start, StartMode},
};

use super::{
    End, Order, Rules, Step,
    report::{has_arrived, into_the_ring},
};
use crate::cluster::{
    decide::ring::{Ring, next_in_line},
    member_view::MemberView,
    plan::Event,
};

pub(super) struct CreateRing;

impl Rules for CreateRing {
    fn kind(&self) -> OperationKind {
        OperationKind::CreateRing
    }

    fn wanted<'a>(&self, ring: &Ring<'a>) -> Option<Vec<&'a MemberView>> {
        if ring.exists() {
            return None;
        }
        let founder = ring.record.founder.as_ref();
        let chosen = founder.and_then(|founder| founder.member.as_ref());
        let candidate =
            next_in_line(ring.members).find(|next| chosen.is_none_or(|name| *name == next.name))?;
        // Adopted volumes may hold a ring until every one of them has been looked at.
        let adopted = founder.is_some_and(|founder| founder.adopted_from.is_some());
        let none_holds_a_ring = ring.members.iter().all(MemberView::waits_for_permit);
        (!adopted || none_holds_a_ring).then(|| vec![candidate])
    }

    fn may_begin(&self, _: &Ring<'_>) -> Result<(), Waiting> {
        Ok(())
    }

    fn asks_first(&self) -> bool {
        false // There is nobody to ask.
    }

    fn record(&self, members: &[&MemberView], record: &mut Record) {
        record.founder = members.first().map(|member| Founder {
            member: Some(member.name.clone()),
            adopted_from: None,
        });
    }

    fn orders(&self, ring: &Ring<'_>, member: &MemberView) -> Order {
        // The bootstrapper may have refused the volume since the operation began.
        if !member.may_be_permitted() {
            return Order::Nothing;
        }
        let by_service = ring.cluster.spec.network.broadcast == Broadcast::MemberService;
        member.address(by_service).map_or(Order::Nothing, |own| {
            Order::Start(Start {
                epoch: member.epoch() + 1,
                mode: StartMode::CreateRing,
                seeds: vec![own],
            })
        })
    }

    fn ended(&self, ring: &Ring<'_>, members: &[&MemberView]) -> Option<End> {
        if members.is_empty() {
            return Some(End::MemberGone);
        }
        if members.iter().all(|member| has_arrived(member)) {
            return Some(End::Done);
        }
        // Somebody has joined since it began: nobody else creates a ring, unless it was ordered already.
        let begun = members
            .iter()
            .any(|member| member.mode() != StartMode::Hold);
        (ring.exists() && !begun).then_some(End::Cancelled)
    }

    fn step(&self, _: &Ring<'_>, member: &MemberView, told: &Start, id: &str) -> Option<Step> {
        into_the_ring(member, told, id)
    }

    fn begins(&self, members: &str) -> Event {
        Event::normal("FounderChosen", format!("{members} founds the ring"))
    }

    fn done(&self, members: &str) -> Event {
        Event::normal("Joined", format!("{members} has joined the ring"))
    }

    fn keeps_waiting(&self, members: &str) -> Waiting {
        Waiting::on(Rule::FounderFirst, format!("{members} founds the ring"))
    }
}

/// The record was lost, the ring was not: who founded it is not known any more, but that somebody did.
pub(in crate::cluster::decide) fn recover_founder(
    members: &[MemberView],
    record: &mut Record,
) -> Option<Event> {
    if record.founder.is_some() {
        return None;
    }
    let joined = members.iter().find(|member| member.has_joined())?;
    record.founder = Some(Founder {
        member: Some(joined.name.clone()),
        adopted_from: None,
    });
    let note = format!(
        "the ring exists: {} has joined it; the founder was not on record",
        joined.name
    );
    Some(Event::warning("FounderRecovered", note))
}
