//! Join: a member bootstraps into the ring. One at a time over all racks, when all who have joined are up, see each other
//! up and have one schema, on answers that their agents gave after they were asked for this member.
//!
//! A joiner whose pod can't go on gives its turn back: it is told to hold, and then the slot is free. Not while anybody
//! sees its node up, for a node that the API server has lost may still stream.

use cassandra_api::{
    rules::{Rule, Waiting},
    v1alpha1::{CassandraMemberStatus, OperationKind, Peer, PeerState, Start, StartMode},
};

use super::{
    End, Order, Rules, Step,
    report::{has_arrived, into_the_ring},
};
use crate::cluster::{
    decide::{
        ring::{Ring, next_in_line},
        waiting,
    },
    member_view::MemberView,
    plan::Event,
};

pub(super) struct Join;

impl Rules for Join {
    fn kind(&self) -> OperationKind {
        OperationKind::Join
    }

    fn wanted<'a>(&self, ring: &Ring<'a>) -> Option<Vec<&'a MemberView>> {
        let next = next_in_line(ring.members).next().filter(|_| ring.exists());
        next.map(|member| vec![member])
    }

    fn may_begin(&self, ring: &Ring<'_>) -> Result<(), Waiting> {
        ring.whole.clone()
    }

    fn asks_first(&self) -> bool {
        true
    }

    fn orders(&self, ring: &Ring<'_>, member: &MemberView) -> Order {
        if is_stranded(ring, member) {
            return Order::Hold;
        }
        // The bootstrapper may have refused the volume since the operation began.
        if !member.may_be_permitted() {
            return Order::Nothing;
        }
        if let Err(waiting) = &ring.whole {
            return Order::Wait(waiting.clone());
        }
        if ring.seeds.is_empty() {
            return Order::Nothing;
        }
        Order::Start(Start {
            epoch: member.epoch() + 1,
            mode: StartMode::Join,
            seeds: ring.seeds.clone(),
        })
    }

    fn ended(&self, ring: &Ring<'_>, members: &[&MemberView]) -> Option<End> {
        if members.is_empty() {
            return Some(End::MemberGone);
        }
        let given_back =
            |member: &&MemberView| member.mode() == StartMode::Hold && is_stranded(ring, member);
        if members.iter().all(given_back) {
            return Some(End::Cancelled);
        }
        members
            .iter()
            .all(|member| has_arrived(member))
            .then_some(End::Done)
    }

    fn step(&self, _: &Ring<'_>, member: &MemberView, told: &Start, id: &str) -> Option<Step> {
        into_the_ring(member, told, id)
    }

    fn begins(&self, members: &str) -> Event {
        Event::normal("JoinPermitted", format!("{members} may join the ring"))
    }

    fn done(&self, members: &str) -> Event {
        Event::normal("Joined", format!("{members} has joined the ring"))
    }

    fn keeps_waiting(&self, members: &str) -> Waiting {
        Waiting::on(Rule::OneTopologyChange, format!("{members} is joining"))
    }
}

/// Whether the joiner's pod can't go on, for it has no node or goes, and all who have joined say that no node is up but
/// their own. One that says nothing may see the joiner.
fn is_stranded(ring: &Ring<'_>, member: &MemberView) -> bool {
    if !waiting::pod_is_nowhere(member) || member.has_joined() {
        return false;
    }
    let joined = || ring.members.iter().filter(|other| other.has_joined());
    let is_joined = |peer: &&Peer| joined().any(|other| other.host_id() == Some(&peer.host_id));
    let sees_others = |status: &CassandraMemberStatus| {
        let mut up = status
            .ring_view
            .iter()
            .filter(|peer| peer.state == PeerState::Up);
        !up.all(|peer| is_joined(&peer))
    };
    joined().all(|other| other.is_ready() && !other.status().is_some_and(sees_others))
}
