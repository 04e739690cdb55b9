//! Typed client of one Cassandra node's management interface, Jolokia on loopback, what the programs of one pod say to
//! each other, and the files that they keep on its volume.
//!
//! [`Management`] asks one node, never a ring: what it says of others is its own view. Every call has a time
//! limit of its own, since a Cassandra that hangs still accepts connections. What may be called is one table, in
//! [`calls`], and the allow-list that Jolokia is started with, [`POLICY_XML`], is made of the same table.

pub mod calls;
mod endpoint;
mod error;
mod facts;
pub mod files;

mod agent_client;
mod jolokia;
mod management;
pub mod marker;
mod replication;
pub mod start_request;
pub mod versioned_file;

pub use agent_client::AgentClient;
pub use calls::POLICY_XML;
pub use endpoint::Endpoint;
pub use error::Error;
pub use facts::{Mode, NodeFacts};
pub use management::{Config, Keyspaces, Management};
