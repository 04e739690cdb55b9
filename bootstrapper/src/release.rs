//! The release of Cassandra in this image, held against the one that last served with the data. Cassandra does not open
//! data of a later release line, and has begun to write when it finds that out.

use std::{fs, io, path::Path};

use cassandra_management::marker::{self, Marker};

/// What Cassandra's own library is called, before its release and `.jar` (Apache's binary release, folder `lib`).
const LIBRARY: &str = "apache-cassandra-";

/// Why this image's Cassandra is not run on this data.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data is a later line's.
    #[error(
        "Cassandra {theirs} has served with the data on this volume, and this image has Cassandra {ours}, which can't open \
         it: a release line does not read what a later one has written. Nothing on it was touched. Set spec.version or \
         spec.image to the line {line} or a later one"
    )]
    Earlier {
        /// What served last.
        theirs: String,
        /// What is in the image.
        ours: String,
        /// The line of what served last.
        line: String,
    },
    /// The folder of libraries can't be read.
    #[error("failed to look for Cassandra's library in {folder}")]
    Library {
        /// The folder.
        folder: String,
        /// What the system said.
        source: io::Error,
    },
    /// The marker can't be read.
    #[error("failed to read which release the data is of")]
    Marker(#[from] marker::Error),
}

/// Whether Cassandra of the libraries in this folder may open the data. Of an image that does not tell its release, or data
/// of which none is known, that it may.
pub fn check(data: &Path, libraries: &Path) -> Result<(), Error> {
    let Some(theirs) = Marker::load(data)?.and_then(|marker| marker.release) else {
        return Ok(());
    };
    let ours = in_image(libraries).map_err(|source| Error::Library {
        folder: libraries.display().to_string(),
        source,
    })?;
    match ours {
        Some(ours) if line(&ours) < line(&theirs) => Err(Error::Earlier {
            line: theirs.split('.').take(2).collect::<Vec<_>>().join("."),
            theirs,
            ours,
        }),
        _ => Ok(()),
    }
}

/// The release that the libraries are of. None: Cassandra's own is not among them.
fn in_image(libraries: &Path) -> io::Result<Option<String>> {
    let entries = match fs::read_dir(libraries) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let name = entry?.file_name();
        let release = name
            .to_str()
            .and_then(|name| name.strip_prefix(LIBRARY)?.strip_suffix(".jar"));
        // Not `apache-cassandra-thrift-…`.
        if let Some(release) = release.filter(|it| it.starts_with(|c: char| c.is_ascii_digit())) {
            return Ok(Some(release.to_owned()));
        }
    }
    Ok(None)
}

/// The first two numbers of a release.
fn line(release: &str) -> Vec<u32> {
    let numbers = release.split(['.', '-']).take(2);
    numbers.map(|number| number.parse().unwrap_or(0)).collect()
}
