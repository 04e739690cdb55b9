//! What the configuration is made of: the files of the image, and the revision's ConfigMap.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use cassandra_api::revision::{ConfigRevision, FILE_PREFIX, REVISION_KEY};

/// What the configuration is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// The files of the image's configuration folder.
    pub image: BTreeMap<String, Vec<u8>>,
    /// The files of the user's ConfigMap.
    pub user: BTreeMap<String, Vec<u8>>,
    /// The rest of the revision.
    pub revision: ConfigRevision,
}

/// Why the sources can't be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder or a file can't be read.
    #[error("failed to read {path}")]
    Read {
        /// What can't be read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The revision is not one.
    #[error("{path} is not a revision of a configuration")]
    Revision {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl Sources {
    /// Reads the image's files from one folder and the revision from another.
    pub fn read(image: &Path, revision: &Path) -> Result<Self, Error> {
        let path = revision.join(REVISION_KEY);
        let text = fs::read(&path).map_err(|source| Error::Read {
            path: path.clone(),
            source,
        })?;
        let user = files(revision)?
            .into_iter()
            .filter_map(|(name, content)| {
                Some((name.strip_prefix(FILE_PREFIX)?.to_owned(), content))
            })
            .collect();
        Ok(Self {
            image: files(image)?,
            user,
            revision: serde_json::from_slice(&text)
                .map_err(|source| Error::Revision { path, source })?,
        })
    }
}

/// The files of a folder, but hidden ones: those are leftovers of writing, or Kubernetes' own.
fn files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Read { path, source }
    };
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        // The files of a mounted ConfigMap are symbolic links: ask for what they lead to.
        let is_file = fs::metadata(&path).map_err(failed(&path))?.is_file();
        if is_file && !name.starts_with('.') {
            let content = fs::read(&path).map_err(failed(&path))?;
            found.insert(name.to_owned(), content);
        }
    }
    Ok(found)
}
