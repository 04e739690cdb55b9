//! The proof that the simulated API server answers as a real one does: random sequences of requests are sent to
//! both, and every answer, the objects at the end and every event of a watch are compared.
//!
//! * [`plan`]: what is sent, from a seed. * [`side`]: one of the two servers. * [`compare`]: what is the same.
//! * [`mod@run`]: all sequences, and what to print of a difference.

pub mod compare;
mod dice;
mod objects;
pub mod plan;
pub mod run;
pub mod side;

pub use run::{Options, Report, run};
