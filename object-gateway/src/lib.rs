//! S3 on a Cassandra ring: a gateway that any S3 client can talk to, and that keeps what it is given in Cassandra.
//!
//! - [`core`] decides, without IO: lists, conditions, access, checksums, what may be deleted.
//! - [`store`] is what is stored and how: a trait, in memory with faults for tests, and in Cassandra.
//! - [`ops`] carries operations out on a store; the collector and the checker are there as well.
//! - [`s3`] speaks the protocol, by the crate `s3s`; [`front`] is what stands before it.
//!
//! Nothing here knows Kubernetes.

pub mod cli;
pub mod core;
pub mod environment;
pub mod front;
pub mod keys;
pub mod metrics;
pub mod ops;
pub mod run;
pub mod s3;
pub mod server;
pub mod store;
