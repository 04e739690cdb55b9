//! CassandraMember.

use serde_json::{Value, json};

use super::{accepted, change_accepted, change_refused, refused, with};

fn member() -> Value {
    json!({
        "apiVersion": "cassandra-operator.rs/v1alpha1",
        "kind": "CassandraMember",
        "metadata": { "name": "orders-r1-0" },
        "spec": {
            "cluster": { "name": "orders", "uid": "6f1f" },
            "clusterName": "orders",
            "datacenter": "dc1",
            "rack": "r1",
            "ordinal": 0,
        },
    })
}

#[test]
fn a_member_without_a_workload_is_accepted() {
    accepted(&member());
}

#[test]
fn identity_is_immutable() {
    for (pointer, value, field) in [
        (
            "/spec/cluster/uid",
            json!("7a2a"),
            "spec.cluster is immutable",
        ),
        (
            "/spec/cluster/name",
            json!("other"),
            "spec.cluster is immutable",
        ),
        (
            "/spec/clusterName",
            json!("other"),
            "spec.clusterName is immutable",
        ),
        (
            "/spec/datacenter",
            json!("dc2"),
            "spec.datacenter is immutable",
        ),
        ("/spec/rack", json!("r2"), "spec.rack is immutable"),
        ("/spec/ordinal", json!(1), "spec.ordinal is immutable"),
    ] {
        change_refused(&member(), &with(&member(), pointer, value), field);
    }
}

#[test]
fn wanted_state_may_change() {
    let started = with(
        &member(),
        "/spec/start",
        json!({ "epoch": 1, "mode": "Join", "seeds": ["a"] }),
    );
    change_accepted(&member(), &started);
    change_accepted(
        &started,
        &with(&started, "/spec/refresh", json!({ "id": "1" })),
    );
}

#[test]
fn a_workload_has_a_memory_limit() {
    let workload = |limits: Value| {
        with(
            &member(),
            "/spec/workload",
            json!({
                "image": "cassandra:5.0.9",
                "operatorImage": "operator:1",
                "configRevision": "orders-rev-0123456789",
                "resources": { "limits": limits },
            }),
        )
    };
    accepted(&workload(json!({ "memory": "4Gi" })));
    refused(
        &workload(json!({ "cpu": "4" })),
        "limits.memory is required",
    );
}
