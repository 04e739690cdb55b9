//! What a field looks like, and what goes together. The API server and the controller refuse the same values with the same
//! words, and let the same ones through.

use cassandra_api::validation;
use serde_json::{Value, json};

use super::{refusals, with};

fn orders() -> Value {
    json!({
        "apiVersion": "cassandra-operator.rs/v1alpha1",
        "kind": "CassandraCluster",
        "metadata": { "name": "orders" },
        "spec": {
            "version": "5.0.9",
            "racks": [{ "name": "r1", "members": 1 }],
            "storage": { "size": "100Gi" },
            "resources": {},
            "config": {},
            "placement": {},
        },
    })
}

fn problems(cluster: &Value) -> Vec<String> {
    let spec = serde_json::from_value(cluster["spec"].clone()).unwrap();
    let found = validation::problems("orders", &spec).into_iter();
    found.map(|found| found.to_string()).collect()
}

/// Both let the good values through, and refuse each bad one once, with these words.
#[track_caller]
fn holds(pointer: &str, good: &[Value], bad: &[Value], words: &str) {
    for value in good {
        let cluster = with(&orders(), pointer, value.clone());
        assert_eq!(refusals(&cluster, None), [""; 0], "{value}");
        assert_eq!(problems(&cluster), [""; 0], "{value}");
    }
    for value in bad {
        let cluster = with(&orders(), pointer, value.clone());
        for found in [refusals(&cluster, None), problems(&cluster)] {
            assert!(
                found.len() == 1 && found[0].contains(words),
                "{value}: {found:?}"
            );
        }
    }
}

fn all(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| json!(text)).collect()
}

#[test]
fn a_cluster_name_has_no_control_characters_and_no_outer_blanks() {
    holds(
        "/spec/clusterName",
        &all(&[
            "Orders",
            "o",
            "Test Cluster",
            "it's \"ours\"",
            "Bestände",
            "订单",
        ]),
        &all(&[
            " x ", "x ", " x", " ", "a\nb", "a\tb", "a\n", "\u{7f}", "a\u{85}b", "\u{a0}a",
        ]),
        "must have no blank at its beginning or end, and no control characters",
    );
}

#[test]
fn a_datacenter_is_told_in_words() {
    holds(
        "/spec/datacenter",
        &all(&["dc1", "EU_West-1", "1"]),
        &all(&["-dc", "_dc", "dc 1", "dc.1", "dc\n"]),
        "must be letters, digits, hyphens and underscores, beginning with a letter or digit",
    );
}

#[test]
fn a_rack_name_is_told_in_words() {
    holds(
        "/spec/racks/0/name",
        &all(&["r1", "1", "a-b"]),
        &all(&["R1", "r 1", "r.1", "-r", "r-", "r_1"]),
        "must be lower case letters, digits and hyphens, beginning and ending with a letter or digit",
    );
}

#[test]
fn names_of_objects_are_told_in_words() {
    let good = all(&["fast", "fast-1.example.com", "1"]);
    let bad = all(&["Bad Name", "fast_1", "-a", "a-", "a..b", "a.", "a/b"]);
    let words = "must be lower case letters, digits, hyphens and dots";
    for pointer in [
        "/spec/storage/storageClassName",
        "/spec/config/fromConfigMap",
    ] {
        holds(pointer, &good, &bad, words);
    }
    let secrets = |names: &[Value]| -> Vec<_> {
        names.iter().map(|name| json!([{ "name": name }])).collect()
    };
    holds(
        "/spec/imagePullSecrets",
        &secrets(&good),
        &secrets(&bad),
        words,
    );
}

#[test]
fn a_zone_is_the_value_of_a_label() {
    holds(
        "/spec/racks/0/zone",
        &all(&["eu-west-1a", "Zone_1.b"]),
        &all(&["eu west", "-a", "a-", "a/b"]),
        "must be at most 63 letters, digits, hyphens, underscores and dots",
    );
}

#[test]
fn an_image_is_told_in_words() {
    let digest = format!("cassandra@sha256:{}", "0f".repeat(32));
    holds(
        "/spec/image",
        &all(&[
            "cassandra",
            "cassandra:5.0.9",
            "docker.io/library/cassandra:5.0.9",
            "registry.example.com:5000/a/b__c/d-e.f:V1_2",
            "localhost/cassandra:x",
            "Registry.example.com/cassandra:5",
            &digest,
        ]),
        &all(&[
            "Bad Image!!",
            "Cassandra:5.0.9",
            "cassandra:5.0.9 ",
            "https://example.com/cassandra:5",
            "cassandra:",
            "cassandra:5.0:9",
            "cassandra@sha256:12",
            "a//b",
            "a/B:1",
            "/cassandra",
            "cassandra:5\n",
        ]),
        "must be an image such as registry.example.com/cassandra:5.0.9",
    );
}

#[test]
fn a_node_selector_has_labels_keys_and_values() {
    let long = "k".repeat(64);
    holds(
        "/spec/placement/nodeSelector",
        &[
            json!({ "disk": "nvme" }),
            json!({ "example.com/disk": "", "kubernetes.io/hostname": "node-1.a_B" }),
        ],
        &[
            json!({ "disk type": "nvme" }),
            json!({ "Example.com/disk": "nvme" }),
            json!({ "a/b/c": "nvme" }),
            json!({ "-a": "x", "b": "y" }),
            json!({ long: "x" }),
        ],
        "each key",
    );
    holds(
        "/spec/placement/nodeSelector",
        &[],
        &[json!({ "disk": "very fast" }), json!({ "disk": "-" })],
        "each value",
    );
}

#[test]
fn a_toleration_is_one_that_a_pod_can_have() {
    let tolerations = |each: &[Value]| -> Vec<_> { each.iter().map(|one| json!([one])).collect() };
    let refused = |bad: &[Value], words: &str| {
        holds("/spec/placement/tolerations", &[], &tolerations(bad), words);
    };
    holds(
        "/spec/placement/tolerations",
        &tolerations(&[
            json!({ "key": "a" }),
            json!({ "key": "example.com/a", "operator": "Equal", "value": "b", "effect": "NoSchedule" }),
            json!({ "operator": "Exists" }),
            json!({ "operator": "Exists", "value": "" }),
            json!({ "key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60 }),
            json!({ "key": "a", "value": "b", "effect": "PreferNoSchedule" }),
        ]),
        &[],
        "",
    );
    refused(
        &[
            json!({ "key": "a", "operator": "exists" }),
            json!({ "key": "a", "operator": "In" }),
        ],
        "a toleration's operator must be Exists or Equal",
    );
    refused(
        &[json!({ "key": "a", "effect": "NoWay" })],
        "a toleration's effect must be NoSchedule, PreferNoSchedule or NoExecute",
    );
    refused(
        &[json!({ "key": "a", "operator": "Exists", "value": "b" })],
        "with the operator Exists must have no value",
    );
    refused(
        &[
            json!({}),
            json!({ "operator": "Equal", "value": "b" }),
            json!({ "effect": "NoSchedule" }),
        ],
        "without a key tolerates every taint, and must have the operator Exists",
    );
    refused(
        &[
            json!({ "key": "a", "tolerationSeconds": 60 }),
            json!({ "key": "a", "effect": "NoSchedule", "tolerationSeconds": 60 }),
        ],
        "with tolerationSeconds must have the effect NoExecute",
    );
    refused(
        &[
            json!({ "key": "a b" }),
            json!({ "key": "a", "value": "b c" }),
        ],
        "must be at most 63 letters, digits, hyphens, underscores and dots",
    );
}

#[test]
fn a_request_is_at_most_its_limit() {
    let resources =
        |requests: Value, limits: Value| json!({ "requests": requests, "limits": limits });
    let memory = |amount: &str| json!({ "memory": amount });
    let cpu = |amount: Value| json!({ "cpu": amount, "memory": "1Gi" });
    holds(
        "/spec/resources",
        &[
            json!({}),
            json!({ "limits": { "memory": "2Gi" } }),
            json!({ "requests": { "memory": "4096Mi", "cpu": 4 } }),
            resources(memory("2Gi"), memory("2048Mi")),
            resources(cpu(json!("1500m")), cpu(json!(2))),
            resources(cpu(json!(64)), memory("1Gi")),
        ],
        &[],
        "",
    );
    holds(
        "/spec/resources",
        &[],
        &[
            resources(memory("3Gi"), memory("2Gi")),
            resources(memory("2049Mi"), memory("2Gi")),
            json!({ "requests": { "memory": "8Gi" } }),
        ],
        "spec.resources.requests.memory must be at most spec.resources.limits.memory, which is 4Gi if no limits are given",
    );
    holds(
        "/spec/resources",
        &[],
        &[
            resources(cpu(json!(2)), cpu(json!("1500m"))),
            json!({ "requests": { "cpu": 5 } }),
        ],
        "spec.resources.requests.cpu must be at most spec.resources.limits.cpu, which is 4 if no limits are given",
    );
}

#[test]
fn amounts_are_amounts() {
    holds(
        "/spec/resources",
        &[],
        &[
            json!({ "requests": { "cpu": "-1" } }),
            json!({ "requests": { "memory": -1 } }),
        ],
        "must not be negative",
    );
    holds(
        "/spec/resources",
        &[],
        &[json!({ "limits": { "memory": "0" } })],
        "must be more than 0: the heap follows it",
    );
    holds(
        "/spec/storage",
        &[],
        &[json!({ "size": "0Gi" })],
        "spec.storage.size",
    );
    let heap = |amount: &str| json!({ "jvm": { "heap": amount } });
    holds(
        "/spec/config",
        &[],
        &[heap("0"), heap("-1Gi")],
        "spec.config.jvm.heap",
    );
}
