//! Which states are left out, and why.

use super::{
    cluster::{Founded, Spec, Turn},
    life::Life,
    state::State,
};

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
    others.all(|(_, life)| !(life.is_on_the_way() || founds && life.has_joined()))
}

/// Whether this can be, and the controller is known not to be as strict as it should. To be emptied.
pub(super) fn is_open(state: &State) -> bool {
    leave_for_who_was_refused_since(state) || adopted_twice(state)
}

/// S10: a member whose bootstrapper refuses the volume after the turn was claimed still gets leave.
fn leave_for_who_was_refused_since(state: &State) -> bool {
    let (Turn::Found(mine) | Turn::Join(mine)) = state.record.turn else {
        return false;
    };
    let life = state.lives().nth(mine);
    life == Some(Life::Refused)
}

/// S34: the cache shows a Member already and its claim still as the earlier cluster's: it is adopted and made anew in
/// one plan.
fn adopted_twice(state: &State) -> bool {
    let adopts = state.spec == Spec::Adopt && !matches!(state.record.founder, Founded::By(_));
    adopts && state.lives().any(|life| life == Life::MemberOnly)
}
