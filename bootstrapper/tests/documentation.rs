//! docs/configuration.md says everything that a user can't set.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can't set up its world fails"
)]

use cassandra_api::{names, owned_keys, ports};

fn documentation() -> String {
    std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/configuration.md"
    ))
    .unwrap()
}

#[test]
fn every_owned_key_is_listed_with_what_to_do_instead() {
    let documentation = documentation();
    let tables = [
        owned_keys::CASSANDRA_YAML,
        owned_keys::JVM_OPTIONS,
        owned_keys::FILES,
    ];
    for owned in tables.into_iter().flatten() {
        let row = format!("| `{}` | {} |", owned.key, owned.instead);
        assert!(documentation.contains(&row), "missing: {row}");
    }
}

#[test]
fn every_default_is_listed() {
    for (name, value) in bootstrapper::render::DEFAULTS {
        let row = format!("| `{name}` | `{value}` |");
        assert!(documentation().contains(&row), "missing: {row}");
    }
}

#[test]
fn ports_and_names_are_those_in_use() {
    let documentation = documentation();
    for port in [
        ports::INTERNODE,
        ports::INTERNODE_TLS,
        ports::CQL,
        ports::JMX_EXPORTER,
        ports::AGENT,
        ports::AGENT_LOCAL,
        ports::JOLOKIA,
    ] {
        assert!(
            documentation.contains(&format!("| {port} |")),
            "missing: {port}"
        );
    }
    assert!(documentation.contains(&format!(
        "`{}`",
        names::conventional_config_map("<cluster>")
    )));
}
