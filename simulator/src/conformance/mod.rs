//! The proof that the simulated API server answers as a real one does: random sequences of requests are sent to
//! both, and every answer, everybody's rights, the objects at the end and every event of a watch are compared.
//!
//! * [`plan`]: what is sent, from a seed; [`ask`]: one request. * [`side`]: one of the two servers.
//! * `data/`: the kinds, their objects and the requests, as tables; `kinds`, `requests`: who reads them; `template`: how
//!   what varies in them is written.
//! * [`compare`]: what is the same.
//! * `sequence`: one sequence, on both. * `clock`: the simulated server's.
//! * `rights`, `ready`, `wait`: what a real server does a moment later.
//! * [`mod@run`]: all sequences. * `shrink`: a shorter sequence with the same difference.

pub mod ask;
mod clock;
pub mod compare;
#[cfg(test)]
mod covered;
mod dice;
mod ends;
mod kinds;
pub mod plan;
mod ready;
mod requests;
mod rights;
pub mod run;
#[cfg(test)]
mod seeded_differences;
mod sequence;
mod shrink;
pub mod side;
mod template;
mod wait;

pub use run::{Options, Report, run};
