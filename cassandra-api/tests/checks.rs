//! The check of a spec: it knows every bound of the CRD, says what is accepted, and names the field as users write it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test"
)]

use cassandra_api::{v1alpha1::definitions, validation};
use serde_json::{Value, json};

/// A cluster in which every field of the spec has a value, so that every bound is reached.
fn whole() -> Value {
    json!({
        "clusterName": "Orders",
        "datacenter": "dc1",
        "version": "5.0.9",
        "image": "registry.example.com/cassandra:5.0.9",
        "imagePullPolicy": "Always",
        "imagePullSecrets": [{ "name": "registry" }],
        "racks": [{ "name": "r1", "members": 1, "zone": "z1" }],
        "storage": { "size": "1Gi", "storageClassName": "fast" },
        "resources": {
            "requests": { "cpu": "1", "memory": "2Gi" },
            "limits": { "cpu": "1", "memory": "2Gi" },
        },
        "config": {
            "cassandraYaml": {},
            "jvm": { "heap": "1Gi", "options": ["-Da=b"] },
            "fromConfigMap": "settings",
        },
        "placement": {
            "nodeSelector": { "disk": "nvme" },
            "tolerations": [{ "key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute" }],
        },
    })
}

fn problems(spec: &Value) -> Vec<(String, String)> {
    let spec = serde_json::from_value(spec.clone()).unwrap();
    let found = validation::problems("orders", &spec).into_iter();
    found.map(|found| (found.field, found.problem)).collect()
}

fn with(pointer: &str, value: Value) -> Value {
    let mut spec = whole();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match spec.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.insert(key.into(), value)),
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
        other => panic!("{other} has no {key}"),
    }
    spec
}

/// A value beyond a bound, and what is at it. None: the schema has no such bound.
fn beyond(schema: &Value, bound: &str, now: &Value) -> Option<(Value, Value)> {
    let limit = schema.get(bound)?.as_f64();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bounds are small"
    )]
    let limit = limit.map(|limit| limit as usize);
    let items = |length: usize| json!(vec![now[0].clone(); length]);
    let entries = |length: usize| -> Value {
        let entries = (0..length).map(|n| (format!("k{n}"), json!("v")));
        Value::Object(entries.collect())
    };
    // The API server counts characters, not bytes.
    let text = |length: usize| {
        let (first, last) = if is_of_letters(schema) {
            ("0", "1")
        } else {
            ("ü", "ü")
        };
        let text = first.repeat(length.saturating_sub(1)) + &last.repeat(length.min(1));
        json!(hyphened(now, &slashed(schema, text)))
    };
    Some(match (bound, limit) {
        ("minLength", Some(limit)) => (text(limit - 1), text(limit)),
        ("maxLength", Some(limit)) => (text(limit + 1), text(limit)),
        ("minItems", Some(limit)) => (items(limit - 1), items(limit)),
        ("maxItems", Some(limit)) => (items(limit + 1), items(limit)),
        ("maxProperties", Some(limit)) => (entries(limit + 1), entries(limit)),
        ("minimum", Some(limit)) => (json!(limit - 1), json!(limit)),
        ("maximum", Some(limit)) => (json!(limit + 1), json!(limit)),
        ("pattern", _) => (json!("?"), now.clone()),
        _ => panic!("{bound} of {schema} is not known here"),
    })
}

/// Whether a rule says of which letters it is.
fn is_of_letters(schema: &Value) -> bool {
    let rules = schema["x-kubernetes-validations"].as_array();
    schema["pattern"].is_string()
        || rules.is_some_and(|rules| {
            let mut rules = rules.iter().filter_map(|rule| rule["rule"].as_str());
            rules.any(|rule| rule.contains(".matches("))
        })
}

/// A label's key is longest with a domain before it.
fn slashed(schema: &Value, text: String) -> String {
    let longest = schema["maxLength"] == json!(317) && text.len() > 300;
    if longest {
        format!("{}/{}", &text[..253], &text[254..])
    } else {
        text
    }
}

/// An option begins with a hyphen.
fn hyphened(now: &Value, text: &str) -> String {
    if now.as_str().unwrap().starts_with('-') {
        text.chars()
            .enumerate()
            .map(|(i, c)| if i == 0 { '-' } else { c })
            .collect()
    } else {
        text.to_owned()
    }
}

const BOUNDS: &[&str] = &[
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "minimum",
    "maximum",
    "pattern",
];

/// Looks at every bound below a schema. The number of those that were tried.
fn walk(pointer: &str, field: &str, schema: &Value) -> usize {
    let now = whole().pointer(pointer).cloned();
    let mut tried = 0;
    for bound in BOUNDS {
        let Some(now) = &now else {
            assert!(
                schema.get(bound).is_none(),
                "give {field} a value: it has a bound"
            );
            continue;
        };
        if let Some((wrong, right)) = beyond(schema, bound, now) {
            tried += 1;
            let at = |value: Value| {
                let found = problems(&with(pointer, value)).into_iter();
                found
                    .map(|(field, _)| field)
                    .filter(|found| found == field)
                    .count()
            };
            assert_ne!(
                at(wrong.clone()),
                0,
                "{bound} of {field} lets {wrong} through"
            );
            // A list of the same names is refused for another reason.
            let named = ["spec.racks", "spec.imagePullSecrets"].contains(&field);
            if !named || right.as_array().is_none_or(|items| items.len() < 2) {
                assert_eq!(at(right.clone()), 0, "{bound} of {field} refuses {right}");
            }
        }
    }
    // What belongs to the operator is refused whatever it is.
    if field == "spec.config.cassandraYaml" {
        return tried;
    }
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        tried += walk(
            &format!("{pointer}/{name}"),
            &format!("{field}.{name}"),
            below,
        );
    }
    if schema["items"].is_object() {
        tried += walk(
            &format!("{pointer}/0"),
            &format!("{field}[0]"),
            &schema["items"],
        );
    }
    tried
}

#[test]
fn every_bound_of_the_definition_is_checked() {
    assert_eq!(problems(&whole()), []);
    let definition = serde_json::to_value(definitions().remove(0)).unwrap();
    assert_eq!(definition["spec"]["names"]["kind"], "CassandraCluster");
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let tried = walk("", "spec", &schema["properties"]["spec"]);
    assert!(tried > 40, "only {tried} bounds were found");
}

#[test]
fn each_field_is_named_as_users_write_it() {
    let racks = json!([{ "name": "r1", "members": 1 }, { "name": "r2", "members": 0 }]);
    for (pointer, value, field, says) in [
        ("/racks", racks, "spec.racks[1].members", "lower than 1"),
        (
            "/racks",
            json!([{ "name": "r1", "members": 1 }, { "name": "r1", "members": 1 }]),
            "spec.racks",
            "two racks of the name r1",
        ),
        (
            "/storage/storageClassName",
            json!(""),
            "spec.storage.storageClassName",
            "lower than 1",
        ),
        (
            "/storage",
            json!({}),
            "spec.storage.size",
            "set it, for instance 100Gi",
        ),
        (
            "/storage/size",
            json!("0"),
            "spec.storage.size",
            "0 is not a size such as 100Gi",
        ),
        (
            "/storage",
            json!({ "ephemeral": true, "adoptRetained": true }),
            "spec.storage.adoptRetained",
            "can't be set with spec.storage.ephemeral",
        ),
        (
            "/resources/limits",
            json!({}),
            "spec.resources.limits",
            "memory is required, for instance 4Gi",
        ),
        (
            "/resources/limits/memory",
            json!("much"),
            "spec.resources.limits.memory",
            "much is not a quantity",
        ),
        (
            "/placement/nodeSelector",
            json!({ "disk": "v".repeat(64) }),
            "spec.placement.nodeSelector",
            "each value must be at most 63 letters",
        ),
        (
            "/config/jvm/heap",
            json!("2Gi"),
            "spec.config.jvm.heap",
            "below the memory limit",
        ),
        (
            "/config/jvm/options",
            json!(["-Da=b", "-Xmx1G"]),
            "spec.config.jvm.options[1]",
            "set spec.config.jvm.heap",
        ),
        (
            "/config/jvm/options",
            json!(["a"]),
            "spec.config.jvm.options[0]",
            "beginning with a hyphen",
        ),
        (
            "/config/cassandraYaml",
            json!({ "storage_port": 1, "num_tokens": 8, "cluster_name": "x" }),
            "spec.config.cassandraYaml",
            "cluster_name is owned by the operator: set spec.clusterName; storage_port is owned",
        ),
        (
            "/imagePullSecrets",
            json!([{ "name": "a" }, { "name": "" }]),
            "spec.imagePullSecrets[1].name",
            "lower than 1",
        ),
        (
            "/imagePullSecrets",
            json!([{ "name": "a" }, { "name": "a" }]),
            "spec.imagePullSecrets",
            "two secrets of the name a",
        ),
    ] {
        let found = problems(&with(pointer, value));
        let [(found, problem)] = found.as_slice() else {
            panic!("{pointer}: {found:?}");
        };
        assert_eq!(found, field);
        assert!(problem.contains(says), "{field}: {problem}");
    }
}

#[test]
fn a_release_that_is_not_known_needs_an_image() {
    let by_version = |version: Value| {
        let mut spec = with("/version", version);
        spec.as_object_mut().unwrap().remove("image");
        problems(&spec)
    };
    assert_eq!(by_version(json!("4.0.19")), []);
    for version in [
        json!("3.11.17"),
        json!("5.1.0"),
        json!("5.0"),
        json!("5.0.9-beta"),
        Value::Null,
    ] {
        let found = by_version(version.clone());
        assert!(
            found.len() == 1 && found[0].0 == "spec.version" && found[0].1.contains("spec.image"),
            "{version}: {found:?}"
        );
        assert_eq!(problems(&with("/version", version)), []);
    }
}

#[test]
fn names_leave_room_for_those_of_members() {
    let rack = "r".repeat(20);
    let spec = with("/racks/0/name", json!(rack));
    let of = |cluster: &str| {
        let spec = serde_json::from_value(spec.clone()).unwrap();
        validation::problems(cluster, &spec)
    };
    assert_eq!(of(&"c".repeat(26)), []);
    let found = of(&"c".repeat(27));
    assert_eq!(found[0].field, "spec.racks[0].name");
    assert!(found[0].problem.contains("at most 46"), "{found:?}");
}

#[test]
fn problems_come_in_the_order_of_the_fields() {
    let mut spec = with("/clusterName", json!(""));
    for (pointer, value) in [
        ("racks", json!([])),
        ("storage", json!({})),
        ("datacenter", json!("-")),
    ] {
        spec[pointer] = value;
    }
    let fields: Vec<_> = problems(&spec)
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    assert_eq!(
        fields,
        [
            "spec.clusterName",
            "spec.datacenter",
            "spec.racks",
            "spec.storage.size"
        ]
    );
}
