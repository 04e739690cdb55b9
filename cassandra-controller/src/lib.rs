//! The controller of `CassandraCluster`: makes one `CassandraMember` with its Service, volume and workload for each
//! Cassandra node, and permits starts, one member at a time.
//!
//! Start at [`cluster`]; what it may decide is in `cluster/decide`, one rule a file. It never writes the spec of a
//! user's object, and never a Member's status.

pub mod cli;
pub mod clock;
pub mod cluster;
pub mod fields;
pub mod metrics;
pub mod runtime;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
