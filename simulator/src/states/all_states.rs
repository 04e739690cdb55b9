//! All states that are looked at, by number.

use super::{
    cluster::Spec,
    possible,
    state::{State, View},
    state_space::{Shape, StateSpace},
};

/// One member, and all that can be said of it.
const ONE: Shape = Shape {
    members: 1,
    racks: 1,
    services: true,
    specs: &Spec::ALL,
    views: &View::ALL,
};
/// Two members with all their objects.
const TWO: Shape = Shape { members: 2, ..ONE };
/// Two members whose Services somebody has deleted, in a rack each. No StatefulSet can be made for them, which is what
/// takes most of the time.
const APART: Shape = Shape {
    racks: 2,
    services: false,
    ..TWO
};
/// Three members: the most cases beside each other, so the fewest variants of the rest.
const THREE: Shape = Shape {
    members: 3,
    specs: &[Spec::Plain],
    views: &[View::Whole],
    ..APART
};

/// All spaces, one after the other.
pub struct AllStates {
    spaces: Vec<StateSpace>,
}

impl AllStates {
    /// Makes the objects of all spaces.
    pub fn make() -> Self {
        Self {
            spaces: [ONE, TWO, APART, THREE].map(StateSpace::new).into(),
        }
    }

    /// How many numbers there are.
    pub fn size(&self) -> u64 {
        self.spaces.iter().map(StateSpace::size).sum()
    }

    /// The state of this number. None: there is none, or it is left out.
    pub fn state(&self, number: u64) -> Option<State> {
        let mut within = number;
        for space in &self.spaces {
            if within < space.size() {
                let state = space.state(number, within)?;
                return (possible::can_be(&state)).then_some(state);
            }
            within -= space.size();
        }
        None
    }
}
