//! Buckets that are being deleted, or are gone.

use uuid::Uuid;

use super::{Collected, PAGE};
use crate::{
    core::{record::Record, settings::Bucket},
    ops::{Error, Gateway, Result, persist},
    store::{Mutation, Slot, VersionStart},
};

impl Gateway {
    // A gateway that began to delete it and has gone. Another look at the same revision after the time that any
    // deletion takes shows that nobody is at it.
    pub(super) async fn resume_deletion(
        &self,
        bucket: &Bucket,
        done: &mut Collected,
    ) -> Result<()> {
        self.environment.sleep(self.limits.bucket_settles * 4).await;
        let now = persist(|| self.store.bucket(&bucket.name)).await?;
        if now.as_ref() != Some(bucket) {
            return Ok(());
        }
        match self.finish_deletion(bucket.clone()).await {
            Ok(()) | Err(Error::BucketNotEmpty) => Ok(()),
            Err(_) => {
                done.failed += 1;
                Ok(())
            }
        }
    }

    // Everything in a bucket that is gone.
    pub(super) async fn empty(&self, id: Uuid, shards: u16, done: &mut Collected) -> Result<()> {
        if persist(|| self.store.all_buckets())
            .await?
            .iter()
            .any(|bucket| bucket.id == id)
        {
            return Ok(());
        }
        for shard in 0..shards {
            let start = VersionStart {
                key: String::new(),
                after: None,
            };
            loop {
                let rows = persist(|| self.store.version_rows(id, shard, &start, PAGE)).await?;
                for (key, cell) in &rows {
                    let record = Record::decode(&cell.bytes)?;
                    self.delete_blobs_of(&record, done).await?;
                    let slot = Slot::new(id, shard, key);
                    let removal = Mutation {
                        removed: vec![record.id],
                        ..Mutation::default()
                    };
                    self.commit(&slot, &removal, self.timestamp().max(cell.written + 1))
                        .await?;
                    done.versions += 1;
                }
                if rows.len() < PAGE {
                    break;
                }
            }
            let at = self.timestamp();
            let last = char::MAX.to_string().repeat(256);
            persist(|| self.store.forget_heads(id, shard, "", &last, at)).await?;
            loop {
                let uploads = persist(|| self.store.uploads(id, shard, None, PAGE)).await?;
                for upload in &uploads {
                    self.remove_parts(&Slot::from(upload), upload.id, &[])
                        .await?;
                    done.uploads += 1;
                }
                if uploads.len() < PAGE {
                    break;
                }
            }
        }
        Ok(())
    }
}
