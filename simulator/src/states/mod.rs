//! Tier T0: the controller's decision on every state of a small world. Each state is built of real objects; the plan is
//! looked at, not carried out.

mod bedrock;
pub mod checks;
mod cluster;
mod digits;
mod family;
mod life;
mod parts;
mod pods;
mod possible;
mod run;
mod space;
mod state;

pub use cluster::{Founded, Record, Spec, Turn};
pub use life::Life;
pub use run::{Failure, Outcome, enumerate, judge};
pub use space::Space;
pub use state::{State, View};
