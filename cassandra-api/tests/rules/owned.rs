//! Settings that belong to the operator.

use cassandra_api::owned_keys;
use serde_json::{Value, json};

use super::{accepted, refusals, refused};

fn configured(config: &Value) -> Value {
    json!({
        "apiVersion": "cassandra-operator.rs/v1alpha1",
        "kind": "CassandraCluster",
        "metadata": { "name": "orders" },
        "spec": {
            "version": "5.0.9",
            "racks": [{ "name": "r1", "members": 1 }],
            "storage": { "size": "100Gi" },
            "config": config,
        },
    })
}

#[test]
fn every_owned_key_of_cassandra_yaml_is_refused_with_what_to_set_instead() {
    for owned in owned_keys::CASSANDRA_YAML {
        let value = match owned.key {
            "seed_provider" => json!([{ "class_name": "x" }]),
            "data_file_directories" => json!(["/data"]),
            "listen_on_broadcast_address" | "start_native_transport" | "auto_bootstrap" => {
                json!(true)
            }
            _ => json!("x"),
        };
        let cluster = configured(&json!({ "cassandraYaml": { owned.key: value } }));
        let expected = format!("{} is owned by the operator: {}", owned.key, owned.instead);
        assert_eq!(refusals(&cluster, None), [expected]);
    }
}

#[test]
fn other_keys_of_cassandra_yaml_are_accepted() {
    accepted(&configured(&json!({ "cassandraYaml": {
        "concurrent_reads": 64,
        "client_encryption_options": { "enabled": false },
        "num_tokens": 16,
    } })));
}

#[test]
fn every_owned_jvm_option_is_refused() {
    for owned in owned_keys::JVM_OPTIONS {
        let option = format!("{}x", owned.key);
        refused(
            &configured(&json!({ "jvm": { "options": [option] } })),
            "owned by the operator",
        );
    }
}

#[test]
fn other_jvm_options_are_accepted() {
    let options = [
        "-XX:MaxGCPauseMillis=300",
        "-Dcassandra.ring_delay_ms=1000",
        "-ea",
    ];
    accepted(&configured(&json!({ "jvm": { "options": options } })));
}

#[test]
fn what_is_not_one_option_is_refused() {
    for text in ["XX:MaxGCPauseMillis=300", "-ea\n-Xmx1G"] {
        refused(
            &configured(&json!({ "jvm": { "options": [text] } })),
            "is one option",
        );
    }
}
