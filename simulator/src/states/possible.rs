//! Which states are left out, and why.

use super::{cluster::Turn, state::State};

/// Whether the operator can ever see this.
pub(super) fn can_be(state: &State) -> bool {
    let (mine, founds) = match state.record.turn {
        Turn::None => return true,
        Turn::Found(member) => (member, true),
        Turn::Join(member) => (member, false),
    };
    let mut others = state
        .lives()
        .enumerate()
        .filter(|(member, _)| *member != mine);
    // Leave follows the turn, and while it is on record nobody else has one: nobody else is on the way. The turn to
    // found is claimed only while nobody is known to have joined, so nobody else can have joined either.
    !others.any(|(_, life)| life.is_on_the_way() || founds && life.has_joined())
}
