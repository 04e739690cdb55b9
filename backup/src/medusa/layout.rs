//! Where Medusa puts things, and what its manifest says.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;

use crate::{
    error::{Error, Result},
    ids::hex,
};

/// The index of backups.
pub(super) const INDEX: &str = "index/backup_index";

/// What an object of the index stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mark<'a> {
    /// This node has finished: its manifest is copied here last.
    Manifest(&'a str),
    /// This node has begun: its schema is copied here first.
    Schema(&'a str),
}

/// The backup and the node that a key of the index speaks of.
pub(super) fn parse_index(key: &str) -> Option<(&str, Mark<'_>)> {
    let (name, object) = key
        .strip_prefix(INDEX)?
        .strip_prefix('/')?
        .split_once('/')?;
    let node = |prefix, suffix| object.strip_prefix(prefix)?.strip_suffix(suffix);
    let mark = node("manifest_", ".json")
        .map(Mark::Manifest)
        .or_else(|| node("schema_", ".cql").map(Mark::Schema))?;
    Some((name, mark))
}

/// A node's manifest.
pub(super) fn manifest(node: &str, backup: &str) -> String {
    format!("{node}/{backup}/meta/manifest.json")
}

/// A table in a manifest.
#[derive(Debug, Deserialize)]
pub(super) struct Section {
    pub(super) keyspace: String,
    pub(super) columnfamily: String,
    pub(super) objects: Vec<Object>,
}

/// A file in a manifest.
#[derive(Debug, Deserialize)]
pub(super) struct Object {
    pub(super) path: String,
    #[serde(rename = "MD5", default)]
    md5: String,
    pub(super) size: u64,
}

impl Section {
    /// The table's name, without its id.
    pub(super) fn table(&self) -> &str {
        self.columnfamily
            .split_once('-')
            .map_or(self.columnfamily.as_str(), |(table, _)| table)
    }
}

impl Object {
    /// The MD5 of the file, if that is what the store said of it: in hexadecimal or in Base64. Of files in several parts
    /// and of encrypted ones it is something else.
    pub(super) fn md5(&self) -> Option<[u8; 16]> {
        let text = self.md5.trim_matches('"');
        hex(text).or_else(|| BASE64_STANDARD.decode(text).ok()?.try_into().ok())
    }

    /// The key below Medusa's prefix, and the path below a data directory.
    pub(super) fn places(
        &self,
        node: &str,
        backup: &str,
        section: &Section,
    ) -> Result<(String, String)> {
        let unsafe_path = || Error::UnsafePath {
            path: self.path.clone(),
        };
        // The prefix is in the path; it may be another by now, if the backups were moved.
        let at = format!("{node}/");
        let (_, key) = self
            .path
            .match_indices(&at)
            .map(|(start, _)| (start, self.path.get(start..).unwrap_or_default()))
            .find(|(start, _)| {
                *start == 0 || self.path.get(..*start).is_some_and(|p| p.ends_with('/'))
            })
            .ok_or_else(unsafe_path)?;
        let below = key.strip_prefix(&at).ok_or_else(unsafe_path)?;
        let table = format!("data/{}/{}", section.keyspace, section.columnfamily);
        let of_full = below
            .strip_prefix(backup)
            .and_then(|rest| rest.strip_prefix('/'));
        let path = [of_full, Some(below)]
            .into_iter()
            .flatten()
            .find(|rest| rest.starts_with(&table))
            .and_then(|rest| rest.strip_prefix("data/"))
            .ok_or_else(unsafe_path)?;
        let is_step = |step: &str| !step.is_empty() && step != "." && step != "..";
        if path.split('/').count() < 3 || !path.split('/').all(is_step) {
            return Err(unsafe_path());
        }
        Ok((key.to_owned(), path.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section() -> Section {
        Section {
            keyspace: "ks".into(),
            columnfamily: "t-0a".into(),
            objects: Vec::new(),
        }
    }

    fn object(path: &str) -> Object {
        Object {
            path: path.into(),
            md5: String::new(),
            size: 1,
        }
    }

    #[test]
    fn full_and_differential_paths_with_and_without_a_prefix_are_read() {
        let file = "ks/t-0a/nb-1-big-Data.db";
        for (path, key) in [
            (
                "n1/data/ks/t-0a/nb-1-big-Data.db",
                "n1/data/ks/t-0a/nb-1-big-Data.db",
            ),
            (
                "p/n1/data/ks/t-0a/nb-1-big-Data.db",
                "n1/data/ks/t-0a/nb-1-big-Data.db",
            ),
            (
                "p/n1/b1/data/ks/t-0a/nb-1-big-Data.db",
                "n1/b1/data/ks/t-0a/nb-1-big-Data.db",
            ),
        ] {
            let places = object(path).places("n1", "b1", &section()).unwrap();
            assert_eq!(places, (key.to_owned(), file.to_owned()));
        }
        let index = object("n1/data/ks/t-0a/.idx/nb-1-big-Data.db");
        assert_eq!(
            index.places("n1", "b1", &section()).unwrap().1,
            "ks/t-0a/.idx/nb-1-big-Data.db"
        );
        let named_data = object("n1/data/data/ks/t-0a/x");
        assert_eq!(
            named_data.places("n1", "data", &section()).unwrap().1,
            "ks/t-0a/x"
        );
    }

    #[test]
    fn paths_that_leave_the_table_are_refused() {
        for path in [
            "n1/data/ks/t-0a/../../x",
            "n1/data/other/t-0a/x",
            "n2/data/ks/t-0a/x",
            "n1/data/ks/t-0a",
        ] {
            assert!(
                object(path).places("n1", "b1", &section()).is_err(),
                "{path}"
            );
        }
    }

    #[test]
    fn only_a_real_md5_is_taken_for_one() {
        let md5 = |text: &str| {
            Object {
                path: String::new(),
                md5: text.into(),
                size: 0,
            }
            .md5()
        };
        let expected = md5("d41d8cd98f00b204e9800998ecf8427e").unwrap();
        assert_eq!(md5("\"d41d8cd98f00b204e9800998ecf8427e\""), Some(expected));
        assert_eq!(md5("1B2M2Y8AsgTpgAmY7PhCfg=="), Some(expected));
        for other in ["d41d8cd98f00b204e9800998ecf8427e-2", "no-md5-hash", ""] {
            assert_eq!(md5(other), None, "{other}");
        }
    }

    #[test]
    fn the_index_tells_who_began_and_who_finished() {
        let key = |object: &str| format!("{INDEX}/b1/{object}");
        assert_eq!(
            parse_index(&key("manifest_n1.json")),
            Some(("b1", Mark::Manifest("n1")))
        );
        assert_eq!(
            parse_index(&key("schema_n1.cql")),
            Some(("b1", Mark::Schema("n1")))
        );
        assert_eq!(parse_index(&key("tokenmap_n1.json")), None);
    }
}
