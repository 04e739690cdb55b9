//! The Kubernetes API of the Cassandra operator: `CassandraCluster` and `CassandraMember`, and the
//! names, labels, conditions and waiting rules that go with them.
//!
//! This crate does no IO and has no Kubernetes client, so that other operators can embed it at little
//! cost. Start at [`v1alpha1`]; an operator that writes Members for its own pods needs
//! [`CassandraMember`](v1alpha1::CassandraMember), [`labels`] and [`ports`].
//!
//! The types of kube and k8s-openapi are part of the public API: the major version of this crate rises
//! with kube's, and both are re-exported so that embedders use the same versions.
#![deny(missing_docs)]

pub mod conditions;
pub mod identity;
pub mod labels;
pub mod names;
pub mod owned_keys;
pub mod ports;
pub mod quantity;
pub mod revision;
pub mod rules;
#[cfg(feature = "testing")]
pub mod testing;
pub mod v1alpha1;
pub mod validation;

pub use k8s_openapi;
pub use kube::core as kube_core;

/// The API group of every kind.
pub const GROUP: &str = "cassandra-operator.rs";
