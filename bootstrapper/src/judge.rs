//! Whether Cassandra may run as this member on this volume. A volume that is refused is not touched.
//!
//! The rule in words: data is only ever opened by the member that it belongs to, and a member that has joined
//! only ever starts on its data. What can't be read or told counts as somebody else's.

use cassandra_api::{
    identity::{Identity, Place},
    names,
    v1alpha1::StartMode,
};
use cassandra_management::{marker::Marker, start_request::StartResponse};

use crate::{
    refusal::Refusal,
    volume::{Data, Found, Volume},
};

/// Whose data a volume must hold, as the pod was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The pod that this runs in.
    pub pod: String,
    /// Who the node is.
    pub identity: Identity,
    /// Where its data belongs.
    pub place: Place,
}

/// Whether this member may run on this volume, given the last answer of the agent, if there was any.
pub fn judge(
    owner: &Owner,
    volume: &Volume,
    answer: Option<&StartResponse>,
) -> Result<(), Refusal> {
    let member = &owner.identity.member;
    let claim = || names::volume_claim(member);
    if owner.pod != names::pod(member) {
        return Err(Refusal::AnotherPod {
            pod: owner.pod.clone(),
            own: names::pod(member),
        });
    }
    if volume.in_use {
        return Err(Refusal::InUse { claim: claim() });
    }
    let (rejoin, host_id) = known(answer);
    match &volume.marker {
        Found::Unusable(problem) => {
            return Err(Refusal::MarkerUnusable {
                problem: problem.clone(),
                claim: claim(),
            });
        }
        Found::Nothing if volume.data != Data::Nothing => {
            return Err(Refusal::UnmarkedData { claim: claim() });
        }
        Found::Nothing => {}
        Found::Marker(marker) => {
            belongs(owner, marker, claim())?;
            same_host(marker, host_id, claim())?;
        }
    }
    let joined = volume.marker().is_some_and(|marker| marker.joined);
    if volume.data != Data::Node && (joined || rejoin || host_id.is_some()) {
        let recorded = volume.marker().and_then(|marker| marker.host_id.as_deref());
        let host = host_id.or(recorded);
        return Err(Refusal::VolumeLost {
            host: host.map_or_else(String::new, |id| format!(" as host id {id}")),
            claim: claim(),
        });
    }
    Ok(())
}

/// Whether the answer says that the member has joined, and the host id that its status knows.
fn known(answer: Option<&StartResponse>) -> (bool, Option<&str>) {
    match answer {
        Some(StartResponse::Present { start, host_id }) => {
            (start.mode == StartMode::Rejoin, host_id.as_deref())
        }
        Some(StartResponse::Gone | StartResponse::Unreachable { .. }) | None => (false, None),
    }
}

/// Whether the data is this member's: by name and cluster, since a Member object that was deleted and made
/// again has another UID and the same data.
fn belongs(owner: &Owner, marker: &Marker, claim: String) -> Result<(), Refusal> {
    let Owner {
        identity, place, ..
    } = owner;
    let adopted = place.adopted_from.as_ref() == Some(&marker.cluster_uid);
    if marker.cluster_uid != place.cluster_uid && !adopted {
        return Err(Refusal::AnotherCluster {
            member: marker.member.clone(),
            theirs: marker.cluster_uid.clone(),
            ours: place.cluster_uid.clone(),
            claim,
        });
    }
    if marker.member != identity.member {
        return Err(Refusal::AnotherMember {
            theirs: marker.member.clone(),
            ours: identity.member.clone(),
            claim,
        });
    }
    let places = [
        ("cluster name", &marker.cluster_name, &place.cluster_name),
        ("datacenter", &marker.datacenter, &place.datacenter),
        ("rack", &marker.rack, &place.rack),
    ];
    match places.into_iter().find(|(_, theirs, ours)| theirs != ours) {
        None => Ok(()),
        Some((what, theirs, ours)) => Err(Refusal::AnotherPlace {
            what,
            theirs: theirs.clone(),
            ours: ours.clone(),
            claim,
        }),
    }
}

fn same_host(marker: &Marker, known: Option<&str>, claim: String) -> Result<(), Refusal> {
    match (marker.host_id.as_deref(), known) {
        (Some(theirs), Some(ours)) if theirs != ours => Err(Refusal::AnotherHost {
            theirs: theirs.to_owned(),
            ours: ours.to_owned(),
            claim,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use cassandra_api::v1alpha1::Start;
    use cassandra_management::marker::VERSION;

    use super::*;

    pub(crate) fn owner() -> Owner {
        Owner {
            pod: "orders-r1-0-0".into(),
            identity: Identity {
                member: "orders-r1-0".into(),
                member_uid: "member-1".into(),
                pvc_uid: Some("claim-1".into()),
                broadcast_address: None,
                pod_ip: None,
            },
            place: Place {
                cluster_uid: "cluster-1".into(),
                adopted_from: None,
                cluster_name: "orders".into(),
                datacenter: "dc1".into(),
                rack: "r1".into(),
            },
        }
    }

    pub(crate) fn marker() -> Marker {
        Marker {
            version: VERSION,
            cluster_uid: "cluster-1".into(),
            cluster_name: "orders".into(),
            datacenter: "dc1".into(),
            rack: "r1".into(),
            member: "orders-r1-0".into(),
            member_uid: "member-1".into(),
            pvc_uid: Some("claim-1".into()),
            host_id: Some("host-1".into()),
            joined: true,
            release: Some("5.0.9".into()),
            seeds: vec!["10.96.0.5".into()],
            config_revision: Some("orders-rev-1".into()),
            start_epoch: 3,
        }
    }

    pub(crate) fn empty() -> Volume {
        Volume {
            marker: Found::Nothing,
            data: Data::Nothing,
            in_use: false,
        }
    }

    pub(crate) fn with(marker: Marker) -> Volume {
        Volume {
            marker: Found::Marker(Box::new(marker)),
            data: Data::Node,
            in_use: false,
        }
    }

    pub(crate) fn present(mode: StartMode, seeds: &[&str], host_id: Option<&str>) -> StartResponse {
        StartResponse::Present {
            start: Start {
                epoch: 4,
                mode,
                seeds: seeds.iter().map(ToString::to_string).collect(),
            },
            host_id: host_id.map(Into::into),
        }
    }

    fn refusal(volume: &Volume, answer: Option<&StartResponse>) -> Refusal {
        let refusal = judge(&owner(), volume, answer).unwrap_err();
        let text = refusal.to_string();
        assert!(text.contains("data-orders-r1-0"), "says what to do: {text}");
        refusal
    }

    #[test]
    fn accepts_an_empty_volume_of_a_member_that_never_joined() {
        let join = present(StartMode::Join, &["10.96.0.5"], None);
        assert_eq!(judge(&owner(), &empty(), None), Ok(()));
        assert_eq!(judge(&owner(), &empty(), Some(&join)), Ok(()));
    }

    #[test]
    fn accepts_its_own_volume() {
        let rejoin = present(StartMode::Rejoin, &[], Some("host-1"));
        assert_eq!(judge(&owner(), &with(marker()), Some(&rejoin)), Ok(()));
        assert_eq!(judge(&owner(), &with(marker()), None), Ok(()));
    }

    #[test]
    fn accepts_its_own_volume_when_the_member_object_was_made_again() {
        let mut marker = marker();
        marker.member_uid = "member-0".into();
        assert_eq!(judge(&owner(), &with(marker), None), Ok(()));
    }

    #[test]
    fn accepts_its_own_volume_after_a_start_that_came_to_nothing() {
        let mut marker = marker();
        (marker.joined, marker.host_id) = (false, None);
        let volume = Volume {
            data: Data::Nothing,
            ..with(marker)
        };
        let join = present(StartMode::Join, &["10.96.0.5"], None);
        assert_eq!(judge(&owner(), &volume, Some(&join)), Ok(()));
    }

    #[test]
    fn accepts_the_volume_of_the_cluster_that_it_was_adopted_from() {
        let mut marker = marker();
        marker.cluster_uid = "cluster-0".into();
        let mut owner = owner();
        owner.place.adopted_from = Some("cluster-0".into());
        assert_eq!(judge(&owner, &with(marker), None), Ok(()));
    }

    #[test]
    fn refuses_any_pod_but_the_members_own() {
        let mut owner = owner();
        owner.pod = "orders-r1-0-1".into();
        let refusal = judge(&owner, &with(marker()), None).unwrap_err();
        assert!(matches!(refusal, Refusal::AnotherPod { .. }), "{refusal:?}");
        assert!(refusal.to_string().contains("pod orders-r1-0-0 alone"));
    }

    #[test]
    fn refuses_a_volume_that_another_process_has_open() {
        let mut volume = with(marker());
        volume.in_use = true;
        let refusal = refusal(&volume, None);
        assert!(matches!(refusal, Refusal::InUse { .. }), "{refusal:?}");
    }

    #[test]
    fn refuses_a_volume_of_another_member() {
        let mut marker = marker();
        marker.member = "orders-r1-1".into();
        let refusal = refusal(&with(marker), None);
        assert!(
            matches!(refusal, Refusal::AnotherMember { .. }),
            "{refusal:?}"
        );
    }

    #[test]
    fn refuses_a_volume_of_another_cluster() {
        let mut marker = marker();
        marker.cluster_uid = "cluster-0".into();
        let refusal = refusal(&with(marker), None);
        assert!(
            matches!(refusal, Refusal::AnotherCluster { .. }),
            "{refusal:?}"
        );
        assert!(refusal.to_string().contains("adoptRetained"));
    }

    #[test]
    fn refuses_a_volume_of_another_member_of_the_cluster_that_it_was_adopted_from() {
        let mut owner = owner();
        owner.place.adopted_from = Some("cluster-0".into());
        let mut marker = marker();
        marker.cluster_uid = "cluster-0".into();
        marker.member = "orders-r1-1".into();
        let refusal = judge(&owner, &with(marker), None).unwrap_err();
        assert!(
            matches!(refusal, Refusal::AnotherMember { .. }),
            "{refusal:?}"
        );
    }

    #[test]
    fn refuses_a_volume_of_another_cluster_name_datacenter_or_rack() {
        for place in ["cluster name", "datacenter", "rack"] {
            let mut marker = marker();
            let differs = match place {
                "cluster name" => &mut marker.cluster_name,
                "datacenter" => &mut marker.datacenter,
                _ => &mut marker.rack,
            };
            *differs = "other".into();
            let refusal = refusal(&with(marker), None);
            assert!(
                matches!(&refusal, Refusal::AnotherPlace { what, .. } if *what == place),
                "{refusal:?}"
            );
        }
    }

    #[test]
    fn refuses_a_volume_of_another_host_id() {
        let rejoin = present(StartMode::Rejoin, &[], Some("host-2"));
        let refusal = refusal(&with(marker()), Some(&rejoin));
        assert!(
            matches!(refusal, Refusal::AnotherHost { .. }),
            "{refusal:?}"
        );
    }

    #[test]
    fn refuses_data_without_a_marker() {
        for data in [Data::Part, Data::Node] {
            let volume = Volume { data, ..empty() };
            let refusal = refusal(&volume, None);
            assert!(
                matches!(refusal, Refusal::UnmarkedData { .. }),
                "{refusal:?}"
            );
        }
    }

    #[test]
    fn refuses_a_marker_that_cannot_be_used() {
        let volume = Volume {
            marker: Found::Unusable("it is not a marker".into()),
            data: Data::Nothing,
            in_use: false,
        };
        let refusal = refusal(&volume, None);
        assert!(
            matches!(refusal, Refusal::MarkerUnusable { .. }),
            "{refusal:?}"
        );
    }

    #[test]
    fn refuses_an_empty_volume_of_a_member_that_is_to_rejoin() {
        let rejoin = present(StartMode::Rejoin, &["10.96.0.5"], None);
        let refusal = refusal(&empty(), Some(&rejoin));
        assert!(matches!(refusal, Refusal::VolumeLost { .. }), "{refusal:?}");
    }

    #[test]
    fn refuses_an_empty_volume_of_a_member_with_a_host_id() {
        for mode in [StartMode::Hold, StartMode::CreateRing, StartMode::Join] {
            let answer = present(mode, &["10.96.0.5"], Some("host-1"));
            let refusal = refusal(&empty(), Some(&answer));
            assert!(matches!(refusal, Refusal::VolumeLost { .. }), "{refusal:?}");
            assert!(refusal.to_string().contains("as host id host-1"));
        }
    }

    #[test]
    fn refuses_a_volume_whose_data_was_removed_after_it_joined() {
        for data in [Data::Nothing, Data::Part] {
            let volume = Volume {
                data,
                ..with(marker())
            };
            let refusal = refusal(&volume, None);
            assert!(matches!(refusal, Refusal::VolumeLost { .. }), "{refusal:?}");
        }
    }
}
