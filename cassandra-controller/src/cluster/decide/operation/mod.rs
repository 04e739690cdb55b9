//! Operations: what may disturb the ring. There is one slot for them, in the record; who has it is the only one that
//! changes the ring. A kind of operation is a file of this folder with its answers to three questions, as pure functions:
//! may it begin, what does it order of each member, has it ended. What is begun is in the record before anything of it is
//! ordered, so whoever comes back goes on with it.
//!
//! Here now: [`create_ring`], [`join`], [`restart`]. A kind more is a file more and a line in [`RULES`].

mod create_ring;
mod join;
mod report;
mod restart;
mod slot;

use cassandra_api::{
    rules::Waiting,
    v1alpha1::{OperationKind, Record, RecordedOperation, Start},
};

pub(super) use create_ring::recover_founder;
pub(super) use report::report;
pub(super) use restart::{left_behind, left_behind_from};
pub(super) use slot::{orders, turn};

use super::{
    super::{member_view::MemberView, plan::Event},
    ring::Ring,
};

/// What a kind of operation answers. None of it is remembered: each pass asks anew.
trait Rules: Sync {
    /// The kind.
    fn kind(&self) -> OperationKind;

    /// The members that it would be about now. None: nothing asks for it.
    fn wanted<'a>(&self, ring: &Ring<'a>) -> Option<Vec<&'a MemberView>>;

    /// Whether it may begin, on what agents have said. What they said may be old: see
    /// [`asks_first`](Rules::asks_first).
    fn may_begin(&self, ring: &Ring<'_>) -> Result<(), Waiting>;

    /// Whether the agents of all who have joined must have looked afresh before it begins.
    fn asks_first(&self) -> bool;

    /// What goes into the record together with the operation.
    fn record(&self, _members: &[&MemberView], _record: &mut Record) {}

    /// What it orders of a member that takes part, when it is on record.
    fn orders(&self, ring: &Ring<'_>, member: &MemberView) -> Order;

    /// How it ended. None: it goes on.
    fn ended(&self, ring: &Ring<'_>, members: &[&MemberView]) -> Option<End>;

    /// At which step a member that takes part is, when it is told this. None: it has done its part.
    fn step(
        &self,
        ring: &Ring<'_>,
        member: &MemberView,
        told: &Start,
        operation: &str,
    ) -> Option<Step>;

    /// What is told when it begins.
    fn begins(&self, members: &str) -> Event;

    /// What is told when it came to its end.
    fn done(&self, members: &str) -> Event;

    /// What another member waits for while this one has the slot.
    fn keeps_waiting(&self, members: &str) -> Waiting;
}

/// What a member that takes part is told.
pub(super) enum Order {
    /// Nothing else than before.
    Nothing,
    /// To go on waiting, and why.
    Wait(Waiting),
    /// To start Cassandra like this.
    Start(Start),
    /// To hold, although it was permitted to start.
    Hold,
    /// To go on in a new pod, and why: the one that is there is deleted.
    MakePodAgain(String),
}

/// A step of an operation, in one word and with what is waited for there.
struct Step {
    name: &'static str,
    waits_for: String,
}

impl Step {
    fn new(name: &'static str, waits_for: String) -> Self {
        Self { name, waits_for }
    }
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It came to its end.
    Done,
    /// Nothing asks for it any more and nothing of it was begun, or its members can't go on.
    Cancelled,
    /// No member that takes part belongs to the cluster any more.
    MemberGone,
}

/// Every kind, in the order in which they take the slot.
const RULES: &[&dyn Rules] = &[&create_ring::CreateRing, &restart::Restart, &join::Join];

/// The rules of a kind. None: it is of a later version of this operator.
fn rules(kind: OperationKind) -> Option<&'static dyn Rules> {
    RULES.iter().copied().find(|rules| rules.kind() == kind)
}

/// The members that take part and belong to the cluster.
fn participants<'a>(ring: &Ring<'a>, operation: &RecordedOperation) -> Vec<&'a MemberView> {
    let takes_part = |member: &&MemberView| operation.members.contains(&member.name);
    ring.members.iter().filter(takes_part).collect()
}

/// What a member that takes no part waits for while the operation goes on.
pub(super) fn keeps_waiting(operation: &RecordedOperation) -> Option<Waiting> {
    Some(rules(operation.kind)?.keeps_waiting(&operation.members.join(", ")))
}
