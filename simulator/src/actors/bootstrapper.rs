//! The bootstrapper's container: the real bootstrapper, on folders that are a volume of the ring and a ConfigMap of the
//! API server.

use std::{collections::BTreeMap, io};

use bootstrapper::{
    folders::{Folders, WriteError},
    render::Rendered,
    sources::{self, Sources},
    volume::{Data, Found, Volume},
};
use cassandra_api::revision::{FILE_PREFIX, REVISION_KEY};
use cassandra_management::marker::{self, Marker};
use serde_json::Value;

use crate::ring::Ring;

/// The image's own configuration has nothing that matters here.
const IMAGE: (&str, &str) = ("cassandra.yaml", "num_tokens: 16\n");
const SEEDS: &str = "/seed_provider/0/parameters/0/seeds";

/// What the pod mounts.
pub(super) struct SimulatedFolders<'a> {
    pub(super) ring: &'a Ring,
    /// The volume with the data.
    pub(super) volume: &'a str,
    /// The pod's UID.
    pub(super) pod: &'a str,
    /// The data of the revision's ConfigMap.
    pub(super) revision: BTreeMap<String, String>,
}

impl Folders for SimulatedFolders<'_> {
    fn sources(&self) -> Result<Sources, sources::Error> {
        let failed = |source| sources::Error::Revision {
            path: REVISION_KEY.into(),
            source,
        };
        let revision = self.revision.get(REVISION_KEY);
        let (name, content) = IMAGE;
        let user = self.revision.iter().filter_map(|(name, content)| {
            Some((
                name.strip_prefix(FILE_PREFIX)?.to_owned(),
                content.clone().into_bytes(),
            ))
        });
        Ok(Sources {
            image: [(name.to_owned(), content.into())].into(),
            user: user.collect(),
            revision: serde_json::from_str(revision.map_or("", String::as_str)).map_err(failed)?,
        })
    }

    fn look(&self) -> io::Result<Volume> {
        let volume = self.ring.volume(self.volume);
        Ok(Volume {
            marker: volume
                .marker
                .map_or(Found::Nothing, |marker| Found::Marker(Box::new(marker))),
            in_use: self.ring.is_in_use(self.volume),
            data: if volume.system.is_some() {
                Data::Node
            } else {
                Data::Nothing
            },
        })
    }

    fn store(&self, marker: &Marker) -> Result<(), marker::Error> {
        self.ring.store_marker(self.volume, marker.clone());
        Ok(())
    }

    fn install(&self, rendered: &Rendered) -> Result<(), WriteError> {
        let failed = |problem: String| WriteError {
            path: IMAGE.0.into(),
            source: io::Error::other(problem),
        };
        let file = rendered.files.get(IMAGE.0);
        let text = String::from_utf8_lossy(file.map_or(&[], Vec::as_slice));
        let settings: Value =
            serde_saphyr::from_str(&text).map_err(|error| failed(error.to_string()))?;
        let seeds = settings.pointer(SEEDS).and_then(Value::as_str);
        let seeds = seeds.ok_or_else(|| failed("there are no seeds in it".into()))?;
        let seeds = seeds.split(',').map(|seed| seed.trim().to_owned());
        self.ring.configure_seeds(self.pod, seeds.collect());
        Ok(())
    }
}
