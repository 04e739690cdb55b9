//! One revision of a cluster's configuration, as the controller writes it into an immutable ConfigMap and
//! the bootstrapper reads it. The image's own defaults are known only in the pod, so the merge is there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The ConfigMap key that holds the [`ConfigRevision`] as JSON.
pub const REVISION_KEY: &str = "revision.json";
/// A file of the user's ConfigMap is under this prefix and its own name.
pub const FILE_PREFIX: &str = "file.";

/// What is the same for all members of a cluster in one revision of its configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigRevision {
    /// Cassandra's `cluster_name`.
    pub cluster_name: String,
    /// The datacenter of every member.
    pub datacenter: String,
    /// `config.cassandraYaml` of the spec.
    pub cassandra_yaml: BTreeMap<String, serde_json::Value>,
    /// Bytes of heap, if the spec sets it. None: from the memory limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap_bytes: Option<u64>,
    /// `config.jvm.options` of the spec.
    pub jvm_options: Vec<String>,
}

/// Bytes of heap for a container with this memory limit, when the spec does not set it:
/// the larger of half the limit up to 1 GiB and a quarter of it up to 8 GiB, as Cassandra's own
/// `cassandra-env.sh` takes it from a machine's memory.
pub fn heap_for_limit(limit_bytes: u64) -> u64 {
    const GIB: u64 = 1 << 30;
    (limit_bytes / 2)
        .min(GIB)
        .max((limit_bytes / 4).min(8 * GIB))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heap_follows_the_published_formula() {
        const GIB: u64 = 1 << 30;
        for (limit, heap) in [
            (GIB, GIB / 2),
            (2 * GIB, GIB),
            (4 * GIB, GIB),
            (16 * GIB, 4 * GIB),
            (64 * GIB, 8 * GIB),
        ] {
            assert_eq!(heap_for_limit(limit), heap);
        }
    }
}
