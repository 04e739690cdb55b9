//! The ring as the members' agents see it: whether it is there, whether it is whole, with which seeds one gets into it, and
//! what each member is told about starting.

mod apart;
mod seeds;
mod start;
mod whole;

use cassandra_api::{
    rules::Waiting,
    v1alpha1::{Record, StartMode},
};

pub(super) use apart::{Apart, apart};
pub(super) use start::{StartOrder, start_order};

use super::{
    super::{member_view::MemberView, validate::Validated},
    waiting::pod_is_nowhere,
};

/// What all decisions about the ring go by.
pub(super) struct Ring<'a> {
    pub(super) cluster: &'a Validated<'a>,
    /// The record at the beginning of the pass, with what adoption and the spec add to it.
    pub(super) record: Record,
    /// Who belongs to it, or will.
    pub(super) members: &'a [MemberView],
    /// Addresses for those who start, sorted.
    pub(super) seeds: Vec<String>,
    /// Whether all who have joined are up, see each other up, and have one schema.
    pub(super) whole: Result<(), Waiting>,
}

impl<'a> Ring<'a> {
    pub(super) fn of(
        cluster: &'a Validated<'a>,
        record: &Record,
        members: &'a [MemberView],
    ) -> Self {
        Self {
            cluster,
            record: record.clone(),
            members,
            seeds: seeds::choose(cluster, members),
            whole: whole::whole(members),
        }
    }

    /// Whether all who have joined but these are up and see each other up, so that these may be away for a while.
    pub(super) fn whole_without(&self, away: &[&MemberView]) -> Result<(), Waiting> {
        whole::whole_without(self.members, away)
    }

    /// Whether there is a ring: somebody has joined it.
    pub(super) fn exists(&self) -> bool {
        self.members.iter().any(MemberView::has_joined)
    }
}

/// Members that could start, in the order in which they should: every rack's first, then every rack's second. One whose pod
/// can't go on has lost its turn, whatever its bootstrapper said last.
pub(super) fn next_in_line(members: &[MemberView]) -> impl Iterator<Item = &MemberView> {
    let mut waiting: Vec<_> = members
        .iter()
        .filter(|member| {
            let holds = member.mode() == StartMode::Hold;
            let waits = holds && !member.has_joined() && member.waits_for_permit();
            waits && !pod_is_nowhere(member)
        })
        .collect();
    waiting.sort_by_key(|member| member.ordinal);
    waiting.into_iter()
}
