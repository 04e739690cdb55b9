//! cassandra.yaml: the file < the operator's defaults for what it lacks < the spec's settings < owned keys.
//! A setting of a higher layer replaces the whole setting of a lower one, mappings and lists included.

use std::{collections::BTreeMap, net::IpAddr};

use cassandra_api::ports;
use serde_json::Value;

use super::{Node, renamed_keys::newest};
use crate::yaml;

/// What the operator sets where neither the file nor the spec does: what Cassandra needs to start, and the
/// number of tokens, which is one by its own default.
pub const DEFAULTS: &[(&str, &str)] = &[
    ("num_tokens", "16"),
    ("partitioner", "org.apache.cassandra.dht.Murmur3Partitioner"),
    ("commitlog_sync", "periodic"),
    // The name that all of 4.0, 4.1 and 5.0 take.
    ("commitlog_sync_period_in_ms", "10000"),
];

/// Keys that are owned by not being there.
const REMOVED: &[&str] = &[
    "listen_interface",
    "rpc_interface",
    "listen_on_broadcast_address",
    "initial_token",
    "local_system_data_file_directory",
];

/// Where this node is in its ring.
#[derive(Clone, Debug)]
pub struct Place {
    /// Cassandra's `cluster_name`.
    pub cluster_name: String,
    /// The pod's own address, to listen on.
    pub listen: IpAddr,
    /// The address that other nodes and clients use.
    pub broadcast: IpAddr,
    /// Addresses of the seeds.
    pub seeds: Vec<String>,
    /// The data folder.
    pub data: String,
}

/// The text of cassandra.yaml.
pub(super) fn render(
    file: &str,
    inline: &BTreeMap<String, Value>,
    place: &Place,
) -> Result<String, yaml::Error> {
    let mut settings = yaml::settings(file)?;
    for (name, value) in inline {
        set(&mut settings, name, Node::from_json(value));
    }
    for (name, value) in DEFAULTS {
        if !settings.keys().any(|key| newest(key) == newest(name)) {
            settings.insert((*name).to_owned(), Node::plain(*value));
        }
    }
    for name in REMOVED {
        settings.remove(*name);
    }
    for (name, value) in owned(place) {
        set(&mut settings, name, value);
    }
    Ok(format!("{}{}", super::HEADER, yaml::write(&settings)))
}

/// Sets one setting, in place of any other name that it has.
fn set(settings: &mut BTreeMap<String, Node>, name: &str, value: Node) {
    settings.retain(|key, _| newest(key) != newest(name));
    settings.insert(name.to_owned(), value);
}

/// The keys that the operator sets, whatever any layer says.
fn owned(place: &Place) -> Vec<(&'static str, Node)> {
    let folder = |name: &str| Node::text(format!("{}/{name}", place.data.trim_end_matches('/')));
    let number = |port: i32| Node::plain(port.to_string());
    let any = if place.listen.is_ipv4() {
        "0.0.0.0"
    } else {
        "::"
    };
    vec![
        ("cluster_name", Node::text(&place.cluster_name)),
        ("seed_provider", seed_provider(&place.seeds)),
        ("listen_address", Node::text(place.listen.to_string())),
        ("broadcast_address", Node::text(place.broadcast.to_string())),
        ("rpc_address", Node::text(any)),
        (
            "broadcast_rpc_address",
            Node::text(place.broadcast.to_string()),
        ),
        ("endpoint_snitch", Node::text("GossipingPropertyFileSnitch")),
        ("storage_port", number(ports::INTERNODE)),
        ("ssl_storage_port", number(ports::INTERNODE_TLS)),
        ("native_transport_port", number(ports::CQL)),
        ("start_native_transport", Node::plain("true")),
        ("auto_bootstrap", Node::plain("true")),
        ("data_file_directories", Node::List(vec![folder("data")])),
        ("commitlog_directory", folder("commitlog")),
        ("hints_directory", folder("hints")),
        ("saved_caches_directory", folder("saved_caches")),
        ("cdc_raw_directory", folder("cdc_raw")),
    ]
}

fn seed_provider(seeds: &[String]) -> Node {
    let entry = |name: &str, value| (Node::text(name), value);
    let parameters = Node::Mapping(vec![entry("seeds", Node::text(seeds.join(",")))]);
    Node::List(vec![Node::Mapping(vec![
        entry(
            "class_name",
            Node::text("org.apache.cassandra.locator.SimpleSeedProvider"),
        ),
        entry("parameters", Node::List(vec![parameters])),
    ])])
}

#[cfg(test)]
mod tests {
    use cassandra_api::owned_keys;
    use serde_json::json;

    use super::*;

    pub(crate) fn place() -> Place {
        Place {
            cluster_name: "orders".into(),
            listen: "10.1.0.7".parse().unwrap(),
            broadcast: "10.96.0.7".parse().unwrap(),
            seeds: vec!["10.96.0.5".into(), "10.96.0.6".into()],
            data: "/var/lib/cassandra".into(),
        }
    }

    fn rendered(file: &str, inline: Value) -> BTreeMap<String, Node> {
        let inline = serde_json::from_value(inline).unwrap();
        yaml::settings(&render(file, &inline, &place()).unwrap()).unwrap()
    }

    #[test]
    fn every_owned_key_is_set_or_removed() {
        let set: Vec<_> = owned(&place()).into_iter().map(|(key, _)| key).collect();
        for owned in owned_keys::CASSANDRA_YAML {
            assert!(
                set.contains(&owned.key) != REMOVED.contains(&owned.key),
                "{}",
                owned.key
            );
        }
        assert_eq!(set.len() + REMOVED.len(), owned_keys::CASSANDRA_YAML.len());
    }

    #[test]
    fn an_ipv6_node_listens_on_ipv6_and_has_its_seeds_as_they_are() {
        let place = Place {
            listen: "fd00:1::7".parse().unwrap(),
            broadcast: "fd00:2::7".parse().unwrap(),
            seeds: vec!["fd00:2::5".into(), "fd00:2::6".into()],
            ..place()
        };
        let text = render("", &BTreeMap::new(), &place).unwrap();
        let settings = yaml::settings(&text).unwrap();
        assert_eq!(settings["listen_address"], Node::text("fd00:1::7"));
        assert_eq!(settings["rpc_address"], Node::text("::"));
        assert_eq!(settings["broadcast_rpc_address"], Node::text("fd00:2::7"));
        // Cassandra takes what has more than one colon for an address without a port.
        assert!(text.contains("\"fd00:2::5,fd00:2::6\""), "{text}");
    }

    #[test]
    fn a_setting_of_the_spec_replaces_the_file_s_whole_setting() {
        let file = "client_encryption_options:\n  enabled: false\n  keystore: conf/.keystore\n";
        let settings = rendered(
            file,
            json!({"client_encryption_options": {"enabled": true}}),
        );
        assert_eq!(
            settings["client_encryption_options"],
            Node::Mapping(vec![(Node::text("enabled"), Node::plain("true"))])
        );
    }

    #[test]
    fn a_setting_of_the_spec_replaces_the_other_name_of_the_same_setting() {
        for (file, name) in [
            (
                "commitlog_sync_period: 10000ms",
                "commitlog_sync_period_in_ms",
            ),
            (
                "commitlog_sync_period_in_ms: 10000",
                "commitlog_sync_period",
            ),
            (
                "compaction_large_partition_warning_threshold_mb: 100",
                "partition_size_warn_threshold",
            ),
        ] {
            let settings = rendered(file, json!({name: 1}));
            let same = settings.keys().filter(|key| newest(key) == newest(name));
            assert_eq!(same.collect::<Vec<_>>(), [name]);
        }
    }

    #[test]
    fn a_default_is_for_what_no_layer_has() {
        let settings = rendered("num_tokens: 8\ncommitlog_sync_period: 1s", json!({}));
        assert_eq!(settings["num_tokens"], Node::plain("8"));
        assert!(!settings.contains_key("commitlog_sync_period_in_ms"));
        assert_eq!(
            rendered("", json!({"num_tokens": 4}))["num_tokens"],
            Node::plain("4")
        );
        assert_eq!(rendered("", json!({}))["num_tokens"], Node::plain("16"));
    }
}
