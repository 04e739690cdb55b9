//! Runs the operator's real programs against a Kubernetes in memory, under a clock that does not wait.
//!
//! * [`kubernetes`]: the API server, behind kube's own client.
//! * [`actors`]: what else acts on a cluster, each with its own delay.
//! * [`conformance`]: the proof that the API server answers as a real one does.

pub mod actors;
pub mod conformance;
pub mod kubernetes;
