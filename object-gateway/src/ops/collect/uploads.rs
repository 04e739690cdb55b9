//! Uploads that are over: given up, done, or left by somebody who was completing them.

use super::{Collected, PAGE};
use crate::{
    core::{
        lifecycle,
        settings::Bucket,
        upload::{State, Upload},
    },
    ops::{Gateway, Result, Seen, persist},
    store::Slot,
};

impl Gateway {
    pub(super) async fn collect_uploads(
        &self,
        seen: &Seen,
        shard: u16,
        done: &mut Collected,
    ) -> Result<()> {
        let bucket = seen.bucket();
        let mut after = None;
        loop {
            let uploads =
                persist(|| self.store.uploads(bucket.id, shard, after.clone(), PAGE)).await?;
            for upload in &uploads {
                self.collect_upload(bucket, upload, done).await?;
            }
            match uploads.last() {
                Some(last) if uploads.len() == PAGE => after = Some((last.key.clone(), last.id)),
                Some(_) | None => return Ok(()),
            }
        }
    }

    async fn collect_upload(
        &self,
        bucket: &Bucket,
        upload: &Upload,
        done: &mut Collected,
    ) -> Result<()> {
        let slot = Slot::from(upload);
        let (now, grace) = (self.now(), &self.limits.grace);
        match &upload.state {
            State::Open => {
                if lifecycle::upload_is_given_up(
                    &bucket.lifecycle,
                    &upload.key,
                    upload.started,
                    now,
                ) {
                    self.swap_state(upload, State::Aborted).await?;
                }
            }
            State::Aborted => {
                self.remove_aborted(&slot, upload.id).await?;
                done.uploads += 1;
            }
            State::Completing(record, _) => {
                if now >= record.id.at() + grace.completing
                    && let Err(error) = self.finish_upload(&slot, upload).await
                {
                    tracing::warn!(upload = %upload.id, "an upload was not finished: {error}");
                }
            }
            State::Done(record) => {
                if now >= record.id.at() + grace.done {
                    self.remove_done(&slot, upload, record).await?;
                    done.uploads += 1;
                }
            }
        }
        Ok(())
    }
}
