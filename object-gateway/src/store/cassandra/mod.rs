//! The store in Cassandra. Reads and writes are at `LOCAL_QUORUM`, blocks are read at `LOCAL_ONE` first, names of
//! buckets are decided at `SERIAL`.

mod schema;
mod statements;

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{TryStreamExt as _, future::try_join_all};
use scylla::{
    client::{
        execution_profile::ExecutionProfile, session::Session, session_builder::SessionBuilder,
    },
    deserialize::row::DeserializeRow,
    errors::{DbError, ExecutionError, RequestAttemptError},
    response::{PagingState, query_result::QueryResult},
    serialize::{row::SerializeRow, value::SerializeValue},
    statement::{
        Consistency,
        batch::{Batch, BatchType},
        prepared::PreparedStatement,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

pub use self::schema::{VERSION, is_keyspace};
use self::statements::Statements;
use super::{
    Care, Cell, Found, Mutation, QueuePartition, Queued, Result, ScanToken, Segment, Slot, Store,
    StoreError, Task, VersionStart,
};
use crate::{
    core::{
        checksum::crc32c,
        gc::Intent,
        record::{BlobRef, PartRef, VersionId},
        settings::Bucket,
        time::{HOUR, Micros},
        upload::{Part, Upload},
    },
    metrics::Metrics,
};

/// How many partitions an hour of a queue has.
const QUEUE_SLOTS: u8 = 16;
/// How long a request to Cassandra may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How to reach Cassandra.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Addresses, `host:port`.
    pub contact_points: Vec<String>,
    /// The datacenter.
    pub datacenter: Option<String>,
    /// The keyspace.
    pub keyspace: String,
    /// User and password.
    pub login: Option<(String, String)>,
}

/// The store in Cassandra.
pub struct CassandraStore {
    session: Session,
    statements: Statements,
    metrics: Metrics,
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the driver's errors are many, and may become more"
)]
fn failed(error: &ExecutionError) -> StoreError {
    let text = error.to_string();
    match error {
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(DbError::Overloaded, _)) => {
            StoreError::Overloaded
        }
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(
            DbError::Unavailable { .. }
            | DbError::IsBootstrapping
            | DbError::Invalid
            | DbError::SyntaxError
            | DbError::Unauthorized,
            _,
        ))
        | ExecutionError::EmptyPlan
        | ExecutionError::BadQuery(_)
        | ExecutionError::ConnectionPoolError(_) => StoreError::Unavailable(text),
        // Whatever is not known to be undone may be done.
        _ => StoreError::Unknown(text),
    }
}

fn corrupt(error: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(error.to_string())
}

fn read_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(corrupt)
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(corrupt)
}

fn micros(at: Micros) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

fn rows_limit(limit: usize) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX)
}

fn shard(shard: u16) -> i32 {
    i32::from(shard)
}

// The newest version sorts first.
fn inverted(id: VersionId) -> Vec<u8> {
    id.as_bytes().iter().map(|byte| !byte).collect()
}

fn upright(bytes: &[u8]) -> Option<VersionId> {
    VersionId::from_bytes(&bytes.iter().map(|byte| !byte).collect::<Vec<u8>>())
}

fn queue(at: Micros, id: Uuid) -> (i64, i32) {
    let slot = id.as_bytes().first().map_or(0, |byte| byte % QUEUE_SLOTS);
    (micros(at / HOUR), i32::from(slot))
}

fn partition((hour, slot): (i64, i32)) -> Option<QueuePartition> {
    Some(QueuePartition {
        hour: u64::try_from(hour).ok()?,
        slot: u8::try_from(slot).ok()?,
    })
}

fn cell(bytes: Option<Vec<u8>>, written: Option<i64>) -> Option<Cell> {
    let written = u64::try_from(written?).ok()?;
    Some(Cell {
        written,
        bytes: Bytes::from(bytes?),
    })
}

impl CassandraStore {
    /// Makes the keyspace and the tables, or brings them to this version. One at a time.
    pub async fn migrate(options: &Options, copies: &BTreeMap<String, u32>) -> Result<()> {
        if !is_keyspace(&options.keyspace) {
            return Err(StoreError::Unavailable(format!(
                "{} is not a keyspace's name",
                options.keyspace
            )));
        }
        let session = connect(options).await?;
        schema::migrate(&session, &options.keyspace, copies).await
    }

    /// Connects to tables that have this version.
    pub async fn open(options: &Options, metrics: Metrics) -> Result<Self> {
        if !is_keyspace(&options.keyspace) {
            return Err(StoreError::Unavailable(format!(
                "{} is not a keyspace's name",
                options.keyspace
            )));
        }
        let session = connect(options).await?;
        let found = schema::version(&session, &options.keyspace).await?;
        if found != Some(VERSION) {
            let found = found.map_or_else(|| "none".to_owned(), |version| version.to_string());
            return Err(StoreError::Unavailable(format!(
                "the schema has version {found}, this program needs {VERSION}: migrate first"
            )));
        }
        session
            .use_keyspace(&options.keyspace, false)
            .await
            .map_err(|e| StoreError::Unavailable(e.to_string()))?;
        let statements = Statements::prepare(&session).await?;
        Ok(Self {
            session,
            statements,
            metrics,
        })
    }

    fn note<T>(
        &self,
        call: &'static str,
        result: std::result::Result<T, ExecutionError>,
    ) -> Result<T> {
        let result = result.map_err(|error| failed(&error));
        let word = result.as_ref().map_or_else(StoreError::reason, |_| "Ok");
        self.metrics.store_called(call, word);
        result
    }

    async fn run(
        &self,
        call: &'static str,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<QueryResult> {
        self.note(call, self.session.execute_unpaged(statement, values).await)
    }

    async fn one<R>(
        &self,
        call: &'static str,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Option<R>>
    where
        R: for<'f, 'm> DeserializeRow<'f, 'm>,
    {
        let rows = self
            .run(call, statement, values)
            .await?
            .into_rows_result()
            .map_err(corrupt)?;
        rows.maybe_first_row::<R>().map_err(corrupt)
    }

    /// All rows, page by page.
    async fn all<R>(
        &self,
        call: &'static str,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Vec<R>>
    where
        R: for<'f, 'm> DeserializeRow<'f, 'm> + 'static,
    {
        let pager = self.session.execute_iter(statement.clone(), values).await;
        let pager = pager.map_err(|e| StoreError::Unavailable(e.to_string()));
        let rows = match pager {
            Ok(pager) => {
                let stream = pager.rows_stream::<R>().map_err(corrupt)?;
                stream
                    .try_collect()
                    .await
                    .map_err(|e| StoreError::Unavailable(e.to_string()))
            }
            Err(error) => Err(error),
        };
        let word = rows.as_ref().map_or_else(StoreError::reason, |_| "Ok");
        self.metrics.store_called(call, word);
        rows
    }

    /// Whether a compare-and-swap was applied. Its first column says so.
    async fn swap(
        &self,
        call: &'static str,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<bool> {
        let result = self.run(call, statement, values).await?;
        applied(result)
    }

    async fn batch(
        &self,
        call: &'static str,
        batch: &Batch,
        values: Vec<Vec<Value>>,
    ) -> Result<QueryResult> {
        self.note(call, self.session.batch(batch, values).await)
    }
}

fn applied(result: QueryResult) -> Result<bool> {
    let rows = result.into_rows_result().map_err(corrupt)?;
    let mut found = rows.rows::<scylla::value::Row>().map_err(corrupt)?;
    let row = found.next().transpose().map_err(corrupt)?;
    match row.and_then(|row| row.columns.into_iter().next().flatten()) {
        Some(scylla::value::CqlValue::Boolean(applied)) => Ok(applied),
        Some(_) | None => Err(corrupt(
            "a conditional statement did not say whether it was applied",
        )),
    }
}

/// A value of a batch.
type Value = Box<dyn SerializeValue + Send + Sync>;

fn value<V: SerializeValue + Send + Sync + 'static>(value: V) -> Value {
    Box::new(value)
}

async fn connect(options: &Options) -> Result<Session> {
    let profile = ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .request_timeout(Some(TIMEOUT))
        .build();
    let mut builder = SessionBuilder::new()
        .known_nodes(&options.contact_points)
        .default_execution_profile_handle(profile.into_handle());
    if let Some(datacenter) = &options.datacenter {
        builder = builder.prefer_datacenter(datacenter.clone());
    }
    if let Some((user, password)) = &options.login {
        builder = builder.user(user, password);
    }
    builder
        .build()
        .await
        .map_err(|e| StoreError::Unavailable(e.to_string()))
}

#[async_trait]
impl Store for CassandraStore {
    async fn bucket(&self, name: &str) -> Result<Option<Bucket>> {
        let row: Option<(Option<String>,)> =
            self.one("bucket", &self.statements.bucket, (name,)).await?;
        row.and_then(|row| row.0)
            .map(|body| read_json(&body))
            .transpose()
    }

    async fn create_bucket(&self, bucket: &Bucket) -> Result<Option<Bucket>> {
        let values = (
            &bucket.name,
            bucket.id,
            micros(bucket.revision),
            json(bucket)?,
        );
        if self
            .swap("create_bucket", &self.statements.create_bucket, values)
            .await?
        {
            return Ok(None);
        }
        self.bucket(&bucket.name).await
    }

    async fn replace_bucket(&self, bucket: &Bucket, revision: u64) -> Result<bool> {
        let values = (
            micros(bucket.revision),
            json(bucket)?,
            &bucket.name,
            bucket.id,
            micros(revision),
        );
        self.swap("replace_bucket", &self.statements.replace_bucket, values)
            .await
    }

    async fn remove_bucket(&self, name: &str, revision: u64) -> Result<bool> {
        let values = (name, micros(revision));
        self.swap("remove_bucket", &self.statements.remove_bucket, values)
            .await
    }

    async fn index_bucket(&self, owner: &str, name: &str) -> Result<()> {
        self.run("index_bucket", &self.statements.index_bucket, (owner, name))
            .await
            .map(drop)
    }

    async fn unindex_bucket(&self, owner: &str, name: &str) -> Result<()> {
        self.run(
            "unindex_bucket",
            &self.statements.unindex_bucket,
            (owner, name),
        )
        .await
        .map(drop)
    }

    async fn buckets_of(&self, owner: &str) -> Result<Vec<String>> {
        let rows: Vec<(String,)> = self
            .all("buckets_of", &self.statements.buckets_of, (owner,))
            .await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    async fn all_buckets(&self) -> Result<Vec<Bucket>> {
        let rows: Vec<(Option<String>,)> = self
            .all("all_buckets", &self.statements.all_buckets, ())
            .await?;
        rows.into_iter()
            .filter_map(|row| row.0)
            .map(|body| read_json(&body))
            .collect()
    }

    async fn read(&self, slot: &Slot) -> Result<Found> {
        type Row = (i8, Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>, Option<i64>);
        let values = (slot.bucket, shard(slot.shard), &slot.key);
        let rows = self.run("read", &self.statements.read, values).await?;
        let rows = rows.into_rows_result().map_err(corrupt)?;
        let mut found = Found::default();
        for row in rows.rows::<Row>().map_err(corrupt)? {
            let (kind, version, bytes, data, written) = row.map_err(corrupt)?;
            if kind == 0 {
                found.head = cell(bytes, written);
            } else if found.inline.is_none() {
                found.inline = upright(&version).zip(data.map(Bytes::from));
            }
        }
        Ok(found)
    }

    async fn head(&self, slot: &Slot) -> Result<Option<Cell>> {
        let values = (slot.bucket, shard(slot.shard), &slot.key);
        let row: Option<(Option<Vec<u8>>, Option<i64>)> =
            self.one("head", &self.statements.head, values).await?;
        Ok(row.and_then(|(bytes, written)| cell(bytes, written)))
    }

    async fn version(&self, slot: &Slot, id: VersionId) -> Result<Option<Cell>> {
        let values = (slot.bucket, shard(slot.shard), &slot.key, inverted(id));
        let row: Option<(Option<Vec<u8>>, Option<i64>)> = self
            .one("version", &self.statements.version, values)
            .await?;
        Ok(row.and_then(|(bytes, written)| cell(bytes, written)))
    }

    async fn inline(&self, slot: &Slot, id: VersionId) -> Result<Option<Bytes>> {
        let values = (slot.bucket, shard(slot.shard), &slot.key, inverted(id));
        let row: Option<(Option<Vec<u8>>,)> =
            self.one("inline", &self.statements.inline, values).await?;
        Ok(row.and_then(|row| row.0).map(Bytes::from))
    }

    async fn versions(&self, slot: &Slot) -> Result<Vec<Cell>> {
        let values = (slot.bucket, shard(slot.shard), &slot.key);
        let rows: Vec<(Option<Vec<u8>>, Option<i64>)> = self
            .all("versions", &self.statements.versions, values)
            .await?;
        Ok(rows
            .into_iter()
            .filter_map(|(bytes, written)| cell(bytes, written))
            .collect())
    }

    async fn commit(&self, slot: &Slot, mutation: &Mutation, at: Micros) -> Result<()> {
        let statements = &self.statements;
        let place = || (slot.bucket, shard(slot.shard), slot.key.clone());
        let mut batch = Batch::new(BatchType::Unlogged);
        let mut values = Vec::new();
        let at = micros(at);
        if let Some(head) = &mutation.head {
            let (bucket, shard, key) = place();
            batch.append_statement(statements.put_head.clone());
            values.push(vec![
                value(bucket),
                value(shard),
                value(key),
                value(head.to_vec()),
                value(at),
            ]);
        }
        let rows = [
            (&mutation.version, &statements.put_version),
            (&mutation.inline, &statements.put_inline),
        ];
        for (row, statement) in rows {
            let Some((id, bytes)) = row else { continue };
            let (bucket, shard, key) = place();
            batch.append_statement(statement.clone());
            values.push(vec![
                value(bucket),
                value(shard),
                value(key),
                value(inverted(*id)),
                value(bytes.to_vec()),
                value(at),
            ]);
        }
        for id in &mutation.removed {
            for statement in [&statements.remove_version, &statements.remove_inline] {
                let (bucket, shard, key) = place();
                batch.append_statement(statement.clone());
                values.push(vec![
                    value(at),
                    value(bucket),
                    value(shard),
                    value(key),
                    value(inverted(*id)),
                ]);
            }
        }
        if values.is_empty() {
            return Ok(());
        }
        batch.set_is_idempotent(true);
        self.batch("commit", &batch, values).await.map(drop)
    }

    async fn commit_if(
        &self,
        slot: &Slot,
        expected: Option<&Bytes>,
        mutation: &Mutation,
    ) -> Result<bool> {
        let statements = &self.statements;
        let place = || (slot.bucket, shard(slot.shard), slot.key.clone());
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.set_serial_consistency(Some(scylla::statement::SerialConsistency::LocalSerial));
        let mut values = Vec::new();
        if let Some(head) = &mutation.head {
            let (bucket, shard, key) = place();
            batch.append_statement(statements.swap_head.clone());
            let expected = expected.map(|bytes| bytes.to_vec());
            values.push(vec![
                value(head.to_vec()),
                value(bucket),
                value(shard),
                value(key),
                value(expected),
            ]);
        }
        let rows = [
            (&mutation.version, &statements.swap_version),
            (&mutation.inline, &statements.swap_inline),
        ];
        for (row, statement) in rows {
            let Some((id, bytes)) = row else { continue };
            let (bucket, shard, key) = place();
            batch.append_statement(statement.clone());
            values.push(vec![
                value(bucket),
                value(shard),
                value(key),
                value(inverted(*id)),
                value(bytes.to_vec()),
            ]);
        }
        applied(self.batch("commit_if", &batch, values).await?)
    }

    async fn heads(
        &self,
        bucket: Uuid,
        number: u16,
        from: &str,
        limit: usize,
    ) -> Result<Vec<(String, Cell)>> {
        let values = (bucket, shard(number), from, rows_limit(limit));
        let rows: Vec<KeyRow> = self.all("heads", &self.statements.heads, values).await?;
        Ok(keyed(rows))
    }

    async fn version_rows(
        &self,
        bucket: Uuid,
        number: u16,
        from: &VersionStart,
        limit: usize,
    ) -> Result<Vec<(String, Cell)>> {
        let (number, limit) = (shard(number), rows_limit(limit));
        let rows: Vec<KeyRow> = match from.after {
            None => {
                let values = (bucket, number, &from.key, limit);
                self.all("version_rows", &self.statements.versions_from, values)
                    .await?
            }
            Some(id) => {
                let values = (bucket, number, &from.key, inverted(id), limit);
                self.all("version_rows", &self.statements.versions_after, values)
                    .await?
            }
        };
        Ok(keyed(rows))
    }

    async fn forget_heads(
        &self,
        bucket: Uuid,
        number: u16,
        first: &str,
        last: &str,
        at: Micros,
    ) -> Result<()> {
        let values = (micros(at), bucket, shard(number), first, last);
        self.run("forget_heads", &self.statements.forget_heads, values)
            .await
            .map(drop)
    }

    async fn intend(&self, intent: &Intent) -> Result<()> {
        let (hour, slot) = queue(intent.started, intent.blob.id);
        let body = json(intent)?;
        match intent.decided {
            None => {
                let values = (hour, slot, intent.blob.id, body);
                self.run("intend", &self.statements.intend, values)
                    .await
                    .map(drop)
            }
            Some(id) => {
                let values = (hour, slot, intent.blob.id, body, id.as_bytes().to_vec());
                self.run("intend", &self.statements.decide, values)
                    .await
                    .map(drop)
            }
        }
    }

    async fn intent_partitions(&self) -> Result<Vec<QueuePartition>> {
        let rows: Vec<(i64, i32)> = self
            .all("intent_partitions", &self.statements.intent_partitions, ())
            .await?;
        Ok(rows.into_iter().filter_map(partition).collect())
    }

    async fn intents(&self, from: QueuePartition) -> Result<Vec<Intent>> {
        let values = (micros(from.hour), i32::from(from.slot));
        let rows: Vec<(Option<String>, Option<Vec<u8>>)> = self
            .all("intents", &self.statements.intents, values)
            .await?;
        rows.into_iter()
            .filter_map(|(body, decided)| Some((body?, decided)))
            .map(|(body, decided)| {
                let intent: Intent = read_json(&body)?;
                // The column counts: a first write that came late may have brought the old body back.
                let decided = decided.and_then(|bytes| VersionId::from_bytes(&bytes));
                Ok(Intent {
                    decided: decided.or(intent.decided),
                    ..intent
                })
            })
            .collect()
    }

    async fn drop_intents(&self, from: QueuePartition) -> Result<()> {
        let values = (micros(from.hour), i32::from(from.slot));
        self.run("drop_intents", &self.statements.drop_intents, values)
            .await
            .map(drop)
    }

    async fn write_block(&self, intent: &Intent, block: u64, bytes: Bytes) -> Result<()> {
        let blob = &intent.blob;
        let segment = i32::try_from(blob.segment_of(block)).map_err(corrupt)?;
        let crc = crc32c(&bytes).cast_signed();
        // The owner with every block: they are written side by side, and whichever comes first, the checker finds it.
        let values = (
            blob.id,
            segment,
            micros(block),
            bytes.as_ref(),
            crc,
            json(intent)?,
        );
        self.run("write_block", &self.statements.write_block, values)
            .await
            .map(drop)
    }

    async fn read_block(&self, blob: &BlobRef, block: u64, care: Care) -> Result<Option<Bytes>> {
        let statement = match care {
            Care::Quick => &self.statements.read_block_quick,
            Care::Sure => &self.statements.read_block,
        };
        let segment = i32::try_from(blob.segment_of(block)).map_err(corrupt)?;
        let values = (blob.id, segment, micros(block));
        let row: Option<(Option<Bytes>, Option<i32>)> =
            self.one("read_block", statement, values).await?;
        let found = row.and_then(|(payload, crc)| payload.zip(crc));
        Ok(found
            .filter(|(bytes, crc)| crc32c(bytes).cast_signed() == *crc)
            .map(|(bytes, _)| bytes))
    }

    async fn delete_blob(&self, blob: &BlobRef) -> Result<()> {
        try_join_all((0..blob.segments().max(1)).map(|number| self.delete_segment(blob.id, number)))
            .await
            .map(drop)
    }

    async fn segments(
        &self,
        from: Option<ScanToken>,
        limit: usize,
    ) -> Result<(Vec<Segment>, Option<ScanToken>)> {
        let mut statement = self.statements.segments.clone();
        statement.set_page_size(rows_limit(limit).max(1));
        let state = from.map_or_else(PagingState::start, PagingState::new_from_raw_bytes);
        let page = self
            .session
            .execute_single_page(&statement, (), state)
            .await;
        let (page, next) = self.note("segments", page)?;
        let rows = page.into_rows_result().map_err(corrupt)?;
        let mut segments = Vec::new();
        for row in rows
            .rows::<(Uuid, i32, Option<String>)>()
            .map_err(corrupt)?
        {
            let (blob, number, owner) = row.map_err(corrupt)?;
            segments.push(Segment {
                number: u32::try_from(number).map_err(corrupt)?,
                intent: owner.map(|owner| read_json(&owner)).transpose()?,
                blob,
            });
        }
        let next = match next.into_paging_control_flow() {
            std::ops::ControlFlow::Break(()) => None,
            std::ops::ControlFlow::Continue(state) => {
                state.as_bytes_slice().map(|bytes| bytes.to_vec())
            }
        };
        Ok((segments, next))
    }

    async fn delete_segment(&self, blob: Uuid, number: u32) -> Result<()> {
        let values = (blob, i32::try_from(number).map_err(corrupt)?);
        self.run("delete_segment", &self.statements.delete_segment, values)
            .await
            .map(drop)
    }

    async fn write_manifest(&self, id: Uuid, page: u32, parts: &[PartRef]) -> Result<()> {
        let values = (id, i32::try_from(page).map_err(corrupt)?, json(&parts)?);
        self.run("write_manifest", &self.statements.write_manifest, values)
            .await
            .map(drop)
    }

    async fn read_manifest(&self, id: Uuid, page: u32) -> Result<Option<Vec<PartRef>>> {
        let values = (id, i32::try_from(page).map_err(corrupt)?);
        let row: Option<(Option<String>,)> = self
            .one("read_manifest", &self.statements.read_manifest, values)
            .await?;
        row.and_then(|row| row.0)
            .map(|body| read_json(&body))
            .transpose()
    }

    async fn delete_manifest(&self, id: Uuid) -> Result<()> {
        self.run("delete_manifest", &self.statements.delete_manifest, (id,))
            .await
            .map(drop)
    }

    async fn create_upload(&self, upload: &Upload) -> Result<()> {
        let values = (
            upload.bucket,
            shard(upload.shard),
            &upload.key,
            upload.id,
            micros(upload.revision),
            json(upload)?,
        );
        self.swap("create_upload", &self.statements.create_upload, values)
            .await
            .map(drop)
    }

    async fn upload(&self, slot: &Slot, id: Uuid) -> Result<Option<Upload>> {
        let values = (slot.bucket, shard(slot.shard), &slot.key, id);
        let row: Option<(Option<String>,)> =
            self.one("upload", &self.statements.upload, values).await?;
        row.and_then(|row| row.0)
            .map(|body| read_json(&body))
            .transpose()
    }

    async fn replace_upload(&self, upload: &Upload, revision: u64) -> Result<bool> {
        let values = (
            micros(upload.revision),
            json(upload)?,
            upload.bucket,
            shard(upload.shard),
            &upload.key,
            upload.id,
            micros(revision),
        );
        self.swap("replace_upload", &self.statements.replace_upload, values)
            .await
    }

    async fn remove_upload(&self, slot: &Slot, id: Uuid) -> Result<()> {
        let values = (slot.bucket, shard(slot.shard), &slot.key, id);
        self.swap("remove_upload", &self.statements.remove_upload, values)
            .await?;
        self.run("remove_parts", &self.statements.remove_parts, (id,))
            .await
            .map(drop)
    }

    async fn uploads(
        &self,
        bucket: Uuid,
        number: u16,
        after: Option<(String, Uuid)>,
        limit: usize,
    ) -> Result<Vec<Upload>> {
        let (number, limit) = (shard(number), rows_limit(limit));
        let rows: Vec<(Option<String>,)> = match after {
            None => {
                self.all("uploads", &self.statements.uploads, (bucket, number, limit))
                    .await?
            }
            Some((key, id)) => {
                let values = (bucket, number, key, id, limit);
                self.all("uploads", &self.statements.uploads_from, values)
                    .await?
            }
        };
        rows.into_iter()
            .filter_map(|row| row.0)
            .map(|body| read_json(&body))
            .collect()
    }

    async fn write_part(&self, upload: Uuid, part: &Part) -> Result<()> {
        let number = i32::try_from(part.number).map_err(corrupt)?;
        let attempt = part.attempt.as_bytes().to_vec();
        let values = (
            upload,
            number,
            attempt,
            json(part)?,
            micros(part.attempt.at()),
        );
        self.run("write_part", &self.statements.write_part, values)
            .await
            .map(drop)
    }

    async fn remove_part(
        &self,
        upload: Uuid,
        number: u32,
        attempt: VersionId,
        at: Micros,
    ) -> Result<()> {
        let number = i32::try_from(number).map_err(corrupt)?;
        let values = (micros(at), upload, number, attempt.as_bytes().to_vec());
        self.run("remove_part", &self.statements.remove_part, values)
            .await
            .map(drop)
    }

    async fn parts(&self, upload: Uuid) -> Result<Vec<Part>> {
        let rows: Vec<(Option<String>,)> =
            self.all("parts", &self.statements.parts, (upload,)).await?;
        rows.into_iter()
            .filter_map(|row| row.0)
            .map(|body| read_json(&body))
            .collect()
    }

    async fn schedule(&self, task: &Queued, due: Micros) -> Result<()> {
        let (hour, slot) = queue(due, task.id);
        let values = (hour, slot, task.id, json(&task.task)?);
        self.run("schedule", &self.statements.schedule, values)
            .await
            .map(drop)
    }

    async fn task_partitions(&self) -> Result<Vec<QueuePartition>> {
        let rows: Vec<(i64, i32)> = self
            .all("task_partitions", &self.statements.task_partitions, ())
            .await?;
        Ok(rows.into_iter().filter_map(partition).collect())
    }

    async fn tasks(&self, from: QueuePartition) -> Result<Vec<Queued>> {
        let values = (micros(from.hour), i32::from(from.slot));
        let rows: Vec<(Uuid, Option<String>)> =
            self.all("tasks", &self.statements.tasks, values).await?;
        rows.into_iter()
            .filter_map(|(id, body)| Some((id, body?)))
            .map(|(id, body)| {
                Ok(Queued {
                    id,
                    task: read_json::<Task>(&body)?,
                })
            })
            .collect()
    }

    async fn drop_tasks(&self, from: QueuePartition) -> Result<()> {
        let values = (micros(from.hour), i32::from(from.slot));
        self.run("drop_tasks", &self.statements.drop_tasks, values)
            .await
            .map(drop)
    }

    async fn ping(&self) -> Result<()> {
        self.run("ping", &self.statements.ping, ()).await.map(drop)
    }
}

type KeyRow = (String, Option<Vec<u8>>, Option<i64>);

fn keyed(rows: Vec<KeyRow>) -> Vec<(String, Cell)> {
    rows.into_iter()
        .filter_map(|(key, bytes, written)| Some((key, cell(bytes, written)?)))
        .collect()
}
