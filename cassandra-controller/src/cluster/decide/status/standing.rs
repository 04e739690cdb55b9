//! How the members stand: what is true of them whatever the spec says, and also where it can't be carried out.

use cassandra_api::{
    conditions::{self, Wanted},
    v1alpha1::{CassandraClusterStatus, RackStatus},
};

use crate::cluster::{decide::summary::MemberSummary, observe::Observed};

/// Replicas that a keyspace is taken to have, as long as keyspaces are not known.
const REPLICAS: usize = 3;

/// The members, and what they are counted by.
pub(super) struct Standing<'a> {
    racks: Vec<&'a str>,
    wanted: usize,
    members: &'a [MemberSummary],
}

impl<'a> Standing<'a> {
    /// Of these members, by the racks of the spec and of those who are there.
    pub(super) fn of(observed: &'a Observed, members: &'a [MemberSummary]) -> Self {
        let spec = &observed.cluster.spec.racks;
        let mut racks: Vec<_> = spec.iter().map(|rack| rack.name.as_str()).collect();
        for member in members {
            if !racks.contains(&member.rack.as_str()) {
                racks.push(&member.rack);
            }
        }
        let wanted = spec
            .iter()
            .map(|rack| usize::try_from(rack.members).unwrap_or_default());
        Self {
            racks,
            wanted: wanted.sum(),
            members,
        }
    }

    /// Whether all that are wanted are there and serve.
    pub(super) fn is_complete(&self) -> bool {
        let ready = self.ready().count();
        ready == self.members.len() && ready == self.wanted
    }

    /// Puts the numbers into the status.
    pub(super) fn count_into(&self, status: &mut CassandraClusterStatus) {
        let ready = self.ready().count();
        status.ready = Some(format!("{ready}/{}", self.wanted));
        status.members = number(self.members.iter().filter(|member| member.exists).count());
        status.ready_members = number(ready);
        status.rack_count = number(self.racks.len());
        status.version = oldest(self.members);
        status.racks = self.racks.iter().map(|rack| self.rack(rack)).collect();
    }

    /// The conditions that tell of it.
    pub(super) fn conditions(&self) -> [Wanted; 2] {
        let (available, reason, message) = self.available();
        let down: Vec<_> = self.down().map(|member| member.name.as_str()).collect();
        let degraded = if down.is_empty() {
            let message = "every member that has joined is serving";
            Wanted::new(conditions::DEGRADED, false, "AllServing", message)
        } else {
            let message = format!("joined and not serving: {}", down.join(", "));
            Wanted::new(conditions::DEGRADED, true, "MembersNotServing", message)
        };
        [
            Wanted::new(conditions::AVAILABLE, available, reason, message),
            degraded,
        ]
    }

    /// Whether a member that had joined does not serve.
    pub(super) fn is_degraded(&self) -> bool {
        self.down().next().is_some()
    }

    /// Whether QUORUM of a keyspace with three replicas is served. In three racks or more its replicas are in different
    /// ones: at most one rack has no member that serves, or one that had joined and does not. In fewer racks any members may
    /// hold the replicas of a row: at most one may be down, and none if there are fewer than three.
    pub(super) fn available(&self) -> (bool, &'static str, String) {
        let ready = self.ready().count();
        if ready == 0 {
            return (false, "NoMemberReady", "no member serves".into());
        }
        if self.racks.len() >= REPLICAS {
            let missing: Vec<_> = self
                .racks
                .iter()
                .filter(|rack| self.misses(rack))
                .copied()
                .collect();
            let served = missing.len() < 2;
            let racks = missing.join(", ");
            return if served {
                (
                    true,
                    "QuorumServing",
                    "of three replicas in different racks two are served".into(),
                )
            } else {
                let message = format!(
                    "of three replicas in different racks two may be missing: not all that had joined serve, or none does, \
                     in the racks {racks}"
                );
                (false, "QuorumMissing", message)
            };
        }
        let replicas = self.wanted.clamp(1, REPLICAS);
        let quorum = replicas / 2 + 1;
        let down = self.down().count();
        if ready >= quorum && down <= replicas - quorum {
            let message =
                format!("of {replicas} replicas on different members {quorum} are served");
            (true, "QuorumServing", message)
        } else {
            let message = format!(
                "of {replicas} replicas on different members {quorum} may not be served: {ready} serve, and {down} that had \
                 joined do not"
            );
            (false, "QuorumMissing", message)
        }
    }

    fn misses(&self, rack: &str) -> bool {
        let mut own = self.members.iter().filter(|member| member.rack == rack);
        own.clone().any(|member| member.down) || !own.any(|member| member.ready)
    }

    fn ready(&self) -> impl Iterator<Item = &MemberSummary> {
        self.members.iter().filter(|member| member.ready)
    }

    fn down(&self) -> impl Iterator<Item = &MemberSummary> {
        self.members.iter().filter(|member| member.down)
    }

    fn rack(&self, rack: &str) -> RackStatus {
        let own = || self.members.iter().filter(|member| member.rack == rack);
        let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        RackStatus {
            name: rack.into(),
            members: count(own().filter(|member| member.exists).count()),
            ready_members: count(own().filter(|member| member.ready).count()),
        }
    }
}

/// The oldest release that a member runs, by its numbers.
fn oldest(members: &[MemberSummary]) -> Option<String> {
    let numbers = |release: &String| -> Vec<u32> {
        release
            .split(['.', '-'])
            .map(|part| part.parse().unwrap_or(0))
            .collect()
    };
    members
        .iter()
        .filter_map(|member| member.release.clone())
        .min_by_key(numbers)
}

fn number(number: usize) -> Option<i32> {
    i32::try_from(number).ok()
}
