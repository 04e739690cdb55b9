//! What keeps the controller going: reflectors, triggers, backoff, the lease, health, and how they are put together.

mod backoff;
mod health;
mod lease;
mod packed_store;
mod replica;
mod run;
mod triggers;
mod watches;

pub use backoff::Backoffs;
pub use health::Watching;
pub use lease::LeaseError;
pub use packed_store::{PackedStore, Unreadable};
pub use replica::{Replica, ReplicaOptions};
pub use run::run;
pub use watches::Stores;
