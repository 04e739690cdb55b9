//! Intents whose time is over: the blobs of writes that were given up, or that nobody confirmed.

use super::{Collected, is_over};
use crate::{
    core::{
        gc::{Fate, Intent, Purpose, fate},
        record::{Record, VersionId},
        time::Micros,
        upload::State,
    },
    ops::{Gateway, Result, persist},
    store::{Cell, Mutation, Slot},
};

impl Gateway {
    /// Intents whose time is over. A partition goes when all of them are settled; those that have to wait move on.
    pub(super) async fn collect_intents(&self, done: &mut Collected) -> Result<()> {
        let grace = self.limits.grace.undecided;
        for partition in persist(|| self.store.intent_partitions()).await? {
            if !is_over(partition, self.now(), grace) {
                continue;
            }
            let mut is_clean = true;
            for intent in persist(|| self.store.intents(partition)).await? {
                match self.settle(&intent, done).await {
                    Ok(()) => done.intents += 1,
                    Err(error) => {
                        let blob = intent.blob.id;
                        tracing::warn!(%blob, "an intent will be settled later: {error}");
                        is_clean = false;
                        done.failed += 1;
                    }
                }
            }
            if is_clean {
                persist(|| self.store.drop_intents(partition)).await?;
            }
        }
        Ok(())
    }

    async fn settle(&self, intent: &Intent, done: &mut Collected) -> Result<()> {
        let slot = Slot::from(&intent.purpose);
        let mut is_referred = self.refers(&slot, intent.blob.id).await?;
        if let Purpose::Part { upload, .. } = &intent.purpose
            && !is_referred
        {
            match persist(|| self.store.upload(&slot, *upload))
                .await?
                .map(|upload| upload.state)
            {
                // What is left of an upload is removed with it; the intent is looked at again after that.
                Some(State::Open | State::Completing(..) | State::Done(_) | State::Aborted) => {
                    return self.carry_over(intent).await;
                }
                // It may have become the object between the two looks.
                None => is_referred = self.refers(&slot, intent.blob.id).await?,
            }
        }
        match fate(intent, is_referred, self.now(), &self.limits.grace) {
            Fate::Keep => Ok(()),
            Fate::Wait => self.carry_over(intent).await,
            Fate::Delete => self.delete_content(&[intent.blob], None, done).await,
            Fate::FenceThenDelete(id, at) => {
                match &intent.purpose {
                    Purpose::Object { .. } => self.fence(&slot, id, at).await?,
                    Purpose::Part { upload, number, .. } => {
                        persist(|| self.store.remove_part(*upload, *number, id, at)).await?;
                    }
                }
                self.delete_content(&[intent.blob], None, done).await
            }
        }
    }

    async fn carry_over(&self, intent: &Intent) -> Result<()> {
        let later = Intent {
            started: self.now(),
            ..intent.clone()
        };
        Ok(persist(|| self.store.intend(&later)).await?)
    }

    // Whatever may still surface of this write is overruled: its version is removed above its timestamp, and the head
    // that is there is written again above it. A newer head needs nothing, it wins anyway.
    async fn fence(&self, slot: &Slot, id: VersionId, at: Micros) -> Result<()> {
        let head: Option<Cell> = persist(|| self.store.head(slot)).await?;
        let is_newer = head.as_ref().is_some_and(|cell| cell.written > at);
        let head = match &head {
            Some(_) if is_newer => None,
            Some(cell) => Some(cell.bytes.clone()),
            None => Some(Record::deleted(id).encode()?),
        };
        let fence = Mutation {
            head,
            removed: vec![id],
            ..Mutation::default()
        };
        self.commit(slot, &fence, at).await
    }
}
