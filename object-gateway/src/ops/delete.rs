//! Deleting. Without a version: one write, which says that the key is deleted; nothing is removed. With a version:
//! its row goes, and if it was the head, the next one takes its place, with a timestamp just above the old head's, so
//! that whatever is written meanwhile wins.

use super::{Error, Gateway, Result, Seen, cleanup::Cleanup, persist};
use crate::{
    core::{
        gc::{named_blobs, named_manifest},
        record::{Kind, Record, VersionId},
        settings::Versioning,
        time::Micros,
        versions::{effective, next_head},
    },
    store::{Mutation, Queued, Slot, Task},
};

/// How far above the old head's timestamp a removal of it is: above changes of its settings, which are one above.
const REMOVAL: Micros = 1000;

/// What was deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// The version that was removed or made.
    pub version: Option<String>,
    /// Whether that is a delete marker.
    pub is_marker: bool,
}

impl Gateway {
    /// Deletes a key or one of its versions. What is not there is deleted already.
    pub async fn delete(
        &self,
        seen: &Seen,
        key: &str,
        version: Option<&str>,
        who: &str,
    ) -> Result<Deleted> {
        let slot = seen.slot(key);
        match version {
            None => self.delete_key(seen, &slot, who).await,
            Some("null") if seen.bucket().versioning == Versioning::Never => {
                self.delete_key(seen, &slot, who).await
            }
            Some(version) => self.delete_version(seen, &slot, version).await,
        }
    }

    async fn delete_key(&self, seen: &Seen, slot: &Slot, who: &str) -> Result<Deleted> {
        let record = seen.bucket().deleted(self.version_id(), who);
        let cell = record.encode()?;
        let mutation = Mutation {
            head: Some(cell.clone()),
            version: Some((record.id, cell)),
            ..Mutation::default()
        };
        self.commit(slot, &mutation, record.id.at()).await?;
        self.confirm(seen).await?;
        self.cleanups.push(Cleanup::Trim(slot.clone()));
        let is_marker = matches!(record.kind, Kind::DeleteMarker { .. });
        Ok(Deleted {
            version: is_marker.then(|| record.public_id()),
            is_marker,
        })
    }

    async fn delete_version(&self, seen: &Seen, slot: &Slot, version: &str) -> Result<Deleted> {
        let rows = self.rows(slot).await?;
        let visible = effective(rows.clone());
        let is_wanted = |row: &&Record| match version {
            "null" => row.null,
            id => !row.null && VersionId::parse(id) == Some(row.id),
        };
        let Some(gone) = visible.iter().find(is_wanted) else {
            return Ok(Deleted {
                version: Some(version.to_owned()),
                is_marker: false,
            });
        };
        self.remove_version(slot, &rows, gone).await?;
        self.confirm(seen).await?;
        let is_marker = matches!(gone.kind, Kind::DeleteMarker { .. });
        Ok(Deleted {
            version: Some(version.to_owned()),
            is_marker,
        })
    }

    /// Removes a version; `rows` are all of its key.
    pub(super) async fn remove_version(
        &self,
        slot: &Slot,
        rows: &[Record],
        gone: &Record,
    ) -> Result<()> {
        let head = persist(|| self.store.head(slot)).await?;
        let version = persist(|| self.store.version(slot, gone.id)).await?;
        self.schedule_removal(slot, gone).await?;
        let is_head = match &head {
            Some(cell) => Record::decode(&cell.bytes)?.id == gone.id,
            None => false,
        };
        // Older versions called `null` were hidden by this one, and must not come back.
        let hidden = rows
            .iter()
            .filter(|row| gone.null && row.null)
            .map(|row| row.id);
        let mut removed: Vec<VersionId> = hidden.collect();
        for row in rows
            .iter()
            .filter(|row| removed.contains(&row.id) && row.id != gone.id)
        {
            self.schedule_removal(slot, row).await?;
        }
        if removed.is_empty() {
            removed.push(gone.id);
        }
        let written = head
            .as_ref()
            .filter(|_| is_head)
            .map_or(0, |cell| cell.written);
        let written = written.max(version.map_or(0, |cell| cell.written));
        let next = match next_head(rows, gone) {
            Some(next) => next.encode()?,
            None => Record::deleted(gone.id).encode()?,
        };
        let mutation = Mutation {
            head: is_head.then_some(next),
            removed,
            ..Mutation::default()
        };
        // Rows of one key were written at different times, but none of those that go after the head.
        self.commit(slot, &mutation, written + REMOVAL).await?;
        self.cleanups.push(Cleanup::Trim(slot.clone()));
        Ok(())
    }

    // Before the row goes, so that its blobs are found whatever happens. The task looks whether it went.
    async fn schedule_removal(&self, slot: &Slot, gone: &Record) -> Result<()> {
        let (blobs, manifest) = (named_blobs(gone), named_manifest(gone));
        if blobs.is_empty() && manifest.is_none() {
            return Ok(());
        }
        let task = Task::Version {
            slot: slot.clone(),
            id: gone.id,
            blobs,
            manifest,
        };
        let task = Queued {
            id: self.uuid(),
            task,
        };
        let due = self.now() + self.limits.grace.replaced;
        persist(|| self.store.schedule(&task, due))
            .await
            .map_err(Error::from)
    }
}
