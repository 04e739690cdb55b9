//! Ports of a member's pod. Only [`CQL`] is on a Service that clients use.

/// Gossip and streaming between nodes, `storage_port`.
pub const INTERNODE: i32 = 7000;
/// Encrypted gossip and streaming, `ssl_storage_port`.
pub const INTERNODE_TLS: i32 = 7001;
/// CQL clients, `native_transport_port`.
pub const CQL: i32 = 9042;
/// Metrics of the Cassandra process, by the JMX exporter.
pub const JMX_EXPORTER: i32 = 7070;
/// The agent's `/live`, `/ready` and `/metrics`.
pub const AGENT: i32 = 8090;
/// The agent's answers to the bootstrapper. Bound to loopback only.
pub const AGENT_LOCAL: i32 = 8091;
/// Jolokia, the management interface of the Cassandra process. Bound to loopback only.
pub const JOLOKIA: i32 = 8778;
