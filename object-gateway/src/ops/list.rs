//! Lists of objects, versions and uploads: the shards are read side by side and merged in order.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use uuid::Uuid;

use super::{Gateway, Result, Seen, persist};
use crate::{
    core::{
        listing::{Fetch, Item, Merge, Page, Query},
        record::{Kind, Record, VersionId},
        upload::{State, Upload},
        versions::effective,
    },
    store::{Cell, VersionStart},
};

/// Versions to list.
#[derive(Clone, Debug, Default)]
pub struct VersionQuery {
    /// Keys begin with this.
    pub prefix: String,
    /// Keys that have this after the prefix are shown as one.
    pub delimiter: Option<String>,
    /// The last key that was shown and, unless all its versions were, the last of them.
    pub start: Option<(String, Option<VersionId>)>,
    /// How many are shown.
    pub limit: usize,
}

/// One line of a list of versions.
#[derive(Clone, Debug)]
pub enum VersionItem {
    /// A version, and whether it is the latest.
    Version(String, Box<Record>, bool),
    /// All keys with this prefix.
    Prefix(String),
}

/// A page of versions.
#[derive(Clone, Debug, Default)]
pub struct VersionPage {
    /// Its lines.
    pub items: Vec<VersionItem>,
    /// Where the next page goes on.
    pub next: Option<(String, Option<VersionId>)>,
}

/// Uploads to list.
#[derive(Clone, Debug, Default)]
pub struct UploadQuery {
    /// Keys begin with this.
    pub prefix: String,
    /// Keys that have this after the prefix are shown as one.
    pub delimiter: Option<String>,
    /// The last key and upload that were shown.
    pub after: Option<(String, Option<Uuid>)>,
    /// How many are shown.
    pub limit: usize,
}

/// A page of uploads.
#[derive(Clone, Debug, Default)]
pub struct UploadPage {
    /// Uploads.
    pub uploads: Vec<Upload>,
    /// Common prefixes.
    pub prefixes: Vec<String>,
    /// Where the next page goes on.
    pub next: Option<(String, Uuid)>,
}

impl Gateway {
    /// A page of objects.
    pub async fn list(&self, seen: &Seen, query: Query) -> Result<Page<Record>> {
        let bucket = seen.bucket();
        let mut merge = Merge::new(query, bucket.shards, self.limits.list_rows);
        loop {
            let wants = merge.wants();
            if wants.is_empty() {
                return Ok(merge.finish());
            }
            let reads = wants.iter().map(|fetch| {
                persist(|| {
                    self.store
                        .heads(bucket.id, fetch.shard, &fetch.from, fetch.limit)
                })
            });
            let found = try_join_all(reads).await?;
            for (fetch, rows) in wants.iter().zip(found) {
                let is_last = rows.len() < fetch.limit;
                let rows: Result<Vec<_>> = rows
                    .into_iter()
                    .map(|(key, cell)| {
                        let record = Record::decode(&cell.bytes)?;
                        let is_object = matches!(record.kind, Kind::Object(_));
                        Ok((key, is_object.then_some(record)))
                    })
                    .collect();
                merge.feed(fetch, rows?, is_last);
            }
        }
    }

    /// A page of versions.
    pub async fn list_versions(&self, seen: &Seen, query: &VersionQuery) -> Result<VersionPage> {
        let mut page = VersionPage::default();
        if query.limit == 0 {
            return Ok(page);
        }
        if let Some((key, Some(after))) = &query.start {
            let all = effective(self.rows(&seen.slot(key)).await?);
            let rest = all.into_iter().filter(|row| row.id < *after);
            page.items
                .extend(rest.map(|row| VersionItem::Version(key.clone(), Box::new(row), false)));
        }
        let keys = Query {
            prefix: query.prefix.clone(),
            delimiter: query.delimiter.clone(),
            after: query.start.as_ref().map(|(key, _)| key.clone()),
            limit: query.limit,
        };
        let found = self.list_keys_with_versions(seen, keys).await?;
        for item in found.items {
            match item {
                Item::Prefix(prefix) => page.items.push(VersionItem::Prefix(prefix)),
                Item::Key(key, rows) => {
                    let lines = (0_usize..)
                        .zip(rows)
                        .map(|(at, row)| VersionItem::Version(key.clone(), Box::new(row), at == 0));
                    page.items.extend(lines);
                }
            }
        }
        page.next = found.next.map(|key| (key, None));
        if page.items.len() > query.limit {
            page.items.truncate(query.limit);
            page.next = page.items.last().map(|item| match item {
                VersionItem::Version(key, row, _) => (key.clone(), Some(row.id)),
                VersionItem::Prefix(prefix) => (prefix.clone(), None),
            });
        }
        Ok(page)
    }

    async fn list_keys_with_versions(
        &self,
        seen: &Seen,
        query: Query,
    ) -> Result<Page<Vec<Record>>> {
        let bucket = seen.bucket();
        let mut merge = Merge::new(query, bucket.shards, self.limits.list_rows);
        loop {
            let wants = merge.wants();
            if wants.is_empty() {
                return Ok(merge.finish());
            }
            let found = try_join_all(wants.iter().map(|fetch| self.grouped(seen, fetch))).await?;
            for (fetch, (rows, is_last)) in wants.iter().zip(found) {
                merge.feed(fetch, rows, is_last);
            }
        }
    }

    // Rows of one shard by key; the versions of the last key are all there too.
    async fn grouped(
        &self,
        seen: &Seen,
        fetch: &Fetch,
    ) -> Result<(Vec<(String, Option<Vec<Record>>)>, bool)> {
        let start = VersionStart {
            key: fetch.from.clone(),
            after: None,
        };
        let id = seen.bucket().id;
        let rows: Vec<(String, Cell)> = persist(|| {
            self.store
                .version_rows(id, fetch.shard, &start, fetch.limit)
        })
        .await?;
        let is_last = rows.len() < fetch.limit;
        let mut keys: BTreeMap<String, Vec<Record>> = BTreeMap::new();
        for (key, cell) in rows {
            keys.entry(key)
                .or_default()
                .push(Record::decode(&cell.bytes)?);
        }
        if !is_last && let Some(mut last) = keys.last_entry() {
            let slot = seen.slot(last.key());
            *last.get_mut() = self.rows(&slot).await?;
        }
        let groups = keys.into_iter().map(|(key, rows)| {
            let rows = effective(rows);
            (key, (!rows.is_empty()).then_some(rows))
        });
        Ok((groups.collect(), is_last))
    }

    /// A page of uploads that are open.
    pub async fn list_uploads(&self, seen: &Seen, query: &UploadQuery) -> Result<UploadPage> {
        let mut page = UploadPage::default();
        if query.limit == 0 {
            return Ok(page);
        }
        let bucket = seen.bucket();
        let start = match &query.after {
            Some((key, id)) if *key >= query.prefix => {
                Some((key.clone(), id.unwrap_or(Uuid::max())))
            }
            Some(_) | None if query.prefix.is_empty() => None,
            Some(_) | None => Some((query.prefix.clone(), Uuid::nil())),
        };
        let limit = query.limit + 1;
        let reads = (0..bucket.shards).map(|shard| {
            let start = &start;
            persist(move || self.store.uploads(bucket.id, shard, start.clone(), limit))
        });
        let mut found: Vec<Upload> = try_join_all(reads).await?.into_iter().flatten().collect();
        found.sort_by(|a, b| (&a.key, a.id).cmp(&(&b.key, b.id)));
        let mut taken = found
            .into_iter()
            .take_while(|upload| upload.key.starts_with(&query.prefix))
            .peekable();
        let mut last = None;
        let mut examined = 0;
        while page.uploads.len() + page.prefixes.len() < query.limit && examined < query.limit {
            let Some(upload) = taken.next() else { break };
            examined += 1;
            last = Some((upload.key.clone(), upload.id));
            if upload.state != State::Open {
                continue;
            }
            let rest = upload.key.get(query.prefix.len()..).unwrap_or_default();
            let common = query
                .delimiter
                .as_deref()
                .filter(|d| !d.is_empty())
                .and_then(|delimiter| {
                    let at = rest.find(delimiter)? + delimiter.len();
                    upload.key.get(..query.prefix.len() + at).map(str::to_owned)
                });
            match common {
                Some(common) if page.prefixes.last() == Some(&common) => {}
                Some(common) => page.prefixes.push(common),
                None => page.uploads.push(upload),
            }
        }
        page.next = last.filter(|_| taken.peek().is_some());
        Ok(page)
    }
}
