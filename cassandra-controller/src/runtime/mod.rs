//! What keeps controllers going: reflectors, triggers, retry delays, the Lease, health, and how they are put together.
//! It knows none of the kinds that are worked on: a controller brings them (see [`Controller`]).

mod backoff;
mod comparison;
mod controller;
mod health;
mod lease;
mod packed_store;
mod raw;
mod replica;
mod run;
mod triggers;
mod watches;

pub use backoff::{Backoffs, ErrorClass};
pub use comparison::Comparison;
pub use controller::{Controller, Prepared, Scope, reconcile_each};
pub use health::Watching;
pub use lease::LeaseError;
pub use packed_store::{Found, Keeping, PackedStore, Shape, Unreadable};
pub use replica::{Replica, ReplicaOptions};
pub use run::run;
pub use triggers::Triggers;
pub use watches::Watches;
