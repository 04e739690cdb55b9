//! CassandraCluster.

use serde_json::{Value, json};

use super::{accepted, change_accepted, change_refused, refused, schema_at, with};

fn orders() -> Value {
    json!({
        "apiVersion": "cassandra-operator.rs/v1alpha1",
        "kind": "CassandraCluster",
        "metadata": { "name": "orders" },
        "spec": {
            "version": "5.0.9",
            "racks": [{ "name": "r1", "members": 2, "zone": "z1" }, { "name": "r2", "members": 2 }],
            "storage": { "size": "100Gi" },
        },
    })
}

#[test]
fn the_shortest_useful_cluster_is_accepted() {
    accepted(&orders());
}

#[test]
fn a_name_is_one_that_a_service_can_have() {
    for name in ["orders-2", "o"] {
        accepted(&with(&orders(), "/metadata/name", json!(name)));
    }
    for name in ["2orders", "orders.eu", "orders-"] {
        refused(
            &with(&orders(), "/metadata/name", json!(name)),
            "beginning with a letter and ending with a letter or digit",
        );
    }
}

#[test]
fn a_name_leaves_room_for_the_members_names() {
    accepted(&with(&orders(), "/metadata/name", json!("o".repeat(40))));
    refused(
        &with(&orders(), "/metadata/name", json!("o".repeat(41))),
        "at most 40 characters",
    );
    let long_rack = with(&orders(), "/spec/racks/0/name", json!("r".repeat(20)));
    accepted(&with(&long_rack, "/metadata/name", json!("o".repeat(26))));
    refused(
        &with(&long_rack, "/metadata/name", json!("o".repeat(27))),
        "at most 46",
    );
}

#[test]
fn a_version_or_an_image_is_needed() {
    refused(
        &with(&orders(), "/spec/version", Value::Null),
        "set spec.version",
    );
    let by_image = with(
        &orders(),
        "/spec/image",
        json!("registry.example.com/cassandra:5.0.9"),
    );
    accepted(&with(&by_image, "/spec/version", Value::Null));
}

#[test]
fn an_unknown_version_needs_an_image() {
    for version in ["4.0.19", "4.1.10", "5.0.9"] {
        accepted(&with(&orders(), "/spec/version", json!(version)));
    }
    for version in ["3.11.17", "5.1.0", "5.0", "5.0.9-beta", "latest"] {
        let unknown = with(&orders(), "/spec/version", json!(version));
        refused(&unknown, "spec.version is one of");
        accepted(&with(
            &unknown,
            "/spec/image",
            json!("registry.example.com/cassandra:new"),
        ));
    }
}

#[test]
fn a_heap_is_smaller_than_the_memory_limit() {
    let limited = with(
        &orders(),
        "/spec/resources",
        json!({ "limits": { "memory": "2Gi" } }),
    );
    let heap = |amount: Value| {
        with(
            &limited,
            "/spec/config",
            json!({ "jvm": { "heap": amount } }),
        )
    };
    for amount in [json!("1Gi"), json!("2047Mi"), json!(1_000_000_000)] {
        accepted(&heap(amount));
    }
    for amount in [
        json!("2Gi"),
        json!("2048Mi"),
        json!("3G"),
        json!(3_000_000_000_i64),
    ] {
        refused(
            &heap(amount),
            "must be less than spec.resources.limits.memory",
        );
    }
    // Against the default limit of 4Gi.
    refused(
        &with(
            &orders(),
            "/spec/config",
            json!({ "jvm": { "heap": "4Gi" } }),
        ),
        "must be less",
    );
}

#[test]
fn a_memory_limit_is_needed() {
    let cpu_only = with(
        &orders(),
        "/spec/resources",
        json!({ "limits": { "cpu": "2" } }),
    );
    refused(&cpu_only, "spec.resources.limits.memory is required");
    let with_heap = with(
        &cpu_only,
        "/spec/config",
        json!({ "jvm": { "heap": "1Gi" } }),
    );
    refused(&with_heap, "spec.resources.limits.memory is required");
    accepted(&with(
        &orders(),
        "/spec/resources",
        json!({ "limits": { "memory": "2Gi" } }),
    ));
}

#[test]
fn a_limit_alone_is_enough() {
    for limits in [
        json!({ "memory": "2Gi" }),
        json!({ "memory": "512Mi", "cpu": "100m" }),
    ] {
        let limited = with(&orders(), "/spec/resources", json!({ "limits": limits }));
        accepted(&limited);
    }
    // A default of the schema would be above such a limit.
    for pointer in ["/spec/resources", "/spec/resources/requests"] {
        let schema = schema_at(pointer);
        assert_eq!(schema.pointer("/default/requests"), None, "{pointer}");
        assert_eq!(schema.pointer("/default/memory"), None, "{pointer}");
    }
}

#[test]
fn two_secrets_of_one_name_are_two_keys_of_one_map() {
    let secrets = schema_at("/spec/imagePullSecrets");
    assert_eq!(secrets["x-kubernetes-list-type"], "map");
    assert_eq!(secrets["x-kubernetes-list-map-keys"], json!(["name"]));
}

#[test]
fn storage_has_a_size_or_is_ephemeral() {
    refused(
        &with(&orders(), "/spec/storage", json!({})),
        "set spec.storage.size",
    );
    accepted(&with(
        &orders(),
        "/spec/storage",
        json!({ "ephemeral": true }),
    ));
}

#[test]
fn adopting_volumes_needs_volumes() {
    let adopting = with(&orders(), "/spec/storage/adoptRetained", json!(true));
    accepted(&adopting);
    refused(
        &with(&adopting, "/spec/storage/ephemeral", json!(true)),
        "adoptRetained needs volumes",
    );
}

#[test]
fn storage_can_only_grow() {
    for size in ["100Gi", "101Gi", "1Ti"] {
        change_accepted(
            &orders(),
            &with(&orders(), "/spec/storage/size", json!(size)),
        );
    }
    for size in ["99Gi", "100G", "1"] {
        let smaller = with(&orders(), "/spec/storage/size", json!(size));
        change_refused(&orders(), &smaller, "can only grow");
    }
}

#[test]
fn immutable_fields_stay_as_they_are() {
    let old = with(&orders(), "/spec/clusterName", json!("Orders"));
    let old = with(&old, "/spec/datacenter", json!("eu"));
    let old = with(&old, "/spec/storage/storageClassName", json!("fast"));
    let old = with(&old, "/spec/network", json!({ "broadcast": "PodIP" }));
    change_accepted(&old, &with(&old, "/spec/paused", json!(true)));
    for (pointer, value, field) in [
        (
            "/spec/clusterName",
            json!("other"),
            "spec.clusterName is immutable",
        ),
        (
            "/spec/clusterName",
            Value::Null,
            "spec.clusterName is immutable",
        ),
        (
            "/spec/datacenter",
            json!("us"),
            "spec.datacenter is immutable",
        ),
        (
            "/spec/datacenter",
            Value::Null,
            "spec.datacenter is immutable",
        ),
        (
            "/spec/storage/storageClassName",
            json!("slow"),
            "storageClassName is immutable",
        ),
        (
            "/spec/storage/storageClassName",
            Value::Null,
            "storageClassName is immutable",
        ),
        (
            "/spec/storage/ephemeral",
            json!(true),
            "spec.storage.ephemeral is immutable",
        ),
        (
            "/spec/network/broadcast",
            json!("MemberService"),
            "broadcast is immutable",
        ),
        ("/spec/network", Value::Null, "broadcast is immutable"),
        (
            "/spec/racks/0/zone",
            json!("z2"),
            "a rack's zone is immutable",
        ),
        (
            "/spec/racks/0/zone",
            Value::Null,
            "a rack's zone is immutable",
        ),
        (
            "/spec/racks/1/zone",
            json!("z2"),
            "a rack's zone is immutable",
        ),
    ] {
        change_refused(&old, &with(&old, pointer, value), field);
    }
}

#[test]
fn a_cluster_name_is_not_given_later() {
    let named = with(&orders(), "/spec/clusterName", json!("Orders"));
    change_refused(&orders(), &named, "spec.clusterName is immutable");
}

#[test]
fn a_class_is_not_given_later() {
    let classed = with(&orders(), "/spec/storage/storageClassName", json!("fast"));
    change_refused(&orders(), &classed, "storageClassName is immutable");
}

#[test]
fn a_rack_is_not_removed() {
    let one = with(
        &orders(),
        "/spec/racks",
        json!([{ "name": "r1", "members": 2, "zone": "z1" }]),
    );
    change_refused(&orders(), &one, "a rack can't be removed for now");
    change_accepted(&one, &orders());
}

#[test]
fn members_may_be_raised_and_lowered() {
    change_accepted(
        &orders(),
        &with(&orders(), "/spec/racks/1/members", json!(3)),
    );
    let fewer = with(&orders(), "/spec/racks/1/members", json!(1));
    change_accepted(&orders(), &fewer);
}

#[test]
fn racks_may_be_given_in_another_order() {
    let turned =
        json!([{ "name": "r2", "members": 2 }, { "name": "r1", "members": 2, "zone": "z1" }]);
    change_accepted(&orders(), &with(&orders(), "/spec/racks", turned));
}
