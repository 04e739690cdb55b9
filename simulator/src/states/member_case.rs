//! What can have become of one member, as it is in truth: its pod, its volume, its order and its past are a digit each,
//! and what can't be is left out. The checks judge by this and not by what the controller makes of the objects.

use std::{fmt, sync::LazyLock};

use cassandra_api::v1alpha1::StartMode;

use super::digits::Digits;

/// What has become of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberCase {
    /// Its pod, and Cassandra in it.
    pub pod: PodCase,
    /// Its volume.
    pub volume: VolumeCase,
    /// How it may start, by its Member. None: the Member is not there.
    pub order: Option<StartMode>,
    /// Whether it is on record that it joined once.
    pub had_joined: bool,
    /// Whether its pod is of an earlier template.
    pub is_outdated: bool,
}

/// How far a pod has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodCase {
    /// There is none, and no StatefulSet.
    Absent,
    /// No node has room for it.
    Unscheduled,
    /// Its image can't be pulled.
    NotPulled,
    /// The bootstrapper waits, or has refused the volume.
    Waits,
    /// Cassandra starts.
    Starts,
    /// Cassandra bootstraps.
    Joins,
    /// Cassandra is in the ring and serves.
    Serves,
    /// Cassandra runs and does not answer.
    Hangs,
    /// It is on the way out.
    Drains,
}

/// What is on a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeCase {
    /// There is no claim.
    Absent,
    /// Nothing.
    Fresh,
    /// The marker of this member, which has not joined with it.
    Marked,
    /// The data of this member.
    Own,
    /// The data of another member.
    Foreign,
}

impl PodCase {
    const ALL: [Self; 9] = [
        Self::Absent,
        Self::Unscheduled,
        Self::NotPulled,
        Self::Waits,
        Self::Starts,
        Self::Joins,
        Self::Serves,
        Self::Hangs,
        Self::Drains,
    ];
}

impl VolumeCase {
    const ALL: [Self; 5] = [
        Self::Absent,
        Self::Fresh,
        Self::Marked,
        Self::Own,
        Self::Foreign,
    ];
}

const ORDERS: [Option<StartMode>; 5] = [
    None,
    Some(StartMode::Hold),
    Some(StartMode::CreateRing),
    Some(StartMode::Join),
    Some(StartMode::Rejoin),
];

impl MemberCase {
    /// Every one that can be.
    pub fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<MemberCase>> = LazyLock::new(|| {
            let bases = [
                PodCase::ALL.len(),
                VolumeCase::ALL.len(),
                ORDERS.len(),
                2,
                2,
            ];
            let size = u64::try_from(bases.into_iter().product::<usize>()).unwrap_or(0);
            let cases = (0..size).filter_map(|number| MemberCase::of(Digits(number)));
            cases.filter(|case| case.can_be()).collect()
        });
        &ALL
    }

    fn of(mut digits: Digits) -> Option<Self> {
        Some(Self {
            pod: *digits.of(&PodCase::ALL)?,
            volume: *digits.of(&VolumeCase::ALL)?,
            order: *digits.of(&ORDERS)?,
            had_joined: digits.below(2) == 1,
            is_outdated: digits.below(2) == 1,
        })
    }

    fn can_be(self) -> bool {
        use StartMode::{CreateRing, Hold, Join, Rejoin};
        use VolumeCase::{Absent, Foreign, Fresh, Marked, Own};

        let (volume, had_joined) = (self.volume, self.had_joined);
        // A pod of an earlier template is looked at where it can't run, and where it serves.
        let can_be_outdated =
            self.pod == PodCase::NotPulled || (self.pod == PodCase::Serves && had_joined);
        if self.is_outdated && !can_be_outdated {
            return false;
        }
        let Some(order) = self.order else {
            // Nothing is there, or of a member that had joined the claim alone.
            let left = (volume, had_joined);
            return self.pod == PodCase::Absent && [(Absent, false), (Own, true)].contains(&left);
        };
        match self.pod {
            // The Member comes first, and the claim before the pod.
            PodCase::Absent => order == Hold && !had_joined && [Absent, Fresh].contains(&volume),
            PodCase::Unscheduled | PodCase::NotPulled => {
                order == Hold && !had_joined && volume == Fresh
            }
            PodCase::Waits => [
                (Hold, Fresh, false),
                // It is refused.
                (Hold, Foreign, false),
                (Hold, Foreign, true),
                // Its Member is new and finds what the volume holds.
                (Hold, Own, true),
                // Its bootstrap was interrupted.
                (Join, Marked, false),
                // What its volume held is gone.
                (Rejoin, Fresh, true),
            ]
            .contains(&(order, volume, had_joined)),
            PodCase::Starts => {
                !had_joined && volume == Fresh && [CreateRing, Join].contains(&order)
            }
            PodCase::Joins => !had_joined && volume == Marked && order == Join,
            // One that has joined just now is not on record yet.
            PodCase::Serves => volume == Own && order != Hold && had_joined == (order == Rejoin),
            PodCase::Hangs | PodCase::Drains => had_joined && volume == Own && order == Rejoin,
        }
    }

    /// Whether it has taken a place in the ring, now or ever.
    pub fn has_joined(self) -> bool {
        self.had_joined || self.serves()
    }

    /// Whether it is Normal and ready.
    pub fn serves(self) -> bool {
        self.pod == PodCase::Serves
    }

    /// Whether it waits for the permit to start for the first time.
    pub fn waits_for_its_first_permit(self) -> bool {
        self.pod == PodCase::Waits
            && self.order == Some(StartMode::Hold)
            && self.volume == VolumeCase::Fresh
            && !self.had_joined
    }

    /// Whether it has a permit to take a place in the ring that it has not yet.
    pub fn is_on_the_way(self) -> bool {
        self.bootstraps() || (self.order == Some(StartMode::CreateRing) && !self.serves())
    }

    /// Whether it has a permit to join and has not joined yet.
    pub fn bootstraps(self) -> bool {
        self.order == Some(StartMode::Join) && !self.serves()
    }

    /// Whether Cassandra's process is there.
    pub fn cassandra_runs(self) -> bool {
        match self.pod {
            PodCase::Absent | PodCase::Unscheduled | PodCase::NotPulled | PodCase::Waits => false,
            PodCase::Starts
            | PodCase::Joins
            | PodCase::Serves
            | PodCase::Hangs
            | PodCase::Drains => true,
        }
    }

    /// Whether its data is gone.
    pub fn has_lost_its_volume(self) -> bool {
        self.had_joined && self.volume == VolumeCase::Fresh
    }

    /// Whether it must not start on the volume that it has.
    pub fn may_not_start(self) -> bool {
        self.volume == VolumeCase::Foreign || self.has_lost_its_volume()
    }

    /// Whether its Member is there.
    pub fn has_member(self) -> bool {
        self.order.is_some()
    }

    /// Whether its volume claim is there.
    pub fn has_claim(self) -> bool {
        self.volume != VolumeCase::Absent
    }
}

impl fmt::Display for MemberCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(pod {:?}, volume {:?}", self.pod, self.volume)?;
        match self.order {
            Some(order) => write!(f, ", {order:?}")?,
            None => write!(f, ", no Member")?,
        }
        if self.had_joined {
            write!(f, ", had joined")?;
        }
        if self.is_outdated {
            write!(f, ", earlier template")?;
        }
        write!(f, ")")
    }
}

/// Cases that tests choose.
#[cfg(test)]
impl MemberCase {
    /// It waits for its permit; its volume is fresh.
    pub(super) const FRESH: Self = Self {
        pod: PodCase::Waits,
        volume: VolumeCase::Fresh,
        order: Some(StartMode::Hold),
        had_joined: false,
        is_outdated: false,
    };
    /// Nothing is there.
    pub(super) const ABSENT: Self = Self {
        pod: PodCase::Absent,
        volume: VolumeCase::Absent,
        order: None,
        ..Self::FRESH
    };
    /// The Member alone.
    pub(super) const MEMBER_ONLY: Self = Self {
        order: Some(StartMode::Hold),
        ..Self::ABSENT
    };
    /// The pod's image can't be pulled.
    pub(super) const NOT_PULLED: Self = Self {
        pod: PodCase::NotPulled,
        ..Self::FRESH
    };
    /// It has a permit to found and starts.
    pub(super) const FOUNDING: Self = Self {
        pod: PodCase::Starts,
        order: Some(StartMode::CreateRing),
        ..Self::FRESH
    };
    /// It serves.
    pub(super) const NORMAL: Self = Self {
        pod: PodCase::Serves,
        volume: VolumeCase::Own,
        order: Some(StartMode::Rejoin),
        had_joined: true,
        is_outdated: false,
    };
    /// It had joined; Cassandra runs and does not answer.
    pub(super) const DOWN: Self = Self {
        pod: PodCase::Hangs,
        ..Self::NORMAL
    };
    /// It had joined; its volume is empty.
    pub(super) const LOST: Self = Self {
        pod: PodCase::Waits,
        volume: VolumeCase::Fresh,
        ..Self::NORMAL
    };
    /// It had joined; its Member is new and its volume is of another member.
    pub(super) const SWAPPED: Self = Self {
        volume: VolumeCase::Foreign,
        had_joined: true,
        ..Self::FRESH
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_case_is_there_once_and_those_of_the_tests_are() {
        let all = MemberCase::all();
        assert_eq!(all.len(), 22);
        for case in [
            MemberCase::FRESH,
            MemberCase::ABSENT,
            MemberCase::MEMBER_ONLY,
            MemberCase::NOT_PULLED,
            MemberCase::FOUNDING,
            MemberCase::NORMAL,
            MemberCase::DOWN,
            MemberCase::LOST,
            MemberCase::SWAPPED,
        ] {
            assert!(all.contains(&case), "{case}");
        }
    }
}
