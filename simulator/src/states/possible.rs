//! Which states are left out, and why.

use super::{cluster::Turn, state::State};

/// Whether the operator can ever see this.
pub(super) fn can_be(state: &State) -> bool {
    let (Turn::CreateRing(mine) | Turn::Join(mine)) = state.record.turn else {
        return true;
    };
    let mut others = state
        .cases()
        .enumerate()
        .filter(|(member, _)| *member != mine);
    // The permit follows the turn, and while it is on record nobody else has one: nobody else is on the way.
    !others.any(|(_, case)| case.is_on_the_way())
}
