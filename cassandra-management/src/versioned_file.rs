//! What the programs of a pod keep on the member's volume: files of JSON with a version, in the operator's folder, each
//! replaced as a whole.
//!
//! A file that is not there is none. One that is torn, or has another form, is an error and never taken for none: what it
//! said is not known. One of a later version is refused by its version, before anything else of it is read.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::files;

/// The operator's own folder below the data folder.
pub const FOLDER: &str = ".operator";
/// Everybody on the node may read them; who writes is the pod's user.
const MODE: u32 = 0o644;

/// One of these files.
#[derive(Clone, Copy, Debug)]
pub struct VersionedFile {
    /// Its name in [`FOLDER`].
    pub name: &'static str,
    /// What it is, in words, with an article.
    pub what: &'static str,
    /// The newest version of its layout that this program knows.
    pub newest: u32,
}

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be read.
    #[error("failed to read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is there and is not what it should be.
    #[error("{path} is not {what}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// It was written by a newer program.
    #[error("{path} has version {version}, and this program knows versions up to {newest}")]
    Version {
        /// The file.
        path: PathBuf,
        /// The file's version.
        version: u32,
        /// The newest that is known.
        newest: u32,
    },
    /// It could not be written.
    #[error("failed to write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What every version of a file has.
#[derive(Deserialize)]
struct Layout {
    version: u32,
}

impl VersionedFile {
    /// The file's path below a data folder.
    pub fn path(&self, data: &Path) -> PathBuf {
        data.join(FOLDER).join(self.name)
    }

    /// Reads the file of a data folder. None: there is none.
    pub fn load<T: DeserializeOwned>(&self, data: &Path) -> Result<Option<T>, Error> {
        let path = self.path(data);
        match fs::read(&path) {
            Ok(text) => self.parse(&path, &text).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Read { path, source }),
        }
    }

    fn parse<T: DeserializeOwned>(&self, path: &Path, text: &[u8]) -> Result<T, Error> {
        let invalid = |source| Error::Parse {
            path: path.to_owned(),
            what: self.what,
            source,
        };
        let Layout { version } = serde_json::from_slice(text).map_err(invalid)?;
        if version > self.newest {
            return Err(Error::Version {
                path: path.to_owned(),
                version,
                newest: self.newest,
            });
        }
        serde_json::from_slice(text).map_err(invalid)
    }

    /// Replaces the file of a data folder. When this returns, it has reached the disk, with the folder that it is in.
    pub fn store<T: Serialize>(&self, data: &Path, content: &T) -> Result<(), Error> {
        let path = self.path(data);
        let write = || -> io::Result<()> {
            let text = serde_json::to_vec_pretty(content)?;
            let folder = files::folder_of(&path)?;
            fs::create_dir_all(folder)?;
            // Also where it was there: who made it may have been killed before this.
            files::sync_folder_of(folder)?;
            files::replace(&path, MODE, &text)
        };
        write().map_err(|source| Error::Write { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: VersionedFile = VersionedFile {
        name: "notes.json",
        what: "a list of notes",
        newest: 2,
    };

    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Notes {
        version: u32,
        notes: Vec<String>,
    }

    fn notes() -> Notes {
        Notes {
            version: 2,
            notes: vec!["a".into()],
        }
    }

    fn put(data: &Path, text: &str) {
        fs::create_dir_all(data.join(FOLDER)).unwrap();
        fs::write(FILE.path(data), text).unwrap();
    }

    #[test]
    fn what_was_stored_is_loaded_and_no_other_file_is_left() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(FILE.load::<Notes>(data.path()).unwrap(), None);
        for _ in 0..2 {
            FILE.store(data.path(), &notes()).unwrap();
            assert_eq!(FILE.load(data.path()).unwrap(), Some(notes()));
        }
        let folder = fs::read_dir(data.path().join(FOLDER)).unwrap();
        assert_eq!(folder.count(), 1);
    }

    #[test]
    fn a_torn_file_is_an_error_and_not_a_missing_one() {
        let data = tempfile::tempdir().unwrap();
        FILE.store(data.path(), &notes()).unwrap();
        let whole = fs::read_to_string(FILE.path(data.path())).unwrap();
        for end in 0..whole.len() {
            put(data.path(), &whole[..end]);
            let error = FILE.load::<Notes>(data.path()).unwrap_err();
            assert!(matches!(error, Error::Parse { .. }), "{error}");
            assert!(error.to_string().ends_with("is not a list of notes"));
        }
    }

    #[test]
    fn a_later_version_is_refused_by_its_version_whatever_else_it_says() {
        let data = tempfile::tempdir().unwrap();
        put(data.path(), r#"{"version": 3, "pages": {}}"#);
        let error = FILE.load::<Notes>(data.path()).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("notes.json has version 3, and this program knows versions up to 2")
        );
        // An earlier one is read by what it says.
        put(data.path(), r#"{"version": 1, "notes": []}"#);
        assert!(FILE.load::<Notes>(data.path()).unwrap().is_some());
    }

    #[test]
    fn a_file_that_can_not_be_read_or_written_is_an_error() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir_all(FILE.path(data.path())).unwrap();
        let unread = FILE.load::<Notes>(data.path()).unwrap_err();
        assert!(matches!(unread, Error::Read { .. }), "{unread}");
        let unwritten = FILE.store(data.path(), &notes()).unwrap_err();
        assert!(matches!(unwritten, Error::Write { .. }), "{unwritten}");
    }
}
