//! Scenarios on a real Kubernetes with real Cassandra, on the test bed or a cluster of yours.
//!
//! [`scenarios`] has one file for each subject; the rings that they share are made once. Every wait is for a
//! condition, with a deadline that is generous and a message that says what was awaited.
#![allow(
    clippy::indexing_slicing,
    reason = "a scenario that breaks off has failed"
)]
#![expect(
    clippy::print_stdout,
    reason = "progress on the terminal is what it is for"
)]

pub mod cli;
pub mod driver;
mod evidence;
pub mod program;
pub mod ring;
pub mod runner;
pub mod scenarios;
pub mod stage;
pub mod wait;
