//! Restart: a member's pod is made again because something that it was made with is gone: the StatefulSet that would bring
//! it back, or the account by which its agent speaks. One at a time, and only while all others serve: a pod that is ready
//! is not taken lightly. What such an agent last said is old: of its member the kubelet's word counts, and others tell who
//! is up.

use cassandra_api::{
    k8s_openapi::jiff::{SignedDuration, Timestamp},
    labels,
    rules::{Rule, Waiting},
    v1alpha1::{OperationKind, Start},
};
use kube::ResourceExt as _;

use super::{End, Order, Rules, Step};
use crate::cluster::{
    decide::{deadlines::after, ring::Ring},
    member_view::MemberView,
    plan::Event,
};

/// How long Kubernetes' garbage collector has for a pod whose StatefulSet is gone.
const COLLECTED_WITHIN: SignedDuration = SignedDuration::from_secs(60);

pub(super) struct Restart;

impl Rules for Restart {
    fn kind(&self) -> OperationKind {
        OperationKind::Restart
    }

    fn wanted<'a>(&self, ring: &Ring<'a>) -> Option<Vec<&'a MemberView>> {
        let joined = ring.members.iter().filter(|member| member.has_joined());
        let left_behind = joined.filter(|member| left_behind(ring, member).is_some());
        // First who does not serve, then who may be taken now: another one may wait for what this one's agent can't tell.
        let first = left_behind
            .min_by_key(|member| (member.pod_is_ready(), may_be_taken(ring, member).is_err()));
        first.map(|member| vec![member])
    }

    fn may_begin(&self, ring: &Ring<'_>) -> Result<(), Waiting> {
        let members = self.wanted(ring).unwrap_or_default();
        members
            .iter()
            .try_for_each(|member| may_be_taken(ring, member))
    }

    fn asks_first(&self) -> bool {
        false // An agent without an account can't answer.
    }

    fn orders(&self, ring: &Ring<'_>, member: &MemberView) -> Order {
        left_behind(ring, member).map_or(Order::Nothing, Order::MakePodAgain)
    }

    fn ended(&self, ring: &Ring<'_>, members: &[&MemberView]) -> Option<End> {
        if members.is_empty() {
            return Some(End::MemberGone);
        }
        // Nothing of it was begun. Another one may go before, and must not wait for this one.
        let is_held_up = |member: &&MemberView| {
            left_behind(ring, member).is_some() && may_be_taken(ring, member).is_err()
        };
        if members.iter().all(is_held_up) {
            return Some(End::Cancelled);
        }
        let serves =
            |member: &&MemberView| left_behind(ring, member).is_none() && member.is_ready();
        members.iter().all(serves).then_some(End::Done)
    }

    fn step(&self, ring: &Ring<'_>, member: &MemberView, _: &Start, _: &str) -> Option<Step> {
        let name = &member.name;
        if left_behind(ring, member).is_some() || member.pod_is_going() {
            let waits_for = format!("the pod of {name} to be made again");
            return Some(Step::new("Stopping", waits_for));
        }
        let waits_for = format!(
            "Cassandra of {name} to serve; it is {}",
            member.state_in_words()
        );
        (!member.is_ready()).then(|| Step::new("Starting", waits_for))
    }

    fn begins(&self, members: &str) -> Event {
        Event::normal(
            "RestartBegun",
            format!("the pod of {members} is made again"),
        )
    }

    fn done(&self, members: &str) -> Event {
        Event::normal("Restarted", format!("{members} serves from a new pod"))
    }

    fn keeps_waiting(&self, members: &str) -> Waiting {
        Waiting::on(Rule::OneTopologyChange, format!("{members} is restarted"))
    }
}

/// Whether the member's pod may be taken away. One that does not serve is missed by nobody.
fn may_be_taken(ring: &Ring<'_>, member: &MemberView) -> Result<(), Waiting> {
    if member.pod_is_ready() {
        ring.whole_without(&[member])
    } else {
        Ok(())
    }
}

/// Why the member's pod has to be made again. None: it has not.
pub(in crate::cluster::decide) fn left_behind(
    ring: &Ring<'_>,
    member: &MemberView,
) -> Option<String> {
    let now = ring.cluster.observed.now.0;
    let is_collected_soon = left_behind_from(member).is_some_and(|from| now < from);
    if is_of_another_set(member)? && !is_collected_soon {
        return Some("the StatefulSet that made it is gone".into());
    }
    // Once the StatefulSet would make another one.
    let differs = |annotation| member.pod_differs_by(annotation) == Some(true);
    if member.pod_is_of_an_earlier_member() && differs(labels::MEMBER_UID) {
        return Some("it was made for an earlier Member of this name".into());
    }
    let account = ring.cluster.account_uid();
    let current = member.template_annotation(labels::SERVICE_ACCOUNT_UID) == account.as_ref();
    (current && differs(labels::SERVICE_ACCOUNT_UID))
        .then(|| "the ServiceAccount that its agent speaks by is gone".into())
}

/// From when on a pod of an earlier StatefulSet is not left to the garbage collector any more.
pub(in crate::cluster::decide) fn left_behind_from(member: &MemberView) -> Option<Timestamp> {
    let set = member
        .stateful_set
        .as_ref()
        .filter(|_| is_of_another_set(member) == Some(true))?;
    let made = set.metadata.creation_timestamp.as_ref()?;
    Some(after(made.0, COLLECTED_WITHIN))
}

/// Whether the pod that is there is another StatefulSet's than the one that is there. None: one of them is not.
fn is_of_another_set(member: &MemberView) -> Option<bool> {
    let pod = member.pod.as_ref()?;
    let stays = pod.metadata.deletion_timestamp.is_none();
    let uid = member.stateful_set.as_ref().filter(|_| stays)?.uid()?;
    let mut owners = pod.owner_references().iter();
    let owner = owners.find(|owner| owner.controller == Some(true));
    Some(owner.is_some_and(|owner| owner.uid != uid))
}
