//! Runs the operator's real programs against a Kubernetes and a Cassandra in memory, under a clock that does not wait.
//!
//! * [`kubernetes`]: the API server, behind kube's own client; [`conformance`]: the proof that it answers as a real one.
//! * [`actors`]: what else acts on a cluster, each with a delay of its own; [`ring`]: Cassandra.
//! * [`simulation`]: one run; [`scenarios`]: what is played in it; [`faults`]: what goes wrong in them.
//! * [`components`]: which of them are the operator's.
//! * [`oracles`]: what must never happen, and what must come about.
//! * [`states`]: the controller's decision alone, on every state of a small world.

pub mod actors;
pub mod cli;
pub mod components;
pub mod conformance;
pub mod faults;
mod json;
pub mod kubernetes;
pub mod oracles;
pub mod ring;
pub mod run;
pub mod scenarios;
pub mod simulation;
pub mod states;
pub mod tiers;
