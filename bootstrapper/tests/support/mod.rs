//! What the tests of this crate have in common.

use std::{collections::BTreeMap, path::PathBuf};

use cassandra_api::revision::ConfigRevision;

/// Folder of a configuration that is shaped like an official image's.
pub(crate) fn image(version: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/images", version]
        .iter()
        .collect()
}

/// A revision that sets nothing.
pub(crate) fn revision() -> ConfigRevision {
    ConfigRevision {
        cluster_name: "orders".into(),
        datacenter: "south".into(),
        cassandra_yaml: BTreeMap::new(),
        heap_bytes: None,
        jvm_options: Vec::new(),
    }
}
