//! Field managers of server-side apply, one for each scope. Never renamed without a migration: fields that an
//! old name owns would stay for ever.

/// Objects that belong to a whole cluster.
pub const CLUSTER: &str = "cassandra-controller/cluster";
/// Members and the objects of one member.
pub const MEMBER: &str = "cassandra-controller/member";
/// The condition Waiting in a Member's status, whose other fields are its agent's.
pub const WAITING: &str = "cassandra-controller/waiting";
/// The cluster's status, but for what [`RECORD`] writes.
pub const STATUS: &str = "cassandra-controller/status";
/// The record in the cluster's status, which is written by compare-and-swap.
pub const RECORD: &str = "cassandra-controller/record";

/// Whether this is one of the managers above.
pub(crate) fn is_ours(manager: &str) -> bool {
    [CLUSTER, MEMBER, WAITING, STATUS, RECORD].contains(&manager)
}
