//! The marker on a member's volume: whose data this is, and whether its node has joined a ring.
//!
//! The bootstrapper writes it before the first start, the agent when the node has joined; they never write
//! it at the same time. It is replaced as a whole and reaches the disk before anybody is told what it says.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use cassandra_api::v1alpha1::VolumeStatus;
use serde::{Deserialize, Serialize};

/// The newest version of the file's layout.
pub const VERSION: u32 = 1;
/// The operator's own folder below the data folder.
pub const FOLDER: &str = ".operator";
/// The file's name in [`FOLDER`].
pub const FILE: &str = "marker.json";

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

/// Why the marker could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("failed to read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is there and is not a marker. The volume is not empty then: nothing may be assumed of it.
    #[error("{path} is not a marker")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The file was written by a newer operator.
    #[error("{path} has version {version}, and this program knows versions up to {VERSION}")]
    Version {
        /// The file.
        path: PathBuf,
        /// The file's version.
        version: u32,
    },
    /// The file could not be written.
    #[error("failed to write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// One word for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Read { .. } => "MarkerUnreadable",
            Self::Parse { .. } => "MarkerInvalid",
            Self::Version { .. } => "MarkerTooNew",
            Self::Write { .. } => "MarkerNotWritten",
        }
    }
}

impl Marker {
    /// The marker's path below a data folder.
    pub fn path(data: &Path) -> PathBuf {
        data.join(FOLDER).join(FILE)
    }

    /// Reads the marker of a data folder. None: there is none.
    pub fn load(data: &Path) -> Result<Option<Self>, Error> {
        let path = Self::path(data);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Read { path, source }),
        };
        Self::parse(&path, &text).map(Some)
    }

    fn parse(path: &Path, text: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Layout {
            version: u32,
        }
        let invalid = |source| Error::Parse {
            path: path.to_owned(),
            source,
        };
        let Layout { version } = serde_json::from_slice(text).map_err(invalid)?;
        if version > VERSION {
            return Err(Error::Version {
                path: path.to_owned(),
                version,
            });
        }
        serde_json::from_slice(text).map_err(invalid)
    }

    /// Replaces the marker of a data folder. When this returns, it has reached the disk.
    pub fn store(&self, data: &Path) -> Result<(), Error> {
        let path = Self::path(data);
        let text = serde_json::to_vec_pretty(self).map_err(|source| Error::Parse {
            path: path.clone(),
            source,
        })?;
        write_through(&path, &text).map_err(|source| Error::Write { path, source })
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

/// Replaces a file by one rename, with the file and then its folder synced. The folder is made if need be.
pub fn write_through(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    if !folder.exists() {
        fs::create_dir_all(folder)?;
        if let Some(above) = folder.parent() {
            File::open(above)?.sync_all()?;
        }
    }
    let next = path.with_extension("next");
    let mut file = File::create(&next)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&next, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
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
        assert_eq!(
            fs::read_dir(data.path().join(FOLDER)).unwrap().count(),
            1,
            "no temporary file is left"
        );
    }

    #[test]
    fn a_write_that_was_cut_short_leaves_the_earlier_marker() {
        let data = tempfile::tempdir().unwrap();
        marker().store(data.path()).unwrap();
        fs::write(Marker::path(data.path()).with_extension("next"), "{\"ver").unwrap();
        assert_eq!(Marker::load(data.path()).unwrap(), Some(marker()));
        marker().store(data.path()).unwrap();
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
            assert_eq!(Marker::load(data.path()).unwrap_err().reason(), reason);
        }
    }
}
