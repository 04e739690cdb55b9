//! What is on the data volume. Looking changes nothing.

use std::{fs, io, path::Path};

use cassandra_management::marker::{self, Marker};

use crate::lock;

/// What is on the data volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Whose data it says it is.
    pub marker: Found,
    /// How much of Cassandra's data is there.
    pub data: Data,
    /// Whether another process has it open.
    pub in_use: bool,
}

/// The marker of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// There is none.
    Nothing,
    /// There is one.
    Marker(Box<Marker>),
    /// There is one that can't be read, and why.
    Unusable(String),
}

/// How much of Cassandra's data is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Data {
    /// None.
    Nothing,
    /// Some, but without the system tables, which hold the node's host id and tokens.
    Part,
    /// The system tables, and whatever else there was.
    Node,
}

impl Volume {
    /// The marker, if there is one that can be read.
    pub fn marker(&self) -> Option<&Marker> {
        match &self.marker {
            Found::Marker(marker) => Some(marker),
            Found::Nothing | Found::Unusable(_) => None,
        }
    }
}

/// Looks at the data folder.
pub fn look(folder: &Path) -> io::Result<Volume> {
    let marker = match Marker::load(folder) {
        Ok(None) => Found::Nothing,
        Ok(Some(marker)) => Found::Marker(Box::new(marker)),
        Err(error @ marker::Error::Read { .. }) => return Err(io::Error::other(error)),
        Err(error) => Found::Unusable(error.to_string()),
    };
    let data = if holds_something(&folder.join("data/system"))? {
        Data::Node
    } else if holds_something(&folder.join("data"))? || holds_something(&folder.join("commitlog"))?
    {
        Data::Part
    } else {
        Data::Nothing
    };
    let in_use = lock::is_held(folder)?;
    Ok(Volume {
        marker,
        data,
        in_use,
    })
}

/// Whether there is anything below a folder but empty folders, and but what a file system puts there itself.
fn holds_something(folder: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name() == "lost+found" {
            continue;
        }
        if !entry.file_type()?.is_dir() || holds_something(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_seen_for_what_it_is() {
        let volume = tempfile::tempdir().unwrap();
        let data = |path: &str| {
            let path = volume.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
            look(volume.path()).unwrap().data
        };
        fs::create_dir_all(volume.path().join("data/lost+found")).unwrap();
        fs::create_dir_all(volume.path().join("data/system/local-1")).unwrap();
        assert_eq!(data("lost+found/1"), Data::Nothing);
        assert_eq!(data("commitlog/CommitLog-7-1.log"), Data::Part);
        assert_eq!(data("data/shop/orders-1/nb-1-big-Data.db"), Data::Part);
        assert_eq!(data("data/system/local-1/nb-1-big-Data.db"), Data::Node);
    }

    #[test]
    fn a_marker_that_is_none_is_not_an_empty_volume() {
        let volume = tempfile::tempdir().unwrap();
        assert_eq!(look(volume.path()).unwrap().marker, Found::Nothing);
        fs::create_dir(volume.path().join(marker::FOLDER)).unwrap();
        fs::write(Marker::path(volume.path()), "{").unwrap();
        let marker = look(volume.path()).unwrap().marker;
        assert!(matches!(marker, Found::Unusable(_)), "{marker:?}");
    }
}
