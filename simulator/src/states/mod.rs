//! Tier T0: the controller's decision on every state of a small world. Each state is built of real objects; the plan is
//! looked at, not carried out.

mod all_states;
mod baseline;
pub mod checks;
mod cluster;
mod digits;
mod member_case;
mod member_objects;
mod pods;
mod possible;
mod run;
mod state;
mod state_space;

pub use all_states::AllStates;
pub use cluster::{Founded, Record, Spec, Turn};
pub use member_case::{MemberCase, PodCase, VolumeCase};
pub use run::{Failure, Outcome, enumerate, judge};
pub use state::{State, View};
