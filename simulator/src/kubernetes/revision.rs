//! A revision that is followed. Unlike tokio's `watch`, it wakes those who wait in the order in which they came, so that
//! runs of one seed are alike.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Notify;

#[derive(Debug, Default)]
struct Shared {
    value: AtomicU64,
    news: Notify,
}

/// A revision that rises.
#[derive(Debug, Default)]
pub(super) struct Revision(Arc<Shared>);

/// Follows a revision.
#[derive(Clone, Debug)]
pub struct Follow {
    shared: Arc<Shared>,
    seen: u64,
}

impl Revision {
    pub(super) fn get(&self) -> u64 {
        self.0.value.load(Ordering::Acquire)
    }

    pub(super) fn set(&self, value: u64) {
        if self.0.value.swap(value, Ordering::AcqRel) != value {
            self.0.news.notify_waiters();
        }
    }

    /// Wakes those who wait.
    pub(super) fn raise(&self) {
        self.0.value.fetch_add(1, Ordering::AcqRel);
        self.0.news.notify_waiters();
    }

    pub(super) fn follow(&self) -> Follow {
        Follow {
            shared: self.0.clone(),
            seen: self.get(),
        }
    }
}

impl Follow {
    /// The revision now, which from now on is known.
    pub fn now(&mut self) -> u64 {
        self.seen = self.shared.value.load(Ordering::Acquire);
        self.seen
    }

    /// Waits until the revision is another one than is known.
    pub async fn changed(&self) {
        loop {
            let mut news = std::pin::pin!(self.shared.news.notified());
            news.as_mut().enable();
            if self.shared.value.load(Ordering::Acquire) != self.seen {
                return;
            }
            news.await;
        }
    }
}
