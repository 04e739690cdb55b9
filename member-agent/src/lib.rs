//! The agent of one Cassandra node, a sidecar in its pod. It observes the node, tells Kubernetes what is true
//! of it in the status of its `CassandraMember`, and answers the bootstrapper's question for the permit to start.
//!
//! One pass of the agent is observe → decide → act → report: [`reading`] and [`volume`] observe; [`state`],
//! [`joining`], [`seeds`] and [`status`] decide, without IO; [`agent`] acts; [`report`] writes. Every pass
//! looks anew, so that nothing is lost when the agent is restarted, and its restart never touches Cassandra.
//! Beside the passes, in a task of its own, [`operation`] carries out what the member is asked to do.
//!
//! It needs no operator: whoever writes the `CassandraMember` and runs this beside the node gets the status.

pub mod agent;
pub mod clock;
pub mod error;
#[cfg(test)]
mod fixtures;
pub mod joining;
pub mod member;
pub mod metrics;
pub mod operation;
pub mod options;
pub mod probes;
pub mod reading;
pub mod report;
mod run;
pub mod seeds;
pub mod sidecar;
pub mod start_request;
pub mod state;
pub mod status;
pub mod volume;

pub use run::run;
