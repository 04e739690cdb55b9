//! The CustomResourceDefinitions, as an API server would see them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use cassandra_api::v1alpha1::definitions;
use serde_json::Value;

/// Every schema of every kind, with its path.
fn walk(path: &str, schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), field, visit);
    }
    for below in ["items", "additionalProperties"] {
        if schema[below].is_object() {
            walk(&format!("{path}[]"), &schema[below], visit);
        }
    }
}

fn schemas(mut visit: impl FnMut(&str, &Value)) {
    for definition in definitions() {
        let value = serde_json::to_value(&definition).unwrap();
        let schema = &value["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        walk(
            value["spec"]["names"]["kind"].as_str().unwrap(),
            schema,
            &mut visit,
        );
    }
}

#[test]
fn formats_are_ones_that_kubernetes_knows() {
    schemas(|path, schema| {
        if let Some(format) = schema["format"].as_str() {
            assert!(
                ["int32", "int64", "date-time"].contains(&format),
                "{path}: {format}"
            );
        }
    });
}

#[test]
fn every_field_is_explained() {
    schemas(|path, schema| {
        let inner = path.ends_with("[]") || path.contains(".cassandraYaml.");
        let standard = path.ends_with(".metadata");
        if !inner && !standard {
            assert!(
                schema["description"].is_string(),
                "{path} has no description"
            );
        }
    });
}

#[test]
fn lists_of_the_cluster_are_bounded() {
    schemas(|path, schema| {
        if path.starts_with("CassandraCluster.spec") && schema["type"] == "array" {
            assert!(
                schema["maxItems"].is_number(),
                "{path}: CEL counts its cost by it"
            );
        }
    });
}

/// The API server counts what a rule may cost by these bounds, and refuses a definition whose rules may cost too much.
#[test]
fn what_a_rule_reads_letter_by_letter_is_bounded() {
    schemas(|path, schema| {
        let rules = schema["x-kubernetes-validations"].to_string();
        if !rules.contains(".matches(") || schema["properties"].is_object() {
            return;
        }
        let bounds = if schema["type"] == "string" {
            vec![&schema["maxLength"]]
        } else {
            vec![
                &schema["maxProperties"],
                &schema["additionalProperties"]["maxLength"],
            ]
        };
        assert!(bounds.iter().all(|bound| bound.is_number()), "{path}");
    });
}

#[test]
fn the_yaml_of_a_definition_reads_back_the_same() {
    for definition in definitions() {
        let yaml = serde_saphyr::to_string(&definition).unwrap();
        let read: Value = serde_saphyr::from_str(&yaml).unwrap();
        assert_eq!(read, serde_json::to_value(&definition).unwrap());
    }
}

#[test]
fn a_cluster_needs_a_rack_and_a_rack_a_member() {
    let racks = schema_of("CassandraCluster.spec.racks");
    assert_eq!(racks["minItems"].as_f64(), Some(1.0));
    let members = schema_of("CassandraCluster.spec.racks[].members");
    assert_eq!(members["minimum"].as_f64(), Some(1.0));
}

#[test]
fn two_racks_of_one_name_are_two_keys_of_one_map() {
    let racks = schema_of("CassandraCluster.spec.racks");
    assert_eq!(racks["x-kubernetes-list-type"], "map");
    assert_eq!(
        racks["x-kubernetes-list-map-keys"],
        serde_json::json!(["name"])
    );
}

fn schema_of(wanted: &str) -> Value {
    let mut found = Value::Null;
    schemas(|path, schema| {
        if path == wanted {
            found = schema.clone();
        }
    });
    assert!(found.is_object(), "there is no {wanted}");
    found
}
