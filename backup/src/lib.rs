//! Backups of Apache Cassandra in object stores.
//!
//! Knows Cassandra's files and an object store; nothing of Kubernetes, and no Cassandra that runs. Begin with [`keys`]
//! for what lies where, `docs/backup-format.md` for why.

pub mod catalogue;
pub mod commit;
pub mod crypto;
pub mod error;
pub mod format;
pub mod gc;
pub mod ids;
pub mod keys;
pub mod medusa;
pub mod node_backup;
pub mod plan;
pub mod probe;
pub mod repository;
pub mod retention;
pub mod store;
pub mod swap;
pub mod transfer;
pub mod verify;

pub use error::{Error, ErrorClass, Result};

#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
