//! What keeps the controller going: reflectors, triggers, backoff, the lease, health, and how they are put together.

mod backoff;
mod health;
mod lease;
mod packed_store;
mod run;
mod triggers;
mod watches;

pub use backoff::Backoffs;
pub use packed_store::{PackedStore, Unreadable};
pub use run::run;
pub use watches::Stores;
