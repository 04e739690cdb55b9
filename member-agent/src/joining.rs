//! Remembering on the volume that the node has joined, so that it can start again without the operator.
//!
//! It is on the disk before anybody else is told. Another member's marker, or another node's, is not touched.

use cassandra_management::marker::Marker;

use crate::{identity::Identity, reading::Reading};

/// The marker to store, if the node has joined and the marker does not say so yet.
pub fn to_remember(reading: &Reading, marker: &Marker, identity: &Identity) -> Option<Marker> {
    let host_id = reading.normal_host_id()?;
    if is_recorded(host_id, marker) || !may_record(host_id, marker, identity) {
        return None;
    }
    Some(Marker {
        joined: true,
        host_id: Some(host_id.into()),
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
