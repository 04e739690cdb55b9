//! What can have become of one member, as it is in truth. The checks judge by this and not by what the controller
//! makes of the objects.

/// What has become of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemberCase {
    /// Nothing is there.
    Absent,
    /// The Member alone.
    MemberOnly,
    /// Member, Service and volume claim.
    Prepared,
    /// No node has room for the pod.
    Unscheduled,
    /// The pod's image can't be pulled.
    NotPulled,
    /// The same, and the pod was made of an earlier template.
    Outdated,
    /// It waits for its permit; its volume is fresh.
    Fresh,
    /// It waits, and its volume is of another member.
    Refused,
    /// It has a permit to found and starts.
    Founding,
    /// It has a permit to join and starts.
    Starting,
    /// It bootstraps.
    Joining,
    /// Its bootstrap was interrupted: the pod is new, the volume is marked as its own.
    Interrupted,
    /// It has founded the ring just now.
    Founded,
    /// It has joined just now.
    Joined,
    /// It serves.
    Normal,
    /// It serves with an earlier image, in a pod of an earlier template.
    Behind,
    /// It had joined; Cassandra runs and does not answer.
    Down,
    /// It had joined; its pod is on the way out.
    Terminating,
    /// It had joined; its volume is empty.
    Lost,
    /// It had joined; its Member is new and its bootstrapper has found its volume.
    Returned,
    /// It had joined; only its volume claim is there.
    Gone,
    /// It had joined; its Member is new and its volume is of another member.
    Swapped,
}

impl MemberCase {
    /// Every one.
    pub const ALL: [Self; 22] = [
        Self::Absent,
        Self::MemberOnly,
        Self::Prepared,
        Self::Unscheduled,
        Self::NotPulled,
        Self::Outdated,
        Self::Fresh,
        Self::Refused,
        Self::Founding,
        Self::Starting,
        Self::Joining,
        Self::Interrupted,
        Self::Founded,
        Self::Joined,
        Self::Normal,
        Self::Behind,
        Self::Down,
        Self::Terminating,
        Self::Lost,
        Self::Returned,
        Self::Gone,
        Self::Swapped,
    ];

    /// Whether it has taken a place in the ring, now or ever.
    pub fn has_joined(self) -> bool {
        self.serves()
            || matches!(
                self,
                Self::Down
                    | Self::Terminating
                    | Self::Lost
                    | Self::Returned
                    | Self::Gone
                    | Self::Swapped
            )
    }

    /// Whether it is Normal and ready.
    pub fn serves(self) -> bool {
        matches!(
            self,
            Self::Founded | Self::Joined | Self::Normal | Self::Behind
        )
    }

    /// Whether it has a permit to take a place in the ring that it has not yet.
    pub fn is_on_the_way(self) -> bool {
        self == Self::Founding || self.bootstraps()
    }

    /// Whether it has a permit to join and has not joined yet.
    pub fn bootstraps(self) -> bool {
        matches!(self, Self::Starting | Self::Joining | Self::Interrupted)
    }

    /// Whether Cassandra's process is there.
    pub fn cassandra_runs(self) -> bool {
        self.serves()
            || matches!(
                self,
                Self::Founding | Self::Starting | Self::Joining | Self::Down | Self::Terminating
            )
    }

    /// Whether it must not start on the volume that it has.
    pub fn may_not_start(self) -> bool {
        matches!(self, Self::Refused | Self::Lost | Self::Swapped)
    }

    /// Whether its Member is there.
    pub fn has_member(self) -> bool {
        !matches!(self, Self::Absent | Self::Gone)
    }

    /// Whether its volume claim is there.
    pub fn has_claim(self) -> bool {
        !matches!(self, Self::Absent | Self::MemberOnly)
    }
}
