//! The proof that the simulated API server answers as a real one does: random sequences of requests are sent to
//! both, and every answer, everybody's rights, the objects at the end and every event of a watch are compared.
//!
//! * [`plan`]: what is sent, from a seed. * [`side`]: one of the two servers. * [`compare`]: what is the same.
//! * `sequence`: one sequence, on both. * `clock`: the simulated server's.
//! * `rights`, `ready`, `wait`: what a real server does a moment later.
//! * [`mod@run`]: all sequences. * `shrink`: a shorter sequence with the same difference.

mod clock;
pub mod compare;
mod dice;
mod ends;
mod objects;
pub mod plan;
#[cfg(test)]
mod planted;
mod ready;
mod rights;
pub mod run;
mod sequence;
mod shrink;
pub mod side;
mod wait;

pub use run::{Options, Report, run};
