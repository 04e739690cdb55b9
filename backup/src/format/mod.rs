//! What is in the objects. `docs/backup-format.md` describes it for those who have to read it without this program.

pub mod commit;
pub mod digest;
pub mod document;
pub mod envelope;
pub mod intent;
pub mod manifest;
pub mod refs;
pub mod repository;
