//! What of Cassandra's configuration belongs to the operator, and is refused when a user sets it.
//! The CRD refuses these keys at admission; the controller checks ConfigMap files by the same table.

/// A key of cassandra.yaml that the operator sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedKey {
    /// The key in cassandra.yaml.
    pub key: &'static str,
    /// Why it is owned, or what to set instead.
    pub instead: &'static str,
}

const fn owned(key: &'static str, instead: &'static str) -> OwnedKey {
    OwnedKey { key, instead }
}

/// Every key of cassandra.yaml that a user can't set.
pub const CASSANDRA_YAML: &[OwnedKey] = &[
    owned("cluster_name", "set spec.clusterName"),
    owned(
        "seed_provider",
        "seeds are chosen among the members that have joined",
    ),
    owned("listen_address", "it is the pod's address"),
    owned("listen_interface", "it is the pod's address"),
    owned("listen_on_broadcast_address", "set spec.network.broadcast"),
    owned("broadcast_address", "set spec.network.broadcast"),
    owned("rpc_address", "CQL listens on every address of the pod"),
    owned("rpc_interface", "CQL listens on every address of the pod"),
    owned("broadcast_rpc_address", "set spec.network.broadcast"),
    owned(
        "endpoint_snitch",
        "racks need GossipingPropertyFileSnitch; set spec.racks",
    ),
    owned("storage_port", "the Services name port 7000"),
    owned("ssl_storage_port", "the Services name port 7001"),
    owned("native_transport_port", "the Services name port 9042"),
    owned("start_native_transport", "readiness needs it"),
    owned(
        "auto_bootstrap",
        "members join one at a time, by the operator's permit",
    ),
    owned("initial_token", "tokens are allocated by Cassandra"),
    owned("data_file_directories", "data is on the member's volume"),
    owned(
        "local_system_data_file_directory",
        "data is on the member's volume",
    ),
    owned("commitlog_directory", "data is on the member's volume"),
    owned("hints_directory", "data is on the member's volume"),
    owned("saved_caches_directory", "data is on the member's volume"),
    owned("cdc_raw_directory", "data is on the member's volume"),
];

/// Beginnings of JVM options that a user can't set.
pub const JVM_OPTIONS: &[OwnedKey] = &[
    owned("-Xmx", "set spec.config.jvm.heap"),
    owned("-Xms", "set spec.config.jvm.heap"),
    owned("-javaagent:", "the operator's agents are set already"),
    owned(
        "-Dcassandra.replace_address",
        "not there yet; docs/recovery.md says how a member joins anew",
    ),
    owned(
        "-Dcassandra.join_ring",
        "members join by the operator's permit",
    ),
    owned("-Dcassandra.config=", "set spec.config.cassandraYaml"),
    owned(
        "-Dcassandra.jmx.remote.port",
        "management is on loopback only",
    ),
    owned(
        "-Dcassandra.initial_token",
        "tokens are allocated by Cassandra",
    ),
    owned("-Dcassandra.allow_unsafe_", "it can lose data"),
];

/// Files of the user's ConfigMap that would not be used.
pub const FILES: &[OwnedKey] = &[
    owned(
        "cassandra-rackdc.properties",
        "set spec.datacenter and spec.racks",
    ),
    owned(
        "cassandra-topology.properties",
        "racks need GossipingPropertyFileSnitch",
    ),
    owned("jolokia-policy.xml", "it guards the management interface"),
];

/// The owned key that this one is, if it is.
pub fn in_cassandra_yaml(key: &str) -> Option<&'static OwnedKey> {
    CASSANDRA_YAML.iter().find(|owned| owned.key == key)
}

/// The owned option that this one begins with, if it does.
pub fn in_jvm_options(option: &str) -> Option<&'static OwnedKey> {
    JVM_OPTIONS
        .iter()
        .find(|owned| option.starts_with(owned.key))
}

/// The owned file that this one is, if it is.
pub fn in_files(name: &str) -> Option<&'static OwnedKey> {
    FILES.iter().find(|owned| owned.key == name)
}
