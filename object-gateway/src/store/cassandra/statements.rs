//! The statements, prepared once. All but those with `IF` may be repeated.

use scylla::{
    client::session::Session,
    statement::{Consistency, SerialConsistency, prepared::PreparedStatement},
};

use crate::store::{Result, StoreError};

/// How a statement is run.
enum Kind {
    Plain,
    /// One replica suffices.
    One,
    /// Compare-and-swap within the datacenter.
    Swap,
    /// Compare-and-swap over all datacenters: names of buckets are unique everywhere.
    GlobalSwap,
}

macro_rules! statements {
    ($($name:ident: $kind:ident $cql:literal;)*) => {
        /// All statements.
        pub(super) struct Statements { $(pub(super) $name: PreparedStatement,)* }

        impl Statements {
            pub(super) async fn prepare(session: &Session) -> Result<Self> {
                Ok(Self { $($name: prepare(session, Kind::$kind, $cql).await?,)* })
            }
        }
    };
}

async fn prepare(session: &Session, kind: Kind, cql: &str) -> Result<PreparedStatement> {
    let prepared = session.prepare(cql).await;
    let mut prepared =
        prepared.map_err(|e| StoreError::Unavailable(format!("failed to prepare {cql}: {e}")))?;
    match kind {
        Kind::Plain => prepared.set_is_idempotent(true),
        Kind::One => {
            prepared.set_is_idempotent(true);
            prepared.set_consistency(Consistency::LocalOne);
        }
        Kind::Swap => prepared.set_serial_consistency(Some(SerialConsistency::LocalSerial)),
        Kind::GlobalSwap => {
            prepared.set_consistency(Consistency::Quorum);
            prepared.set_serial_consistency(Some(SerialConsistency::Serial));
        }
    }
    Ok(prepared)
}

statements! {
    bucket: Plain "SELECT body FROM bucket WHERE name = ?";
    all_buckets: Plain "SELECT body FROM bucket";
    create_bucket: GlobalSwap "INSERT INTO bucket (name, id, revision, body) VALUES (?, ?, ?, ?) IF NOT EXISTS";
    replace_bucket: GlobalSwap "UPDATE bucket SET revision = ?, body = ? WHERE name = ? IF id = ? AND revision = ?";
    remove_bucket: GlobalSwap "DELETE FROM bucket WHERE name = ? IF revision = ?";
    index_bucket: Plain "INSERT INTO bucket_by_owner (owner, name) VALUES (?, ?)";
    unindex_bucket: Plain "DELETE FROM bucket_by_owner WHERE owner = ? AND name = ?";
    buckets_of: Plain "SELECT name FROM bucket_by_owner WHERE owner = ?";

    read: Plain "SELECT kind, version, cell, data, WRITETIME(cell) FROM object WHERE bucket = ? AND shard = ? AND kind IN (0, 2) AND key = ? LIMIT 2";
    head: Plain "SELECT cell, WRITETIME(cell) FROM object WHERE bucket = ? AND shard = ? AND kind = 0 AND key = ? AND version = 0x";
    version: Plain "SELECT cell, WRITETIME(cell) FROM object WHERE bucket = ? AND shard = ? AND kind = 1 AND key = ? AND version = ?";
    inline: Plain "SELECT data FROM object WHERE bucket = ? AND shard = ? AND kind = 2 AND key = ? AND version = ?";
    versions: Plain "SELECT cell, WRITETIME(cell) FROM object WHERE bucket = ? AND shard = ? AND kind = 1 AND key = ?";
    heads: Plain "SELECT key, cell, WRITETIME(cell) FROM object WHERE bucket = ? AND shard = ? AND kind = 0 AND key >= ? LIMIT ?";
    versions_from: Plain "SELECT key, cell, WRITETIME(cell) FROM object WHERE bucket = ? AND shard = ? AND kind = 1 AND key >= ? LIMIT ?";
    versions_after: Plain "SELECT key, cell, WRITETIME(cell) FROM object WHERE bucket = ? AND shard = ? AND kind = 1 AND (key, version) > (?, ?) LIMIT ?";
    put_head: Plain "INSERT INTO object (bucket, shard, kind, key, version, cell) VALUES (?, ?, 0, ?, 0x, ?) USING TIMESTAMP ?";
    put_version: Plain "INSERT INTO object (bucket, shard, kind, key, version, cell) VALUES (?, ?, 1, ?, ?, ?) USING TIMESTAMP ?";
    put_inline: Plain "INSERT INTO object (bucket, shard, kind, key, version, data) VALUES (?, ?, 2, ?, ?, ?) USING TIMESTAMP ?";
    remove_version: Plain "DELETE FROM object USING TIMESTAMP ? WHERE bucket = ? AND shard = ? AND kind = 1 AND key = ? AND version = ?";
    remove_inline: Plain "DELETE FROM object USING TIMESTAMP ? WHERE bucket = ? AND shard = ? AND kind = 2 AND key = ? AND version = ?";
    forget_heads: Plain "DELETE FROM object USING TIMESTAMP ? WHERE bucket = ? AND shard = ? AND kind = 0 AND key >= ? AND key <= ?";
    swap_head: Swap "UPDATE object SET cell = ? WHERE bucket = ? AND shard = ? AND kind = 0 AND key = ? AND version = 0x IF cell = ?";
    swap_version: Swap "INSERT INTO object (bucket, shard, kind, key, version, cell) VALUES (?, ?, 1, ?, ?, ?)";
    swap_inline: Swap "INSERT INTO object (bucket, shard, kind, key, version, data) VALUES (?, ?, 2, ?, ?, ?)";

    intend: Plain "INSERT INTO intent (hour, slot, blob, body) VALUES (?, ?, ?, ?)";
    decide: Plain "INSERT INTO intent (hour, slot, blob, body, decided) VALUES (?, ?, ?, ?, ?)";
    intent_partitions: Plain "SELECT DISTINCT hour, slot FROM intent";
    intents: Plain "SELECT body, decided FROM intent WHERE hour = ? AND slot = ?";
    drop_intents: Plain "DELETE FROM intent WHERE hour = ? AND slot = ?";
    write_block: Plain "INSERT INTO block (blob, segment, idx, payload, crc, owner) VALUES (?, ?, ?, ?, ?, ?)";
    read_block_quick: One "SELECT payload, crc FROM block WHERE blob = ? AND segment = ? AND idx = ?";
    read_block: Plain "SELECT payload, crc FROM block WHERE blob = ? AND segment = ? AND idx = ?";
    delete_segment: Plain "DELETE FROM block WHERE blob = ? AND segment = ?";
    segments: Plain "SELECT DISTINCT blob, segment, owner FROM block";
    write_manifest: Plain "INSERT INTO manifest (id, page, body) VALUES (?, ?, ?)";
    read_manifest: Plain "SELECT body FROM manifest WHERE id = ? AND page = ?";
    delete_manifest: Plain "DELETE FROM manifest WHERE id = ?";

    create_upload: Swap "INSERT INTO upload (bucket, shard, key, id, revision, body) VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS";
    upload: Plain "SELECT body FROM upload WHERE bucket = ? AND shard = ? AND key = ? AND id = ?";
    replace_upload: Swap "UPDATE upload SET revision = ?, body = ? WHERE bucket = ? AND shard = ? AND key = ? AND id = ? IF revision = ?";
    remove_upload: Swap "DELETE FROM upload WHERE bucket = ? AND shard = ? AND key = ? AND id = ? IF EXISTS";
    uploads_from: Plain "SELECT body FROM upload WHERE bucket = ? AND shard = ? AND (key, id) > (?, ?) LIMIT ?";
    uploads: Plain "SELECT body FROM upload WHERE bucket = ? AND shard = ? LIMIT ?";
    write_part: Plain "INSERT INTO part (upload, number, attempt, body) VALUES (?, ?, ?, ?) USING TIMESTAMP ?";
    remove_part: Plain "DELETE FROM part USING TIMESTAMP ? WHERE upload = ? AND number = ? AND attempt = ?";
    remove_parts: Plain "DELETE FROM part WHERE upload = ?";
    parts: Plain "SELECT body FROM part WHERE upload = ?";

    schedule: Plain "INSERT INTO task (hour, slot, id, body) VALUES (?, ?, ?, ?)";
    task_partitions: Plain "SELECT DISTINCT hour, slot FROM task";
    tasks: Plain "SELECT id, body FROM task WHERE hour = ? AND slot = ?";
    drop_tasks: Plain "DELETE FROM task WHERE hour = ? AND slot = ?";
    ping: Plain "SELECT value FROM meta WHERE name = 'schema'";
}
