//! A store as the rest of the crate sees it: few operations, each tried again while that may help.
//!
//! Nothing is ever overwritten. A reply that was lost does no harm: what is there already is either the same, or it is an
//! error that is told.

mod credentials;
mod error;
mod retry;
mod settings;

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, path::Path};

pub use error::StoreError;
pub use retry::RetryPolicy;
pub use settings::{Credentials, Encryption, Provider, StoreSettings, install_tls, parse_url};

use crate::error::{Error, Result};

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its key, below the store's prefix.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was written, by the store's own clock.
    pub written: Timestamp,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It was not there, and is now.
    Created,
    /// It was there. It may be ours: a reply that was lost looks the same.
    Existed,
}

/// How many requests were made. Tries that failed count too.
#[derive(Debug, Default)]
pub struct Requests {
    /// Writes.
    pub put: AtomicU64,
    /// Reads of content.
    pub get: AtomicU64,
    /// Reads of metadata.
    pub head: AtomicU64,
    /// Lists begun.
    pub list: AtomicU64,
    /// Keys of which deletion was asked.
    pub delete: AtomicU64,
    /// Tries after a first one.
    pub retries: AtomicU64,
}

impl Requests {
    /// Writes, reads and lists together.
    pub fn total(&self) -> u64 {
        [&self.put, &self.get, &self.head, &self.list]
            .iter()
            .map(|counter| counter.load(Ordering::Relaxed))
            .sum()
    }
}

/// A place in an object store.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<dyn ObjectStore>,
    prefix: Path,
    retry: RetryPolicy,
    requests: Arc<Requests>,
}

impl Store {
    /// All below `prefix` of a store. An empty prefix is the whole store.
    pub fn new(inner: Arc<dyn ObjectStore>, prefix: &str, retry: RetryPolicy) -> Self {
        Self {
            inner,
            prefix: Path::from(prefix),
            retry,
            requests: Arc::default(),
        }
    }

    /// The store that the settings describe.
    pub fn open(settings: &StoreSettings) -> Result<Self> {
        let inner = settings.build()?;
        Ok(Self::new(inner, settings.prefix(), RetryPolicy::default()))
    }

    /// The same place, given up sooner: for the first request, whose failure is most often a wrong setting.
    #[must_use]
    pub fn impatient(&self) -> Self {
        let times = self.retry.times.min(3);
        Self {
            retry: RetryPolicy {
                times,
                ..self.retry
            },
            ..self.clone()
        }
    }

    /// How many requests were made through this and its clones.
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Writes an object if it is not there.
    pub async fn put(&self, key: &str, body: Bytes) -> Result<Put> {
        let path = self.path(key);
        let done = self
            .retry
            .run(&self.requests, || {
                let options = PutOptions::from(PutMode::Create);
                count(&self.requests.put);
                self.inner.put_opts(&path, body.clone().into(), options)
            })
            .await;
        match done {
            Ok(_) => Ok(Put::Created),
            Err(StoreError::AlreadyExists) => Ok(Put::Existed),
            Err(source) => Err(of("write", key, source)),
        }
    }

    /// Writes an object that is written once: that it is there with the same content is success, with another an error.
    pub async fn put_once(&self, key: &str, body: Bytes) -> Result<Put> {
        if self.put(key, body.clone()).await? == Put::Created {
            return Ok(Put::Created);
        }
        if self.get(key).await? == body {
            return Ok(Put::Existed);
        }
        Err(Error::AlreadyWritten {
            key: key.to_owned(),
        })
    }

    /// The content of an object. A body that was cut is asked for again.
    pub async fn get(&self, key: &str) -> Result<Bytes> {
        let path = self.path(key);
        self.retry
            .run(&self.requests, || async {
                count(&self.requests.get);
                let reply = self.inner.get(&path).await?;
                let expected = reply.meta.size;
                let body = reply.bytes().await?;
                if body.len() as u64 == expected {
                    return Ok(body);
                }
                Err(object_store::Error::Generic {
                    store: "store",
                    source: format!("{} of {expected} bytes came", body.len()).into(),
                })
            })
            .await
            .map_err(|source| of("read", key, source))
    }

    /// A part of the content of an object.
    pub async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        let path = self.path(key);
        self.retry
            .run(&self.requests, || {
                count(&self.requests.get);
                self.inner.get_range(&path, range.clone())
            })
            .await
            .map_err(|source| of("read", key, source))
    }

    /// What is known of an object, or `None` if it is not there.
    pub async fn head(&self, key: &str) -> Result<Option<Stored>> {
        let path = self.path(key);
        let found = self
            .retry
            .run(&self.requests, || {
                count(&self.requests.head);
                self.inner.head(&path)
            })
            .await;
        match found {
            Ok(meta) => self.stored(&meta).map(Some),
            Err(StoreError::NotFound) => Ok(None),
            Err(source) => Err(of("look at", key, source)),
        }
    }

    /// All objects below a folder, in the order of their keys. They are kept in memory: ask for folders of bounded size.
    pub async fn list(&self, folder: &str) -> Result<Vec<Stored>> {
        let path = self.path(folder);
        let found = self
            .retry
            .run(&self.requests, || {
                count(&self.requests.list);
                self.inner.list(Some(&path)).try_collect::<Vec<_>>()
            })
            .await
            .map_err(|source| of("list", folder, source))?;
        let mut found: Vec<Stored> = found
            .iter()
            .map(|meta| self.stored(meta))
            .collect::<Result<_>>()?;
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    /// Deletes objects, as many with one request as the store can. That one is not there is no error.
    pub async fn delete(&self, keys: Vec<String>) -> Result<()> {
        let mut left = keys;
        let Some(first) = left.first().cloned() else {
            return Ok(());
        };
        self.retry
            .run(&self.requests, || {
                self.requests
                    .delete
                    .fetch_add(left.len() as u64, Ordering::Relaxed);
                let paths: Vec<_> = left.iter().map(|key| Ok(self.path(key))).collect();
                let mut replies = self.inner.delete_stream(stream::iter(paths).boxed());
                async move {
                    while let Some(reply) = replies.next().await {
                        match reply {
                            Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                            Err(error) => return Err(error),
                        }
                    }
                    Ok(())
                }
            })
            .await
            .map_err(|source| of("delete", &first, source))?;
        left.clear();
        Ok(())
    }

    fn path(&self, key: &str) -> Path {
        let key = Path::from(key);
        self.prefix.parts().chain(key.parts()).collect()
    }

    fn stored(&self, meta: &ObjectMeta) -> Result<Stored> {
        let whole = meta.location.as_ref();
        let key = whole
            .strip_prefix(self.prefix.as_ref())
            .map_or(whole, |rest| rest.trim_start_matches('/'));
        let written = Timestamp::from_millisecond(meta.last_modified.timestamp_millis());
        Ok(Stored {
            key: key.to_owned(),
            bytes: meta.size,
            written: written.map_err(|_| Error::damaged(key, "its time of writing is no time"))?,
        })
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn of(what: &'static str, key: &str, source: StoreError) -> Error {
    Error::Store {
        what,
        key: key.to_owned(),
        source,
    }
}
