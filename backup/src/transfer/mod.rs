//! Bytes between disk and store: one budget of memory and one limit of speed for everything that a process moves.

pub mod budget;
pub mod download;
mod files;
pub mod journal;
pub mod progress;
pub mod rate;
pub mod upload;

use std::sync::Arc;

use budget::Budget;
use progress::Progress;
use rate::Rate;
use tokio::sync::Semaphore;

/// How much may be moved at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Memory for bytes on their way. It has to hold one chunk at least; if it does not, it is taken as one.
    pub memory_bytes: u64,
    /// Requests that carry bytes at once.
    pub concurrency: usize,
    /// Bytes in a second.
    pub bytes_per_second: Option<u64>,
    /// Requests that carry bytes in a second.
    pub requests_per_second: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 128 << 20,
            concurrency: 16,
            bytes_per_second: None,
            requests_per_second: None,
        }
    }
}

/// What all transfers of a process share.
#[derive(Debug, Clone)]
pub struct Transfer {
    pub(crate) budget: Budget,
    pub(crate) rate: Arc<Rate>,
    pub(crate) workers: Arc<Semaphore>,
    pub(crate) window: usize,
    /// How far it has come.
    pub progress: Arc<Progress>,
}

impl Transfer {
    /// With these limits, for blobs of at most `largest` bytes.
    pub fn new(limits: Limits, largest: u64) -> Self {
        let concurrency = limits.concurrency.max(1);
        Self {
            budget: Budget::new(limits.memory_bytes, largest),
            rate: Arc::new(Rate::new(
                limits.bytes_per_second,
                limits.requests_per_second,
            )),
            workers: Arc::new(Semaphore::new(concurrency)),
            // Enough SSTables at once that the workers never wait for the next.
            window: concurrency * 2,
            progress: Arc::default(),
        }
    }

    /// The limit of speed, which may be changed while bytes move.
    pub fn rate(&self) -> &Rate {
        &self.rate
    }
}
