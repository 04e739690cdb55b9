//! Remembering on the volume that the node has joined, so that it can start again without the operator, and with which
//! release, so that no earlier one opens its data.
//!
//! It is on the disk before anybody else is told. Another member's marker, or another node's, is not touched.

use cassandra_api::identity::Identity;
use cassandra_management::marker::Marker;

use crate::reading::Reading;

/// The marker to store, if the node has joined and the marker does not say so yet, or not with which release.
pub fn to_remember(reading: &Reading, marker: &Marker, identity: &Identity) -> Option<Marker> {
    let host_id = reading.normal_host_id()?;
    let release = reading.release().or(marker.release.as_deref());
    let is_known = is_recorded(host_id, marker) && release == marker.release.as_deref();
    if is_known || !may_record(host_id, marker, identity) {
        return None;
    }
    Some(Marker {
        joined: true,
        host_id: Some(host_id.into()),
        release: release.map(str::to_owned),
        ..marker.clone()
    })
}

/// Whether the marker says that this node has joined.
pub fn is_recorded(host_id: &str, marker: &Marker) -> bool {
    marker.joined && marker.host_id.as_deref() == Some(host_id)
}

fn may_record(host_id: &str, marker: &Marker, identity: &Identity) -> bool {
    let same_node = marker
        .host_id
        .as_deref()
        .is_none_or(|known| known == host_id);
    marker.member_uid == identity.member_uid && (same_node || !marker.joined)
}

#[cfg(test)]
mod tests {
    use cassandra_management::{Mode, NodeFacts};

    use super::*;
    use crate::fixtures::{identity, marker, serving};

    fn remembered(facts: NodeFacts, marker: &Marker) -> Option<Marker> {
        to_remember(&Reading::Answered(facts), marker, &identity())
    }

    #[test]
    fn a_node_in_the_ring_is_remembered_with_its_host_id() {
        let joined = remembered(serving(), &marker()).unwrap();
        assert!(is_recorded("h-1", &joined));
        assert_eq!(
            Marker {
                joined: false,
                host_id: None,
                release: None,
                ..joined.clone()
            },
            marker()
        );
        assert_eq!(remembered(serving(), &joined), None, "it is written once");
    }

    #[test]
    fn the_release_that_serves_is_remembered() {
        let before = remembered(serving(), &marker()).unwrap();
        assert_eq!(before.release.as_deref(), Some("5.0.9"));
        let later = NodeFacts {
            release_version: Some("5.0.10".into()),
            ..serving()
        };
        let after = remembered(later, &before).unwrap();
        assert_eq!(after.release.as_deref(), Some("5.0.10"));
        let silent = NodeFacts {
            release_version: None,
            ..serving()
        };
        assert_eq!(remembered(silent, &before), None);
    }

    #[test]
    fn a_node_that_is_not_in_the_ring_is_not() {
        for mode in [
            "STARTING",
            "JOINING",
            "LEAVING",
            "DRAINED",
            "DECOMMISSIONED",
        ] {
            let facts = NodeFacts {
                mode: Some(Mode::from(mode.to_owned())),
                ..serving()
            };
            assert_eq!(remembered(facts, &marker()), None, "{mode}");
        }
        let nameless = NodeFacts {
            host_id: None,
            ..serving()
        };
        assert_eq!(remembered(nameless, &marker()), None);
        assert_eq!(to_remember(&Reading::Refused, &marker(), &identity()), None);
    }

    #[test]
    fn what_belongs_to_another_member_or_node_is_not_touched() {
        let others = Marker {
            member_uid: "m-2".into(),
            ..marker()
        };
        assert_eq!(remembered(serving(), &others), None);
        let other_node = Marker {
            joined: true,
            host_id: Some("h-9".into()),
            ..marker()
        };
        assert_eq!(remembered(serving(), &other_node), None);
    }
}
