//! The marker on a member's volume: whose data this is, and whether its node has joined a ring.
//!
//! The bootstrapper writes it before the first start, the agent when the node has joined; they never write
//! it at the same time. It is replaced as a whole and reaches the disk before anybody is told what it says.

use std::path::{Path, PathBuf};

use cassandra_api::v1alpha1::VolumeStatus;
use serde::{Deserialize, Serialize};

use crate::versioned_file::VersionedFile;
pub use crate::versioned_file::{Error, FOLDER};

/// The newest version of the file's layout.
pub const VERSION: u32 = 1;
const FILE: VersionedFile = VersionedFile {
    name: "marker.json",
    what: "a marker",
    newest: VERSION,
};

/// Whose data is on a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Marker {
    /// Layout of the file, [`VERSION`].
    pub version: u32,
    /// UID of the cluster whose data this is.
    pub cluster_uid: String,
    /// Cassandra's `cluster_name`.
    pub cluster_name: String,
    /// The Cassandra datacenter.
    pub datacenter: String,
    /// The Cassandra rack.
    pub rack: String,
    /// The member whose data this is.
    pub member: String,
    /// That member's UID.
    pub member_uid: String,
    /// UID of the volume claim. None if the data is on an emptyDir, or nobody told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pvc_uid: Option<String>,
    /// The node's host id, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// Whether the node has joined a ring with this data.
    #[serde(default)]
    pub joined: bool,
    /// The release of Cassandra that last served with this data. None: of an earlier version of the operator, or none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The seeds in Cassandra's configuration, sorted.
    #[serde(default)]
    pub seeds: Vec<String>,
    /// The configuration that Cassandra was started with, the name of an immutable ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_revision: Option<String>,
    /// The start epoch that Cassandra was given.
    #[serde(default)]
    pub start_epoch: i64,
}

/// What is wrong with the marker, in one word for machines.
pub fn reason(error: &Error) -> &'static str {
    match error {
        Error::Read { .. } => "MarkerUnreadable",
        Error::Parse { .. } => "MarkerInvalid",
        Error::Version { .. } => "MarkerTooNew",
        Error::Write { .. } => "MarkerNotWritten",
    }
}

impl Marker {
    /// The marker's path below a data folder.
    pub fn path(data: &Path) -> PathBuf {
        FILE.path(data)
    }

    /// Reads the marker of a data folder. None: there is none. One that is there and can't be read is an error: the
    /// volume is not empty then, and nothing may be assumed of it.
    pub fn load(data: &Path) -> Result<Option<Self>, Error> {
        FILE.load(data)
    }

    /// Replaces the marker of a data folder. When this returns, it has reached the disk.
    pub fn store(&self, data: &Path) -> Result<(), Error> {
        FILE.store(data, self)
    }

    /// The marker as the member's status shows it.
    pub fn facts(&self) -> VolumeStatus {
        VolumeStatus {
            pvc_uid: self.pvc_uid.clone(),
            cluster_uid: Some(self.cluster_uid.clone()),
            member: Some(self.member.clone()),
            host_id: self.host_id.clone(),
            joined: self.joined,
            refusal: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn marker() -> Marker {
        Marker {
            version: VERSION,
            cluster_uid: "c".into(),
            cluster_name: "orders".into(),
            datacenter: "dc1".into(),
            rack: "r1".into(),
            member: "orders-r1-0".into(),
            member_uid: "m".into(),
            pvc_uid: Some("p".into()),
            host_id: None,
            joined: false,
            release: Some("5.0.9".into()),
            seeds: vec!["10.0.0.1".into()],
            config_revision: Some("orders-rev-0".into()),
            start_epoch: 3,
        }
    }

    #[test]
    fn an_empty_volume_has_no_marker() {
        let data = tempfile::tempdir().unwrap();
        assert!(Marker::load(data.path()).unwrap().is_none());
    }

    #[test]
    fn what_was_stored_is_loaded() {
        let data = tempfile::tempdir().unwrap();
        marker().store(data.path()).unwrap();
        let joined = Marker {
            joined: true,
            host_id: Some("h".into()),
            ..marker()
        };
        joined.store(data.path()).unwrap();
        assert_eq!(Marker::load(data.path()).unwrap(), Some(joined));
        let path = data.path().join(FOLDER).join("marker.json");
        assert_eq!(Marker::path(data.path()), path);
        assert!(path.exists(), "the name that there is on volumes");
    }

    #[test]
    fn a_file_that_is_no_marker_is_an_error_and_not_an_empty_volume() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join(FOLDER)).unwrap();
        for (text, reason) in [
            ("", "MarkerInvalid"),
            ("{\"version\":1}", "MarkerInvalid"),
            ("{\"version\":2,\"newer\":true}", "MarkerTooNew"),
        ] {
            fs::write(Marker::path(data.path()), text).unwrap();
            let error = Marker::load(data.path()).unwrap_err();
            assert_eq!(super::reason(&error), reason);
        }
    }
}
