//! Operations on a store, whatever the protocol. The rules that keep data from being lost:
//!
//! 1. Bytes are written before anything refers to them, and never changed. What refers to them is written last, in
//!    one mutation. A write that fails leaves what was there.
//! 2. Before the first byte of a blob an intent is written, so that a blob that nothing refers to is found.
//! 3. Nothing is read before a write; what a write replaces is removed later, when no read can need it.
//! 4. A write is acknowledged only if the bucket was seen to be there shortly before.

mod amend;
mod body;
mod buckets;
mod cleanup;
mod collect;
mod commit;
mod delete;
mod error;
mod fsck;
mod list;
mod read;
mod uploads;
mod write;

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

pub use self::{
    body::{Body, Expected},
    buckets::Seen,
    collect::Collected,
    delete::Deleted,
    error::{BodyError, Error, Result},
    fsck::{Depth, Report},
    list::{UploadPage, UploadQuery, VersionItem, VersionPage, VersionQuery},
    read::{Located, ObjectStream},
    uploads::{Completed, NewUpload},
    write::{NewObject, Stored},
};
use crate::{
    core::{
        gc::Grace,
        record::VersionId,
        time::{HybridClock, Micros},
    },
    environment::Environment,
    store::Store,
};

/// Bounds and times of a gateway.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Objects up to this size lie beside their record.
    pub inline: u64,
    /// The largest object that is put in one piece.
    pub put: u64,
    /// The smallest part but for the last.
    pub part: u64,
    /// How many blocks of one request are on their way at once.
    pub window: usize,
    /// Memory for bodies on their way.
    pub memory: u64,
    /// How long a bucket's settings are remembered.
    pub remember_bucket: Duration,
    /// How long before its acknowledgement a write must have seen the bucket; a bucket's deletion waits as long.
    pub bucket_settles: Duration,
    /// How many shards a new bucket has.
    pub shards: u16,
    /// How many rows a list looks at.
    pub list_rows: usize,
    /// How long things are kept.
    pub grace: Grace,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            inline: 4 << 10,
            put: 5 << 30,
            part: crate::core::upload::MIN_PART,
            window: 4,
            memory: 128 << 20,
            remember_bucket: Duration::from_secs(1),
            bucket_settles: Duration::from_millis(1500),
            shards: 16,
            list_rows: 50_000,
            grace: Grace::default(),
        }
    }
}

/// One gateway.
pub struct Gateway {
    store: Arc<dyn Store>,
    environment: Arc<dyn Environment>,
    clock: HybridClock,
    limits: Limits,
    buckets: buckets::Remembered,
    cleanups: cleanup::Queue,
    memory: Arc<tokio::sync::Semaphore>,
}

/// Memory is counted in these.
const MEMORY_UNIT: u64 = 1024;

impl Gateway {
    /// A gateway to this store.
    pub fn new(store: Arc<dyn Store>, environment: Arc<dyn Environment>, limits: Limits) -> Self {
        let units = usize::try_from(limits.memory / MEMORY_UNIT).unwrap_or(usize::MAX);
        let units = units.min(tokio::sync::Semaphore::MAX_PERMITS);
        Self {
            store,
            environment,
            clock: HybridClock::default(),
            limits,
            buckets: buckets::Remembered::default(),
            cleanups: cleanup::Queue::default(),
            memory: Arc::new(tokio::sync::Semaphore::new(units)),
        }
    }

    /// Its store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The time of day.
    pub fn now(&self) -> Micros {
        self.environment.now()
    }

    fn timestamp(&self) -> Micros {
        self.clock.next(self.environment.now())
    }

    fn seen_timestamp(&self, at: Micros) {
        self.clock.observe(at, self.environment.now());
    }

    fn version_id(&self) -> VersionId {
        let unique = u64::try_from(self.environment.random() >> 64).unwrap_or(0);
        VersionId::new(self.timestamp(), unique)
    }

    fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.environment.random().to_be_bytes()).into_uuid()
    }

    /// Memory for so many bytes on their way; there is none, or it is given back when dropped.
    pub fn reserve(&self, bytes: u64) -> Result<tokio::sync::OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.div_ceil(MEMORY_UNIT)).unwrap_or(u32::MAX);
        Arc::clone(&self.memory)
            .try_acquire_many_owned(units)
            .map_err(|_| Error::SlowDown)
    }

    /// Memory for blocks on their way: for as many at once as usual or, when memory is short, for fewer. How many, and
    /// the memory.
    fn reserve_window(
        &self,
        chunk: u64,
        beside: u64,
        most: u64,
    ) -> Result<(usize, tokio::sync::OwnedSemaphorePermit)> {
        let mut window = self.limits.window.max(1);
        loop {
            let blocks = u64::try_from(window).unwrap_or(1) + beside;
            match self.reserve((chunk * blocks).min(most.max(1))) {
                Ok(memory) => return Ok((window, memory)),
                Err(error) if window == 1 => return Err(error),
                Err(_) => window = window.div_ceil(2),
            }
        }
    }

    /// How many bytes are reserved.
    pub fn reserved(&self) -> u64 {
        self.limits.memory - self.memory.available_permits() as u64 * MEMORY_UNIT
    }
}

/// How often a call that may be repeated is tried.
const TRIES: usize = 3;

/// Repeats a call until it is done: only for calls that may be done twice.
async fn persist<T, F, C>(mut call: C) -> std::result::Result<T, crate::store::StoreError>
where
    C: FnMut() -> F + Send,
    F: Future<Output = std::result::Result<T, crate::store::StoreError>> + Send,
{
    let mut last = call().await;
    for _ in 1..TRIES {
        if last.is_ok() {
            break;
        }
        last = call().await;
    }
    last
}
