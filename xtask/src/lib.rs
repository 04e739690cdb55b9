//! The project's own tasks: what a build tool would call scripts, as a library so that the
//! end-to-end tests and the demo use the same code as the command line.
#![expect(
    clippy::print_stdout,
    reason = "a task talks to the person who runs it"
)]

pub mod api_deps;
pub mod background;
pub mod bench;
pub mod cache;
pub mod cli;
pub mod conformance;
pub mod demo;
pub mod generated;
pub mod images;
pub mod install;
pub mod mutants;
pub mod operator_image;
pub mod process;
pub mod progress;
pub mod sim;
pub mod stages;
pub mod target;
pub mod testbed;
pub mod wait;
pub mod workspace;
