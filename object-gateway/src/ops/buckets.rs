//! Buckets. All changes are compare-and-swap on the bucket's row. Deleting one is: say that it is being deleted,
//! wait until no write that was begun before can still be acknowledged, look whether it is empty, remove the row.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Error, Gateway, Result, VersionQuery, persist};
use crate::{
    core::{
        names::is_bucket_name,
        policy::{Malformed, Policy},
        record::VersionId,
        settings::{Bucket, State, Versioning},
        time::Micros,
    },
    store::{Queued, Slot, Task},
};

/// How many buckets are remembered.
const REMEMBERED: usize = 10_000;
/// How often a change is tried against other changes.
const CHANGES: usize = 10;

/// Buckets that were read a short while ago.
#[derive(Default)]
pub(super) struct Remembered(Mutex<BTreeMap<String, Seen>>);

/// A bucket, and when it was read.
#[derive(Clone, Debug)]
pub struct Seen {
    found: Arc<Found>,
    at: Micros,
}

/// A bucket's row, and its policy, which is parsed once and asked by every request.
#[derive(Debug)]
struct Found {
    bucket: Bucket,
    policy: Option<std::result::Result<Policy, Malformed>>,
}

impl Seen {
    /// The bucket.
    pub fn bucket(&self) -> &Bucket {
        &self.found.bucket
    }

    /// The bucket's policy. It was checked when it was put; if it can't be read now, nothing is permitted rather than
    /// something.
    pub fn policy(&self) -> Result<Option<&Policy>> {
        match &self.found.policy {
            None => Ok(None),
            Some(Ok(policy)) => Ok(Some(policy)),
            Some(Err(_)) => Err(Error::AccessDenied),
        }
    }

    /// A bucket that was read then.
    pub(super) fn read_at(bucket: Bucket, at: Micros) -> Self {
        let policy = bucket.policy.as_ref();
        let policy = policy.map(|text| Policy::parse(text, &bucket.name));
        Self {
            found: Arc::new(Found { bucket, policy }),
            at,
        }
    }

    /// When it was read, by the clock that only goes forward.
    pub(super) fn at(&self) -> Micros {
        self.at
    }

    /// Where a key lies.
    pub fn slot(&self, key: &str) -> Slot {
        Slot {
            bucket: self.bucket().id,
            shard: self.bucket().shard(key),
            key: key.to_owned(),
        }
    }

    /// What a client is told of the version of a write.
    pub(super) fn public_version(&self, id: VersionId) -> Option<String> {
        match self.bucket().versioning {
            Versioning::Never => None,
            Versioning::Enabled => Some(id.to_string()),
            Versioning::Suspended => Some("null".to_owned()),
        }
    }
}

impl Remembered {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gateway {
    /// A bucket that takes objects.
    pub async fn bucket(&self, name: &str) -> Result<Seen> {
        let now = self.environment.monotonic();
        let remembers = u64::try_from(self.limits.remember_bucket.as_micros()).unwrap_or(0);
        let known = self.buckets.lock().get(name).cloned();
        if let Some(known) = known
            && now.saturating_sub(known.at) < remembers
        {
            return Ok(known);
        }
        let bucket = persist(|| self.store.bucket(name)).await?;
        let active = bucket.filter(|bucket| bucket.state == State::Active);
        let mut remembered = self.buckets.lock();
        let Some(bucket) = active else {
            remembered.remove(name);
            return Err(Error::NoSuchBucket);
        };
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        let seen = Seen::read_at(bucket, now);
        remembered.insert(name.to_owned(), seen.clone());
        Ok(seen)
    }

    fn forget_bucket(&self, name: &str) {
        self.buckets.lock().remove(name);
    }

    /// Creates a bucket.
    pub async fn create_bucket(&self, mut bucket: Bucket) -> Result<()> {
        if !is_bucket_name(&bucket.name) {
            return Err(Error::InvalidBucketName);
        }
        bucket.id = self.uuid();
        bucket.created = self.now();
        bucket.shards = self.limits.shards.max(1);
        bucket.revision = 1;
        // First the index: it may name a bucket that is not there, never miss one that is.
        persist(|| self.store.index_bucket(&bucket.owner, &bucket.name)).await?;
        let existing = match self.store.create_bucket(&bucket).await {
            Ok(existing) => existing,
            // Without an answer only what is there counts.
            Err(error) => match persist(|| self.store.bucket(&bucket.name)).await? {
                Some(there) => Some(there),
                None => return Err(error.into()),
            },
        };
        self.forget_bucket(&bucket.name);
        match existing {
            None => Ok(()),
            Some(existing) if existing.id == bucket.id => Ok(()),
            Some(existing) if existing.owner != bucket.owner => {
                self.store
                    .unindex_bucket(&bucket.owner, &bucket.name)
                    .await?;
                Err(Error::BucketTaken)
            }
            Some(existing) if existing.state == State::Deleting => Err(Error::OperationAborted),
            Some(_) => Err(Error::BucketOwned),
        }
    }

    /// The buckets of a tenant, by name.
    pub async fn buckets_of(&self, owner: &str) -> Result<Vec<Bucket>> {
        let mut buckets = Vec::new();
        for name in persist(|| self.store.buckets_of(owner)).await? {
            let bucket = persist(|| self.store.bucket(&name)).await?;
            buckets.extend(bucket.filter(|b| b.owner == owner && b.state == State::Active));
        }
        Ok(buckets)
    }

    /// Changes a bucket's settings; others' changes that come between are kept.
    pub async fn change_bucket(
        &self,
        seen: &Seen,
        change: impl Fn(&mut Bucket) + Send + Sync,
    ) -> Result<()> {
        let name = &seen.bucket().name;
        for _ in 0..CHANGES {
            let current = persist(|| self.store.bucket(name))
                .await?
                .ok_or(Error::NoSuchBucket)?;
            if current.id != seen.bucket().id || current.state != State::Active {
                return Err(Error::NoSuchBucket);
            }
            let mut next = current.clone();
            change(&mut next);
            if next == current {
                return Ok(());
            }
            next.revision += 1;
            // An answer that was lost: the next look finds the change made, or it is made again.
            if let Ok(true) = self.store.replace_bucket(&next, current.revision).await {
                self.forget_bucket(name);
                return Ok(());
            }
        }
        Err(Error::OperationAborted)
    }

    /// Deletes a bucket, if it is empty.
    pub async fn delete_bucket(&self, seen: &Seen) -> Result<()> {
        let name = &seen.bucket().name;
        let current = persist(|| self.store.bucket(name))
            .await?
            .ok_or(Error::NoSuchBucket)?;
        if current.id != seen.bucket().id {
            return Err(Error::NoSuchBucket);
        }
        // Looked at before, so that nobody has to wait for the usual refusal.
        if self.has_versions(seen).await? {
            return Err(Error::BucketNotEmpty);
        }
        let deleting = self.mark(&current, State::Deleting).await?;
        self.forget_bucket(name);
        self.environment.sleep(self.limits.bucket_settles).await;
        self.finish_deletion(deleting).await
    }

    /// The second half of a deletion; the collector does it for a gateway that has gone.
    pub(super) async fn finish_deletion(&self, deleting: Bucket) -> Result<()> {
        let seen = Seen::read_at(deleting, 0);
        if self.has_versions(&seen).await? {
            self.mark(seen.bucket(), State::Active).await?;
            return Err(Error::BucketNotEmpty);
        }
        let (id, shards) = (seen.bucket().id, seen.bucket().shards);
        let task = Queued {
            id: self.uuid(),
            task: Task::Bucket { id, shards },
        };
        let due = self.now() + self.limits.grace.replaced;
        persist(|| self.store.schedule(&task, due)).await?;
        let (name, owner) = (&seen.bucket().name, &seen.bucket().owner);
        let removed = self.store.remove_bucket(name, seen.bucket().revision).await;
        self.forget_bucket(name);
        if !matches!(removed, Ok(true)) {
            let left = persist(|| self.store.bucket(name)).await?;
            if left.is_some_and(|left| left.id == id) {
                return Err(Error::OperationAborted);
            }
        }
        // If the name was taken again meanwhile, by the same tenant, the index must go on naming it.
        persist(|| self.store.unindex_bucket(owner, name)).await?;
        let again = persist(|| self.store.bucket(name)).await?;
        if again.is_some_and(|bucket| bucket.owner == *owner) {
            persist(|| self.store.index_bucket(owner, name)).await?;
        }
        Ok(())
    }

    async fn mark(&self, bucket: &Bucket, state: State) -> Result<Bucket> {
        let next = Bucket {
            state,
            revision: bucket.revision + 1,
            ..bucket.clone()
        };
        if let Ok(true) = self.store.replace_bucket(&next, bucket.revision).await {
            return Ok(next);
        }
        let now = persist(|| self.store.bucket(&bucket.name))
            .await?
            .ok_or(Error::NoSuchBucket)?;
        if now == next {
            Ok(next)
        } else {
            Err(Error::OperationAborted)
        }
    }

    async fn has_versions(&self, seen: &Seen) -> Result<bool> {
        let mut query = VersionQuery {
            limit: 1,
            ..VersionQuery::default()
        };
        loop {
            let page = self.list_versions(seen, &query).await?;
            if !page.items.is_empty() {
                return Ok(true);
            }
            match page.next {
                Some(next) => query.start = Some(next),
                None => return Ok(false),
            }
        }
    }
}
