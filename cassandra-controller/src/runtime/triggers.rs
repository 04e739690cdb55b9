//! Which objects to look at. However many events come for one, it is there once: nothing queues up without bound,
//! and no watch ever waits for the reconciler.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{Stream, stream};
use tokio::sync::Notify;

/// An object, by namespace and name.
pub(super) type Key = (String, String);

/// The objects to look at.
#[derive(Clone, Debug, Default)]
pub struct Triggers {
    waiting: Arc<Mutex<BTreeSet<Key>>>,
    more: Arc<Notify>,
}

impl Triggers {
    /// Look at this one.
    pub(super) fn push(&self, key: Key) {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key);
        self.more.notify_one();
    }

    fn pop(&self) -> Option<Key> {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_first()
    }

    /// One after the other, for ever.
    pub(super) fn stream(self) -> impl Stream<Item = Key> + Send {
        stream::unfold(self, |triggers| async move {
            loop {
                if let Some(key) = triggers.pop() {
                    return Some((key, triggers));
                }
                triggers.more.notified().await;
            }
        })
    }
}
