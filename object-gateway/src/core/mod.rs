//! What the gateway decides, without IO: every function here takes data and returns data.

pub mod acl;
pub mod checksum;
pub mod cors;
pub mod gc;
pub mod lifecycle;
pub mod listing;
pub mod names;
pub mod policy;
pub mod precondition;
pub mod range;
pub mod rate;
pub mod record;
pub mod settings;
pub mod tags;
pub mod time;
pub mod token;
pub mod upload;
pub mod versions;
