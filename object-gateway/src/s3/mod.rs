//! The protocol: what `s3s` has parsed is turned into an operation, and what the operation gives into an answer.

mod access;
mod body;
mod buckets;
mod convert;
mod errors;
mod grants;
mod headers;
mod listing;
mod objects;
mod service;
mod settings;
mod uploads;

use std::sync::Arc;

pub use self::access::{Hook, RequestInfo};
use crate::{keys::Keyring, ops::Gateway};

/// The S3 service of one gateway.
#[derive(Clone)]
pub struct Service {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) keys: Arc<Keyring>,
    pub(crate) region: Arc<str>,
}

impl Service {
    /// Of this gateway, for these tenants.
    pub fn new(gateway: Arc<Gateway>, keys: Arc<Keyring>, region: &str) -> Self {
        Self {
            gateway,
            keys,
            region: Arc::from(region),
        }
    }
}
