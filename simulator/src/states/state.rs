//! One state: what was chosen for it, and the observation that says so.

use std::fmt;

use cassandra_controller::cluster::Observed;

use super::{
    cluster::{Record, Spec},
    member_case::MemberCase,
};

/// What the members that serve say of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// All see all up, with one schema.
    Whole,
    /// The first sees the last down.
    OneDown,
    /// The first has another schema.
    TwoSchemas,
}

impl View {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Whole, Self::OneDown, Self::TwoSchemas];
}

/// One state.
#[derive(Clone, Debug)]
pub struct State {
    /// Its number.
    pub number: u64,
    /// How many racks there are.
    pub racks: usize,
    /// Each member's name and what has become of it.
    pub members: Vec<(String, MemberCase)>,
    /// What the user asks for.
    pub spec: Spec,
    /// What the operator has on record.
    pub record: Record,
    /// What the members say of the ring.
    pub view: View,
    /// Whether they have answered the question whether the next one may join.
    pub answered: bool,
    /// Whether the members' Services are there. Somebody may have deleted them; they come back with their addresses.
    pub services: bool,
    /// What the controller sees of all this.
    pub observed: Observed,
}

impl State {
    /// What has become of this member. None: it is not one of this state's.
    pub fn case(&self, name: &str) -> Option<MemberCase> {
        let found = self.members.iter().find(|(member, _)| member == name);
        found.map(|(_, case)| *case)
    }

    /// Whether what the members say of the ring holds up a join: only who serves says something.
    pub fn ring_disagrees(&self) -> bool {
        let first = self.cases().next().is_some_and(MemberCase::serves);
        match self.view {
            View::Whole => false,
            View::OneDown => first,
            View::TwoSchemas => first && self.cases().skip(1).any(MemberCase::serves),
        }
    }

    /// The cases of all members.
    pub fn cases(&self) -> impl Iterator<Item = MemberCase> {
        self.members.iter().map(|(_, case)| *case)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} racks", self.racks)?;
        for (name, case) in &self.members {
            write!(f, ", {name} {case}")?;
        }
        let Record {
            founder,
            turn,
            ordinals,
        } = self.record;
        let recorded = if ordinals { "recorded" } else { "lost" };
        let asked = if self.answered {
            "answered"
        } else {
            "not answered"
        };
        write!(
            f,
            "; spec {:?}; founder {founder:?}, turn {turn:?}, ordinals {recorded}; view {:?}, refresh {asked}",
            self.spec, self.view
        )?;
        if !self.services {
            write!(f, ", Services deleted")?;
        }
        Ok(())
    }
}
