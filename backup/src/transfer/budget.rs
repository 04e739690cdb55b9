//! The memory for bytes on their way. Whoever wants to read a chunk, from disk or store, waits until there is room.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};

/// Permits are for this much.
const UNIT: u64 = 1024;
/// What a blob has beside its content.
const BESIDE: u64 = 4096;

/// The memory.
#[derive(Debug, Clone)]
pub struct Budget {
    free: Arc<Semaphore>,
    units: u32,
}

/// Memory that is in use until this is dropped.
#[derive(Debug)]
pub struct Room {
    _permit: OwnedSemaphorePermit,
}

impl Budget {
    /// Of `bytes`, but never less than one blob of `largest`.
    pub fn new(bytes: u64, largest: u64) -> Self {
        let units = bytes.max(largest + BESIDE).div_ceil(UNIT);
        let units = u32::try_from(units)
            .unwrap_or(u32::MAX / 2)
            .min(u32::MAX / 2);
        Self {
            free: Arc::new(Semaphore::new(units as usize)),
            units,
        }
    }

    /// Room for a blob with this much content. What is larger than everything takes everything.
    pub async fn room(&self, bytes: u64) -> Result<Room> {
        let units = u32::try_from((bytes + BESIDE).div_ceil(UNIT)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.free)
            .acquire_many_owned(units.min(self.units))
            .await
            .map_err(|_| Error::Internal {
                what: "the memory budget was closed",
            })?;
        Ok(Room { _permit: permit })
    }

    /// How much is in use.
    pub fn used(&self) -> u64 {
        u64::from(self.units).saturating_sub(self.free.available_permits() as u64) * UNIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_gets_more_than_there_is() {
        let budget = Budget::new(1 << 20, 1000);
        let first = budget.room(600 << 10).await.unwrap();
        let second = budget.room(600 << 10);
        tokio::pin!(second);
        assert!(futures::poll!(second.as_mut()).is_pending());
        drop(first);
        assert!(futures::poll!(second.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn one_blob_always_fits() {
        let budget = Budget::new(1, 64 << 20);
        drop(budget.room(64 << 20).await.unwrap());
        drop(budget.room(1 << 40).await.unwrap());
        assert_eq!(budget.used(), 0);
    }
}
