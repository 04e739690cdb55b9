//! What keeps the controller going: reflectors, triggers, backoff, the lease, health, and how they are put together.

mod backoff;
mod health;
mod lease;
mod run;
mod triggers;
mod watches;

pub use backoff::Backoffs;
pub use run::run;
pub use watches::Stores;
