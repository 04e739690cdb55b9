//! A Kubernetes with the operator in it, for the demo, the tests and the benchmarks: the test bed on this machine, or
//! one that the user names.
//!
//! * `bed`: three nodes on one machine; `images`: what runs on them, without a container engine.
//! * `operator_image` and `install`: the operator, built from the sources and put into a Kubernetes.
//! * `s3_server`, `s3_clients`: those of others, for the tests of backups and of the gateway.
//! * `setup`: what the machine must have; `target`: which Kubernetes; `cache`: where what was built is kept.
//! * `process`, `background`, `wait`, `progress`: programs of the machine, and what the person who waits is told.
#![expect(
    clippy::print_stdout,
    reason = "what takes minutes tells the person who waits how far it is"
)]

pub mod background;
pub mod bed;
pub mod cache;
pub mod images;
pub mod install;
pub mod loopback;
pub mod operator_image;
pub mod process;
pub mod progress;
pub mod s3_clients;
pub mod s3_server;
pub mod setup;
pub mod target;
pub mod wait;
pub mod workspace;
