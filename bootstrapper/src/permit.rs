//! Whether Cassandra may start now, and with which seeds.
//!
//! The permit is the operator's to give. A permit that is older than the last one that this member was started with
//! comes from an API server that has lost something, and counts as Hold: the number of the last one is in the marker,
//! which outlives this program and the agent. A member that has joined may start without a permit only when the API
//! server has not been reachable for a while, and only if its last answer was not Hold: the member may have been
//! replaced since.

use std::{fmt, net::IpAddr, time::Duration};

use cassandra_api::v1alpha1::{Start, StartMode};
use cassandra_management::{
    marker::{self, Marker},
    start_request::StartResponse,
};

use crate::{
    judge::{Owner, judge},
    refusal::Refusal,
    volume::Volume,
};

/// How long the API server must have been unreachable before the marker alone decides.
pub const UNREACHABLE_FOR: Duration = Duration::from_secs(30);
/// How long the agent itself must have been silent. Longer: it is the one that would know of a Hold.
pub const SILENT_FOR: Duration = Duration::from_mins(5);

/// What was heard when the agent was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing was asked yet.
    Nothing,
    /// The agent's answer.
    StartResponse(StartResponse),
    /// The agent has not answered for this long.
    Silence(Duration),
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Report why not, and ask again.
    Refuse(Refusal),
    /// Ask again.
    Wait(Waiting),
    /// Start Cassandra.
    Start(StartPermit),
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The agent's first answer.
    Agent,
    /// A permit from the operator.
    Permit,
    /// A permit that is not older than the one that this member was started with last.
    NewerPermit,
    /// An end of this pod: its Member is gone.
    Gone,
    /// The API server.
    Api,
    /// Seeds, for a member that has joined and knows none.
    Seeds,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Agent => "waiting for the agent of this pod to answer",
            Self::Permit => "waiting for the operator's permit to start",
            Self::NewerPermit => {
                "waiting for a permit: the one that the Member has is older than the last one that it started with"
            }
            Self::Gone => "waiting for the end: the Member of this pod does not exist any more",
            Self::Api => "waiting for the API server, which the agent can't reach",
            Self::Seeds => "waiting for the addresses of other members",
        })
    }
}

/// The permit to start Cassandra.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartPermit {
    /// Seeds, sorted.
    pub seeds: Vec<String>,
    /// The epoch of the permit.
    pub epoch: i64,
    /// Whether the marker alone gave it.
    pub by_marker: bool,
}

/// What to do, after what was heard. `denied`: the API server's last answer was Hold, or that the Member is gone.
pub fn decide(
    owner: &Owner,
    own_address: IpAddr,
    volume: &Volume,
    heard: &Heard,
    denied: bool,
) -> Step {
    let answer = match heard {
        Heard::StartResponse(answer) => Some(answer),
        Heard::Nothing | Heard::Silence(_) => None,
    };
    if let Err(refusal) = judge(owner, volume, answer) {
        return Step::Refuse(refusal);
    }
    let joined = volume.marker().filter(|marker| marker.joined);
    match heard {
        Heard::Silence(past) if *past >= SILENT_FOR => alone(joined, denied, Waiting::Agent),
        Heard::Nothing | Heard::Silence(_) => Step::Wait(Waiting::Agent),
        Heard::StartResponse(StartResponse::Gone) => Step::Wait(Waiting::Gone),
        Heard::StartResponse(StartResponse::Unreachable { for_seconds }) => {
            if Duration::from_secs(*for_seconds) >= UNREACHABLE_FOR {
                alone(joined, denied, Waiting::Api)
            } else {
                Step::Wait(Waiting::Api)
            }
        }
        Heard::StartResponse(StartResponse::Present { start, .. }) => {
            if is_older(start, owner, volume) {
                Step::Wait(Waiting::NewerPermit)
            } else {
                by_permit(start, own_address, joined)
            }
        }
    }
}

/// Whether a permit is older than the last one that this member was started with. Another member's marker, of a volume
/// that is taken over, says nothing of this one's permits.
fn is_older(start: &Start, owner: &Owner, volume: &Volume) -> bool {
    let own = volume
        .marker()
        .filter(|marker| marker.member_uid == owner.identity.member_uid);
    own.is_some_and(|marker| start.epoch < marker.start_epoch)
}

/// Whether what was heard forbids a start, permits one, or neither.
pub fn denies(owner: &Owner, volume: &Volume, heard: &Heard) -> Option<bool> {
    match heard {
        Heard::StartResponse(StartResponse::Present { start, .. }) => {
            Some(start.mode == StartMode::Hold || is_older(start, owner, volume))
        }
        Heard::StartResponse(StartResponse::Gone) => Some(true),
        Heard::StartResponse(StartResponse::Unreachable { .. })
        | Heard::Nothing
        | Heard::Silence(_) => None,
    }
}

fn alone(joined: Option<&Marker>, denied: bool, waiting: Waiting) -> Step {
    match joined {
        Some(marker) if !denied && !marker.seeds.is_empty() => Step::Start(StartPermit {
            seeds: marker.seeds.clone(),
            epoch: marker.start_epoch,
            by_marker: true,
        }),
        _ => Step::Wait(waiting),
    }
}

fn by_permit(start: &Start, own_address: IpAddr, joined: Option<&Marker>) -> Step {
    let give = |seeds: Vec<String>| {
        Step::Start(StartPermit {
            seeds,
            epoch: start.epoch,
            by_marker: false,
        })
    };
    let mut seeds = start.seeds.clone();
    seeds.sort();
    seeds.dedup();
    match (start.mode, joined) {
        (StartMode::CreateRing, None) => give(vec![own_address.to_string()]),
        (StartMode::Join, None) => match safe_to_join(&seeds, own_address) {
            Ok(()) => give(seeds),
            Err(refusal) => Step::Refuse(refusal),
        },
        (StartMode::CreateRing | StartMode::Join | StartMode::Rejoin, _) => {
            if seeds.is_empty() {
                seeds = joined
                    .map(|marker| marker.seeds.clone())
                    .unwrap_or_default();
            }
            if seeds.is_empty() {
                Step::Wait(Waiting::Seeds)
            } else {
                give(seeds)
            }
        }
        // Also any mode that this program does not know.
        (StartMode::Hold | _, _) => Step::Wait(Waiting::Permit),
    }
}

/// Cassandra does not bootstrap a node that is its own seed, or has none: it begins another ring.
fn safe_to_join(seeds: &[String], own_address: IpAddr) -> Result<(), Refusal> {
    let is_own = |seed: &String| seed.parse() == Ok(own_address);
    if seeds.is_empty() {
        Err(Refusal::UnsafeSeeds {
            seeds: "none".into(),
        })
    } else if seeds.iter().any(is_own) {
        Err(Refusal::UnsafeSeeds {
            seeds: format!("{}, with its own address among them", seeds.join(", ")),
        })
    } else {
        Ok(())
    }
}

/// The marker to write before Cassandra starts by this permit.
pub fn marker(
    owner: &Owner,
    volume: &Volume,
    permit: &StartPermit,
    config_revision: &str,
) -> Marker {
    let Owner {
        identity, place, ..
    } = owner;
    let earlier = volume.marker();
    Marker {
        version: marker::VERSION,
        cluster_uid: place.cluster_uid.clone(),
        cluster_name: place.cluster_name.clone(),
        datacenter: place.datacenter.clone(),
        rack: place.rack.clone(),
        member: identity.member.clone(),
        member_uid: identity.member_uid.clone(),
        pvc_uid: identity.pvc_uid.clone(),
        host_id: earlier.and_then(|marker| marker.host_id.clone()),
        joined: earlier.is_some_and(|marker| marker.joined),
        release: earlier.and_then(|marker| marker.release.clone()),
        seeds: permit.seeds.clone(),
        config_revision: Some(config_revision.to_owned()),
        start_epoch: permit.epoch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::{empty, marker, owner, present, with};

    const OWN: &str = "10.96.0.7";

    fn step(volume: &Volume, heard: &Heard) -> Step {
        decide(&owner(), OWN.parse().unwrap(), volume, heard, false)
    }

    fn on(volume: &Volume, mode: StartMode, seeds: &[&str]) -> Step {
        step(volume, &Heard::StartResponse(present(mode, seeds, None)))
    }

    fn starts(step: Step) -> Vec<String> {
        match step {
            Step::Start(permit) => permit.seeds,
            Step::Refuse(_) | Step::Wait(_) => panic!("{step:?}"),
        }
    }

    fn unjoined() -> Volume {
        let mut marker = marker();
        (marker.joined, marker.host_id) = (false, None);
        with(marker)
    }

    fn unreachable(for_seconds: u64) -> Heard {
        Heard::StartResponse(StartResponse::Unreachable { for_seconds })
    }

    #[test]
    fn waits_until_there_is_a_permit() {
        for (heard, waiting) in [
            (Heard::Nothing, Waiting::Agent),
            (Heard::Silence(SILENT_FOR / 2), Waiting::Agent),
            (
                Heard::StartResponse(present(StartMode::Hold, &[], None)),
                Waiting::Permit,
            ),
            (Heard::StartResponse(StartResponse::Gone), Waiting::Gone),
            (unreachable(29), Waiting::Api),
        ] {
            for volume in [empty(), unjoined(), with(marker())] {
                assert_eq!(step(&volume, &heard), Step::Wait(waiting), "{heard:?}");
            }
        }
    }

    #[test]
    fn a_founder_is_its_own_only_seed() {
        for volume in [empty(), unjoined()] {
            let step = on(&volume, StartMode::CreateRing, &["10.96.0.1"]);
            assert_eq!(starts(step), [OWN]);
        }
    }

    #[test]
    fn a_joiner_gets_the_seeds_of_its_permit() {
        for volume in [empty(), unjoined()] {
            let step = on(&volume, StartMode::Join, &["10.96.0.6", "10.96.0.5"]);
            assert_eq!(starts(step), ["10.96.0.5", "10.96.0.6"]);
        }
    }

    #[test]
    fn refuses_to_join_with_itself_as_a_seed() {
        for volume in [empty(), unjoined()] {
            let step = on(&volume, StartMode::Join, &["10.96.0.5", OWN]);
            assert!(
                matches!(step, Step::Refuse(Refusal::UnsafeSeeds { .. })),
                "{step:?}"
            );
        }
    }

    #[test]
    fn refuses_to_join_without_seeds() {
        let step = on(&empty(), StartMode::Join, &[]);
        assert!(
            matches!(step, Step::Refuse(Refusal::UnsafeSeeds { .. })),
            "{step:?}"
        );
    }

    #[test]
    fn a_member_that_has_joined_rejoins_whatever_the_permit_is_called() {
        for mode in [StartMode::CreateRing, StartMode::Join, StartMode::Rejoin] {
            let step = on(&with(marker()), mode, &["10.96.0.6", OWN]);
            assert_eq!(starts(step), ["10.96.0.6", OWN]);
            let step = on(&with(marker()), mode, &[]);
            assert_eq!(starts(step), marker().seeds);
        }
    }

    #[test]
    fn a_member_whose_joining_was_not_recorded_rejoins_with_given_seeds_only() {
        let step = on(&unjoined(), StartMode::Rejoin, &["10.96.0.5"]);
        assert_eq!(starts(step), ["10.96.0.5"]);
        let step = on(&unjoined(), StartMode::Rejoin, &[]);
        assert_eq!(step, Step::Wait(Waiting::Seeds));
    }

    #[test]
    fn the_marker_alone_decides_after_a_while() {
        for heard in [unreachable(30), Heard::Silence(SILENT_FOR)] {
            let Step::Start(permit) = step(&with(marker()), &heard) else {
                panic!("{heard:?}");
            };
            assert!(permit.by_marker);
            assert_eq!((permit.seeds, permit.epoch), (marker().seeds, 3));
        }
    }

    #[test]
    fn the_marker_alone_starts_nobody_who_has_not_joined() {
        for heard in [unreachable(3600), Heard::Silence(SILENT_FOR * 9)] {
            for volume in [empty(), unjoined()] {
                let step = step(&volume, &heard);
                assert!(matches!(step, Step::Wait(_)), "{step:?}");
            }
        }
    }

    #[test]
    fn the_marker_alone_starts_nobody_whose_last_word_was_no() {
        for heard in [unreachable(3600), Heard::Silence(SILENT_FOR * 9)] {
            let own = OWN.parse().unwrap();
            let step = decide(&owner(), own, &with(marker()), &heard, true);
            assert!(matches!(step, Step::Wait(_)), "{step:?}");
        }
        let said = |heard: &Heard| denies(&owner(), &with(marker()), heard);
        assert_eq!(said(&Heard::StartResponse(StartResponse::Gone)), Some(true));
        let hold = present(StartMode::Hold, &[], None);
        assert_eq!(said(&Heard::StartResponse(hold)), Some(true));
        let rejoin = present(StartMode::Rejoin, &[], None);
        assert_eq!(said(&Heard::StartResponse(rejoin)), Some(false));
        assert_eq!(said(&unreachable(1)), None);
        assert_eq!(said(&permit(2)), Some(true), "older than the marker's");
    }

    fn permit(epoch: i64) -> Heard {
        Heard::StartResponse(StartResponse::Present {
            start: Start {
                epoch,
                mode: StartMode::Rejoin,
                seeds: vec!["10.96.0.5".into()],
            },
            host_id: None,
        })
    }

    #[test]
    fn nothing_starts_on_a_permit_that_is_older_than_the_last_one() {
        for volume in [with(marker()), unjoined()] {
            for epoch in [0, 2] {
                let step = step(&volume, &permit(epoch));
                assert_eq!(step, Step::Wait(Waiting::NewerPermit), "{epoch}");
            }
            for epoch in [3, 4] {
                assert!(matches!(step(&volume, &permit(epoch)), Step::Start(_)));
            }
        }
        assert!(
            matches!(step(&empty(), &permit(0)), Step::Refuse(_)),
            "a lost volume"
        );
    }

    #[test]
    fn the_permits_of_an_earlier_member_on_the_same_volume_do_not_count() {
        let mut earlier = marker();
        earlier.member_uid = "member-0".into();
        assert!(matches!(step(&with(earlier), &permit(1)), Step::Start(_)));
    }

    #[test]
    fn a_volume_that_is_refused_is_refused_whatever_is_heard() {
        let mut other = marker();
        other.member = "orders-r2-0".into();
        for heard in [
            Heard::Nothing,
            unreachable(3600),
            Heard::Silence(SILENT_FOR),
            Heard::StartResponse(StartResponse::Gone),
            Heard::StartResponse(present(StartMode::Rejoin, &["10.96.0.5"], None)),
        ] {
            let step = step(&with(other.clone()), &heard);
            assert!(matches!(step, Step::Refuse(_)), "{step:?}");
        }
    }

    #[test]
    fn the_marker_keeps_what_the_node_has_become() {
        let mut adopting = owner();
        (adopting.place.cluster_uid, adopting.identity.member_uid) =
            ("cluster-2".into(), "member-2".into());
        let permit = StartPermit {
            seeds: vec!["10.96.0.9".into()],
            epoch: 9,
            by_marker: false,
        };
        let written = super::marker(&adopting, &with(marker()), &permit, "orders-rev-2");
        let expected = Marker {
            cluster_uid: "cluster-2".into(),
            member_uid: "member-2".into(),
            seeds: permit.seeds.clone(),
            config_revision: Some("orders-rev-2".into()),
            start_epoch: 9,
            ..marker()
        };
        assert_eq!(written, expected);
        let written = super::marker(&owner(), &empty(), &permit, "orders-rev-2");
        assert!(!written.joined && written.host_id.is_none());
    }
}
