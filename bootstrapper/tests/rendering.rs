//! The rendered configuration: what it looks like, and what holds for all of them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can't set up its world fails"
)]

mod support;

use std::collections::BTreeMap;

use bootstrapper::{
    render::{Error, Place, Rendered, Setting, render},
    sources::Sources,
    yaml::{self, Node},
};
use cassandra_api::{owned_keys, revision::ConfigRevision};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::revision;

/// The sources of an image and a revision.
fn of_image(version: &str, revision: ConfigRevision) -> Sources {
    let image = std::fs::read_dir(support::image(version))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        });
    Sources {
        image: image.collect(),
        user: BTreeMap::new(),
        revision,
    }
}

/// The setting of one member.
fn setting() -> Setting {
    Setting {
        place: Place {
            cluster_name: "orders".into(),
            listen: "10.1.0.7".parse().unwrap(),
            broadcast: "10.96.0.7".parse().unwrap(),
            seeds: vec!["10.96.0.5".into(), "10.96.0.6".into()],
            data: "/var/lib/cassandra".into(),
        },
        datacenter: "south".into(),
        rack: "r2".into(),
        memory_limit_bytes: 4 << 30,
        cpu_limit_millicores: Some(2000),
        configuration: "/etc/cassandra".into(),
        extra_lib: "/extra-lib".into(),
    }
}

fn text<'a>(rendered: &'a Rendered, file: &str) -> &'a str {
    str::from_utf8(&rendered.files[file]).unwrap()
}

fn settings(rendered: &Rendered) -> BTreeMap<String, Node> {
    yaml::settings(text(rendered, "cassandra.yaml")).unwrap()
}

/// All files but those that are constant, as one text.
fn all(rendered: &Rendered) -> String {
    let shown = |name: &str| !["jolokia-policy.xml", "jmx-exporter.yaml"].contains(&name);
    let files = rendered.files.iter().filter(|(name, _)| shown(name));
    files
        .map(|(name, bytes)| format!("==> {name} <==\n{}\n", str::from_utf8(bytes).unwrap()))
        .chain(
            rendered
                .absent
                .iter()
                .map(|name| format!("==> no {name}\n")),
        )
        .collect()
}

fn configured() -> ConfigRevision {
    let inline = json!({
        "concurrent_reads": 64,
        "read_request_timeout_in_ms": 9000,
        "client_encryption_options": {"enabled": true, "keystore": "/keys/store", "keystore_password": "0042"},
        "hinted_handoff_disabled_datacenters": ["north", "east"],
        "row_cache_size": null,
    });
    ConfigRevision {
        cassandra_yaml: serde_json::from_value(inline).unwrap(),
        heap_bytes: Some(3 << 30),
        jvm_options: vec!["-XX:MaxGCPauseMillis=500".into(), "-Dshop.tier=gold".into()],
        ..revision()
    }
}

#[test]
fn an_image_of_5_0() {
    let rendered = render(&of_image("5.0", revision()), &setting()).unwrap();
    insta::assert_snapshot!(all(&rendered));
}

#[test]
fn an_image_of_4_0() {
    let rendered = render(&of_image("4.0", revision()), &setting()).unwrap();
    insta::assert_snapshot!(all(&rendered));
}

#[test]
fn settings_of_the_spec() {
    let rendered = render(&of_image("5.0", configured()), &setting()).unwrap();
    insta::assert_snapshot!(all(&rendered));
}

#[test]
fn another_yaml_parser_reads_the_same() {
    for version in ["4.0", "5.0"] {
        let rendered = render(&of_image(version, configured()), &setting()).unwrap();
        let read: BTreeMap<String, Value> =
            serde_saphyr::from_str(text(&rendered, "cassandra.yaml")).unwrap();
        assert_eq!(
            read["seed_provider"],
            json!([{
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": "10.96.0.5,10.96.0.6"}]
            }])
        );
        assert_eq!(
            read["client_encryption_options"]["keystore_password"],
            "0042"
        );
        assert_eq!(read["concurrent_reads"], 64);
        assert_eq!(read["storage_port"], 7000);
        assert_eq!(read["row_cache_size"], Value::Null);
    }
}

#[test]
fn a_file_of_the_config_map_replaces_the_image_s() {
    let mut sources = of_image("5.0", configured());
    let file = b"concurrent_reads: 8\nconcurrent_writes: 8\ncluster_name: mine\n";
    sources.user.insert("cassandra.yaml".into(), file.to_vec());
    sources
        .user
        .insert("logback.xml".into(), b"<configuration/>".to_vec());
    sources.user.insert(
        "jvm17-server.options".into(),
        b"-XX:+UseZGC\n-Xmx9G\n-javaagent:x\n".to_vec(),
    );
    sources
        .user
        .insert("jmx-exporter.yaml".into(), b"rules: []\n".to_vec());
    let rendered = render(&sources, &setting()).unwrap();
    let settings = settings(&rendered);
    assert_eq!(settings["concurrent_writes"], Node::plain("8"), "the file");
    assert_eq!(settings["concurrent_reads"], Node::plain("64"), "the spec");
    assert_eq!(settings["cluster_name"], Node::text("orders"), "owned");
    assert_eq!(
        settings["num_tokens"],
        Node::plain("16"),
        "the operator's default"
    );
    assert!(
        !settings.contains_key("memtable"),
        "nothing of the image's file"
    );
    assert_eq!(text(&rendered, "logback.xml"), "<configuration/>");
    assert_eq!(text(&rendered, "jvm17-server.options"), "-XX:+UseZGC\n");
    assert_eq!(text(&rendered, "jmx-exporter.yaml"), "rules: []\n");
}

#[test]
fn a_configuration_that_cannot_be_used_says_where_and_why() {
    let broken = |file: &str, content: &[u8]| {
        let mut sources = of_image("5.0", revision());
        sources.user.insert(file.into(), content.to_vec());
        render(&sources, &setting()).unwrap_err().to_string()
    };
    for (file, content, said) in [
        (
            "cassandra.yaml",
            &b"a: [\n"[..],
            "cassandra.yaml of the ConfigMap can't be used: it is not YAML (line ",
        ),
        (
            "cassandra.yaml",
            b"- a\n",
            "cassandra.yaml of the ConfigMap can't be used: it is not a mapping",
        ),
        (
            "jvm-server.options",
            b"-Da=\xff\n",
            "jvm-server.options of the ConfigMap can't be used: it is not UTF-8",
        ),
        (
            "cassandra-rackdc.properties",
            b"",
            "cassandra-rackdc.properties of the ConfigMap is owned",
        ),
        (
            "jolokia-policy.xml",
            b"",
            "jolokia-policy.xml of the ConfigMap is owned",
        ),
    ] {
        let text = broken(file, content);
        assert!(text.starts_with(said), "{text}");
    }
    let mut sources = of_image("5.0", revision());
    sources.image.remove("cassandra.yaml");
    let error = render(&sources, &setting()).unwrap_err();
    assert!(matches!(error, Error::NoCassandraYaml), "{error}");
}

#[test]
fn the_exporter_s_rules_are_yaml_and_every_kind_that_is_included_has_one() {
    let rendered = render(&of_image("5.0", revision()), &setting()).unwrap();
    let exporter: Value = serde_saphyr::from_str(text(&rendered, "jmx-exporter.yaml")).unwrap();
    let rules = exporter["rules"].as_array().unwrap();
    for included in exporter["includeObjectNames"].as_array().unwrap() {
        let kind = included.as_str().unwrap().split(['=', ',']).nth(1).unwrap();
        let names = |rule: &Value| rule["pattern"].as_str().unwrap().contains(kind);
        assert!(rules.iter().any(names), "{kind}");
    }
}

/// The official image's entrypoint edits cassandra.yaml by `sed` with its own idea of the addresses: a member
/// that is made its own seed would begin another ring.
#[test]
fn the_entrypoint_of_the_official_image_finds_nothing_to_edit() {
    let rendered = render(&of_image("5.0", revision()), &setting()).unwrap();
    for line in text(&rendered, "cassandra.yaml").lines() {
        assert!(!line.contains("- seeds:"), "{line}");
        let line = line.trim_start_matches("# ");
        assert!(
            !line.starts_with(|c: char| c.is_alphabetic() && c.is_lowercase()),
            "{line}"
        );
    }
}

/// Any value that YAML or JSON can hold.
fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    scalar.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{1,6}", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Any mapping of settings, owned ones often among them.
fn layer() -> impl Strategy<Value = BTreeMap<String, Value>> {
    let owned: Vec<_> = owned_keys::CASSANDRA_YAML
        .iter()
        .map(|o| o.key.to_owned())
        .collect();
    let key = prop_oneof![proptest::sample::select(owned), "[a-z_]{1,20}"];
    proptest::collection::btree_map(key, value(), 0..12)
}

fn option() -> impl Strategy<Value = String> {
    prop_oneof![
        "-XX:[+-]Use[A-C]{1,2}",
        "-XX:[A-C]{1,2}=[0-9]",
        "-D[a-c]{1,2}=[a-z]",
        "-(Xss|Xmn|Xmx|Xms)[1-9]m",
        "--add-opens [a-c]=b",
        "-XX:\\+Use(G1|ConcMarkSweep|Z)GC",
        "# [a-z -]{0,9}",
        Just(String::new()),
    ]
}

fn any_sources() -> impl Strategy<Value = Sources> {
    let options = || proptest::collection::vec(option(), 0..8);
    let set = options().prop_map(|o| o.into_iter().filter(|o| o.starts_with('-')).collect());
    let files = (layer(), options(), options(), any::<bool>());
    (files, layer(), set).prop_map(|((yaml, main, other, of_user), inline, set)| {
        let mut sources = of_image("5.0", revision());
        sources.revision.cassandra_yaml = inline;
        sources.revision.jvm_options = set;
        let files = if of_user {
            &mut sources.user
        } else {
            &mut sources.image
        };
        files.insert("cassandra.yaml".into(), serde_json::to_vec(&yaml).unwrap());
        files.insert("jvm-server.options".into(), main.join("\n").into_bytes());
        files.insert("jvm17-server.options".into(), other.join("\n").into_bytes());
        sources
    })
}

proptest! {
    #[test]
    fn rendering_what_was_rendered_changes_nothing(sources in any_sources()) {
        let once = render(&sources, &setting()).unwrap();
        let mut again = sources.clone();
        again.image.extend(once.files.clone());
        prop_assert_eq!(render(&again, &setting()).unwrap(), once);
    }

    #[test]
    fn owned_keys_always_win(sources in any_sources()) {
        let image = of_image("5.0", revision());
        let expected = settings(&render(&image, &setting()).unwrap());
        let found = settings(&render(&sources, &setting()).unwrap());
        for owned in owned_keys::CASSANDRA_YAML {
            prop_assert_eq!(found.get(owned.key), expected.get(owned.key), "{}", owned.key);
        }
    }

    #[test]
    fn the_heap_is_set_once(sources in any_sources()) {
        let rendered = render(&sources, &setting()).unwrap();
        let files = rendered.files.keys().filter(|name| name.starts_with("jvm"));
        let lines: Vec<_> = files.flat_map(|name| text(&rendered, name).lines()).collect();
        for option in ["-Xms", "-Xmx"] {
            prop_assert_eq!(lines.iter().filter(|line| line.starts_with(option)).count(), 1);
        }
    }
}
