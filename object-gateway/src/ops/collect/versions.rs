//! Versions that were replaced for good, keys that are gone, and objects that have expired.

use std::sync::Arc;

use super::{Collected, PAGE};
use crate::{
    core::{
        gc::{is_forgotten, replaced},
        lifecycle,
        listing::just_after,
        record::{Kind, Record},
        versions::effective,
    },
    ops::{Gateway, Result, Seen, VersionItem, VersionQuery, persist},
    store::{Mutation, Slot},
};

impl Gateway {
    /// Removes versions of a key that were replaced for good: first their bytes, then what refers to them.
    pub(super) async fn trim(&self, slot: &Slot, done: &mut Collected) -> Result<()> {
        let cells = persist(|| self.store.versions(slot)).await?;
        let rows: Vec<Record> = cells
            .iter()
            .map(|cell| Record::decode(&cell.bytes))
            .collect::<std::result::Result<_, _>>()?;
        let head = persist(|| self.store.head(slot)).await?;
        let Some(cell) = head else { return Ok(()) };
        let head = Record::decode(&cell.bytes)?;
        let (now, grace) = (self.now(), &self.limits.grace);
        let gone = replaced(&rows, Some(&head), now, grace);
        for row in rows.iter().filter(|row| gone.contains(&row.id)) {
            self.delete_blobs_of(row, done).await?;
        }
        if !gone.is_empty() {
            done.versions += gone.len() as u64;
            let written = cells.iter().map(|cell| cell.written).max().unwrap_or(0);
            let at = self.timestamp().max(written + 1);
            let removal = Mutation {
                removed: gone.clone(),
                ..Mutation::default()
            };
            self.commit(slot, &removal, at).await?;
        }
        let left: Vec<Record> = rows
            .into_iter()
            .filter(|row| !gone.contains(&row.id))
            .collect();
        if is_forgotten(&left, &head, now, grace) {
            done.keys += 1;
            let key = &slot.key;
            persist(|| {
                self.store
                    .forget_heads(slot.bucket, slot.shard, key, key, cell.written)
            })
            .await?;
            let removal = Mutation {
                removed: vec![head.id],
                ..Mutation::default()
            };
            self.commit(slot, &removal, cell.written).await?;
        }
        Ok(())
    }

    pub(super) async fn collect_keys(
        &self,
        seen: &Seen,
        shard: u16,
        done: &mut Collected,
    ) -> Result<()> {
        let id = seen.bucket().id;
        let mut from = String::new();
        loop {
            let heads = persist(|| self.store.heads(id, shard, &from, PAGE)).await?;
            for (key, _) in &heads {
                let slot = Slot::new(id, shard, key);
                self.trim(&slot, done).await?;
            }
            match heads.last() {
                Some((key, _)) if heads.len() == PAGE => {
                    from = just_after(key);
                }
                Some(_) | None => return Ok(()),
            }
        }
    }

    pub(super) async fn expire(self: &Arc<Self>, seen: &Seen, done: &mut Collected) -> Result<()> {
        let mut query = VersionQuery {
            limit: PAGE,
            ..VersionQuery::default()
        };
        loop {
            let page = self.list_versions(seen, &query).await?;
            let mut newer: u32 = 0;
            let mut replaced_at = 0;
            for item in page.items {
                let VersionItem::Version(key, row, is_latest) = item else {
                    continue;
                };
                if is_latest {
                    newer = 0;
                    self.expire_latest(seen, &key, &row, done).await?;
                } else {
                    let rules = &seen.bucket().lifecycle;
                    if lifecycle::noncurrent_goes(rules, &key, &row, replaced_at, newer, self.now())
                    {
                        self.delete(seen, &key, Some(&row.public_id()), "").await?;
                        done.expired += 1;
                    }
                    newer += 1;
                }
                replaced_at = row.id.at();
            }
            match page.next {
                Some(next) => query.start = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn expire_latest(
        &self,
        seen: &Seen,
        key: &str,
        row: &Record,
        done: &mut Collected,
    ) -> Result<()> {
        let rules = &seen.bucket().lifecycle;
        let owner = &seen.bucket().owner;
        if let Some(at) = lifecycle::expires_at(rules, key, row)
            && self.now() >= at
        {
            self.delete(seen, key, None, owner).await?;
            done.expired += 1;
        }
        if matches!(row.kind, Kind::DeleteMarker { .. })
            && lifecycle::lonely_marker_goes(rules, key)
            && effective(self.rows(&seen.slot(key)).await?).len() == 1
        {
            self.delete(seen, key, Some(&row.public_id()), owner)
                .await?;
            done.expired += 1;
        }
        Ok(())
    }
}
