//! What the programs beside the controller do, as data: the agents' statuses, and the pods of the StatefulSet controller
//! and the kubelets. The controller's tests, the simulator's states and the benchmark play them from here, so that all
//! of them play the same. That the real agent reports alike is a test of its own (`member-agent/src/status/tests.rs`).
//!
//! Only with the feature `testing`. What is not as it should be fails the test that asked for it.
#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "for tests")]

pub mod agent;
pub mod pods;

use serde_json::json;

use crate::v1alpha1::CassandraCluster;

/// A cluster with so many members in each rack, and defaults for the rest.
pub fn cluster(namespace: &str, name: &str, racks: &[(&str, i32)]) -> CassandraCluster {
    let racks: Vec<_> = racks
        .iter()
        .map(|(name, members)| json!({ "name": name, "members": members }))
        .collect();
    let object = json!({
        "apiVersion": "cassandra-operator.rs/v1alpha1",
        "kind": "CassandraCluster",
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "version": "5.0.9", "racks": racks, "storage": { "size": "1Gi" } },
    });
    serde_json::from_value(object).expect("a cluster")
}

/// A UUID, always the same one for the same thing of the same kind.
pub fn uuid(kind: &str, name: &str) -> String {
    let [a, b] = [0, 1].map(|half| fnv(&[&[half], kind.as_bytes(), &[0], name.as_bytes()]));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xfff,
        b >> 48 & 0xfff,
        b & 0xffff_ffff_ffff
    )
}

/// FNV-1a: short, and good enough to tell names apart.
fn fnv(parts: &[&[u8]]) -> u64 {
    let bytes = parts.iter().copied().flatten();
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::uuid;

    #[test]
    fn each_thing_has_a_uuid_of_its_own() {
        let one = uuid("host", "orders-a-0");
        assert_eq!(one, uuid("host", "orders-a-0"));
        for (kind, name) in [("host", "orders-a-1"), ("volume", "orders-a-0")] {
            assert_ne!(one, uuid(kind, name));
        }
        let lengths: Vec<_> = one.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }
}
