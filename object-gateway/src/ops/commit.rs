//! The mutation that makes a write visible. A plain one may be repeated: it has its timestamp. A conditional one is a
//! compare-and-swap with the head, and is read back, since a plain write with a later timestamp may hide it.

use bytes::Bytes;

use super::{Error, Gateway, Result, Seen, TRIES, persist};
use crate::{
    core::{
        precondition::{Conditions, Verdict},
        record::Record,
        settings::State,
        time::Micros,
    },
    store::{Mutation, Slot, StoreError},
};

impl Gateway {
    pub(super) async fn commit_record(
        &self,
        slot: &Slot,
        record: &Record,
        inline: Option<Bytes>,
        conditions: &Conditions,
    ) -> Result<()> {
        let cell = record.encode()?;
        let mutation = Mutation {
            head: Some(cell.clone()),
            version: Some((record.id, cell)),
            inline: inline.map(|bytes| (record.id, bytes)),
            removed: Vec::new(),
        };
        if conditions.is_empty() {
            self.commit(slot, &mutation, record.id.at()).await
        } else {
            self.commit_conditionally(slot, record, &mutation, conditions)
                .await
        }
    }

    /// Writes at a timestamp, however often it takes.
    pub(super) async fn commit(&self, slot: &Slot, mutation: &Mutation, at: Micros) -> Result<()> {
        Ok(persist(|| self.store.commit(slot, mutation, at)).await?)
    }

    /// Whether the conditions hold now; what is there is compared again when the write is made.
    pub(super) async fn check_conditions(
        &self,
        slot: &Slot,
        conditions: &Conditions,
    ) -> Result<Option<Bytes>> {
        let head = persist(|| self.store.head(slot)).await?;
        let record = head
            .as_ref()
            .map(|cell| Record::decode(&cell.bytes))
            .transpose()?;
        if let Some(cell) = &head {
            self.seen_timestamp(cell.written);
        }
        let etag = record
            .as_ref()
            .and_then(Record::object)
            .map(|object| object.etag.as_str());
        match conditions.of_write(etag) {
            Verdict::Proceed => Ok(head.map(|cell| cell.bytes)),
            Verdict::Absent => Err(Error::NoSuchKey(None)),
            Verdict::Failed | Verdict::NotModified => Err(Error::PreconditionFailed),
        }
    }

    async fn commit_conditionally(
        &self,
        slot: &Slot,
        record: &Record,
        mutation: &Mutation,
        conditions: &Conditions,
    ) -> Result<()> {
        let mut unanswered = false;
        for _ in 0..TRIES {
            let expected = match self.check_conditions(slot, conditions).await {
                Ok(expected) => expected,
                // The unanswered try may be what is in the way, and may still be finished by somebody else.
                Err(_) if unanswered => return self.outcome(slot, record).await,
                Err(error) => return Err(error),
            };
            match self
                .store
                .commit_if(slot, expected.as_ref(), mutation)
                .await
            {
                Ok(true) => return self.verify(slot, record, expected.as_ref()).await,
                Ok(false) if unanswered => return self.outcome(slot, record).await,
                Ok(false) => {}
                Err(StoreError::Unknown(_)) => unanswered = true,
                Err(error) => return Err(error.into()),
            }
        }
        if unanswered {
            self.outcome(slot, record).await
        } else {
            Err(Error::ConditionalConflict)
        }
    }

    // Of a try that was not answered: done if it is what reads find, else nobody knows.
    async fn outcome(&self, slot: &Slot, record: &Record) -> Result<()> {
        if self.is_head(slot, record).await? {
            return Ok(());
        }
        Err(StoreError::Unknown("conditional write".to_owned()).into())
    }

    async fn is_head(&self, slot: &Slot, record: &Record) -> Result<bool> {
        let Some(cell) = persist(|| self.store.head(slot)).await? else {
            return Ok(false);
        };
        self.seen_timestamp(cell.written);
        Ok(Record::decode(&cell.bytes)?.id == record.id)
    }

    // Applied; but if reads still find what was there before, that has a later timestamp and hides it.
    async fn verify(&self, slot: &Slot, record: &Record, before: Option<&Bytes>) -> Result<()> {
        let head = persist(|| self.store.head(slot)).await?;
        let Some(cell) = head else { return Ok(()) };
        self.seen_timestamp(cell.written);
        if Some(&cell.bytes) != before || Record::decode(&cell.bytes)?.id == record.id {
            return Ok(());
        }
        let removal = Mutation {
            removed: vec![record.id],
            ..Mutation::default()
        };
        let version = persist(|| self.store.version(slot, record.id)).await?;
        let written = version.map_or(0, |version| version.written);
        self.commit(slot, &removal, self.timestamp().max(written + 1))
            .await?;
        Err(Error::ConditionalConflict)
    }

    /// The write is done. It counts only if the bucket was there shortly before: a deletion waits as long.
    pub(super) async fn confirm(&self, seen: &Seen) -> Result<()> {
        let settles = u64::try_from(self.limits.bucket_settles.as_micros()).unwrap_or(u64::MAX);
        if self.environment.monotonic().saturating_sub(seen.at()) < settles {
            return Ok(());
        }
        let name = &seen.bucket().name;
        let now = persist(|| self.store.bucket(name)).await?;
        match now {
            Some(bucket) if bucket.id == seen.bucket().id && bucket.state == State::Active => {
                Ok(())
            }
            Some(_) | None => Err(Error::NoSuchBucket),
        }
    }
}
