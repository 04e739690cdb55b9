//! Whole backups and restores, on stores that work and on stores that do not.

mod backup_and_restore;
mod conformance;
mod crashes;
mod faults;
mod interleavings;
mod medusa;
mod probe;
mod world;
