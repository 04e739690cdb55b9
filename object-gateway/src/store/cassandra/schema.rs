//! The tables, and how they came to be: each migration is done once, in order, by one writer at a time. A migration that
//! was released is never changed.

use std::collections::BTreeMap;

use scylla::client::session::Session;

use super::failed;
use crate::store::{Result, StoreError};

/// The version that this program needs.
pub const VERSION: i64 = MIGRATIONS.len().cast_signed() as i64;

/// Blocks are written once and read often: size-tiered, without a cache of rows. A block that comes back from a
/// replica that was away for longer than the grace is an orphan, which the checker finds.
const BLOCKS: &str = "compression = {'enabled': false} AND gc_grace_seconds = 86400 AND read_repair = 'NONE' \
     AND compaction = {'class': 'SizeTieredCompactionStrategy'}";
/// Many small reads.
const LEVELED: &str =
    "compaction = {'class': 'LeveledCompactionStrategy'} AND read_repair = 'BLOCKING'";
/// Hours that are written, read once, and removed as a whole.
const HOURS: &str = "compaction = {'class': 'TimeWindowCompactionStrategy', 'compaction_window_unit': 'HOURS', \
     'compaction_window_size': 1}";

type Statement = fn() -> String;

/// All migrations.
const MIGRATIONS: [&[Statement]; 1] = [&[
    || {
        "CREATE TABLE IF NOT EXISTS bucket (name text PRIMARY KEY, id uuid, revision bigint, body text)".to_owned()
    },
    || {
        "CREATE TABLE IF NOT EXISTS bucket_by_owner (owner text, name text, PRIMARY KEY (owner, name))".to_owned()
    },
    || {
        format!(
            "CREATE TABLE IF NOT EXISTS object (bucket uuid, shard int, kind tinyint, key text, version blob, cell blob, data blob, PRIMARY KEY ((bucket, shard), kind, key, version)) WITH {LEVELED}"
        )
    },
    || {
        format!(
            "CREATE TABLE IF NOT EXISTS block (blob uuid, segment int, idx bigint, owner text static, payload blob, crc int, PRIMARY KEY ((blob, segment), idx)) WITH {BLOCKS}"
        )
    },
    || {
        "CREATE TABLE IF NOT EXISTS manifest (id uuid, page int, body text, PRIMARY KEY (id, page))"
            .to_owned()
    },
    || {
        format!(
            "CREATE TABLE IF NOT EXISTS intent (hour bigint, slot int, blob uuid, body text, decided blob, PRIMARY KEY ((hour, slot), blob)) WITH {HOURS}"
        )
    },
    || {
        format!(
            "CREATE TABLE IF NOT EXISTS task (hour bigint, slot int, id uuid, body text, PRIMARY KEY ((hour, slot), id)) WITH {HOURS}"
        )
    },
    || {
        "CREATE TABLE IF NOT EXISTS upload (bucket uuid, shard int, key text, id uuid, revision bigint, body text, PRIMARY KEY ((bucket, shard), key, id))".to_owned()
    },
    || {
        "CREATE TABLE IF NOT EXISTS part (upload uuid, number int, attempt blob, body text, PRIMARY KEY (upload, number, attempt))".to_owned()
    },
]];

/// Whether a name can be a keyspace.
pub fn is_keyspace(name: &str) -> bool {
    (1..=48).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn replication(copies: &BTreeMap<String, u32>) -> String {
    let datacenters = copies
        .iter()
        .map(|(name, copies)| format!(", '{}': {copies}", name.replace('\'', "''")));
    format!(
        "{{'class': 'NetworkTopologyStrategy'{}}}",
        datacenters.collect::<String>()
    )
}

/// Makes the keyspace, if it is not there, and does the migrations that are missing.
pub(super) async fn migrate(
    session: &Session,
    keyspace: &str,
    copies: &BTreeMap<String, u32>,
) -> Result<()> {
    if !copies.is_empty() {
        let create = format!(
            "CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {}",
            replication(copies)
        );
        run(session, &create).await?;
    }
    session
        .use_keyspace(keyspace, false)
        .await
        .map_err(|e| StoreError::Unavailable(e.to_string()))?;
    run(
        session,
        "CREATE TABLE IF NOT EXISTS meta (name text PRIMARY KEY, value bigint)",
    )
    .await?;
    let done = version(session, keyspace).await?.unwrap_or(0);
    if done > VERSION {
        return Err(StoreError::Corrupt(format!(
            "the schema has version {done}, this program knows {VERSION}"
        )));
    }
    for (at, statements) in (1_i64..).zip(MIGRATIONS).skip_while(|(at, _)| *at <= done) {
        for statement in statements {
            run(session, &statement()).await?;
        }
        let note = format!("INSERT INTO meta (name, value) VALUES ('schema', {at})");
        run(session, &note).await?;
    }
    Ok(())
}

/// The version of the schema that is there.
pub(super) async fn version(session: &Session, keyspace: &str) -> Result<Option<i64>> {
    let query = format!("SELECT value FROM {keyspace}.meta WHERE name = 'schema'");
    let rows = session
        .query_unpaged(query, ())
        .await
        .map_err(|e| failed(&e))?;
    let rows = rows
        .into_rows_result()
        .map_err(|e| StoreError::Corrupt(e.to_string()))?;
    let row = rows
        .maybe_first_row::<(i64,)>()
        .map_err(|e| StoreError::Corrupt(e.to_string()))?;
    Ok(row.map(|(version,)| version))
}

async fn run(session: &Session, statement: &str) -> Result<()> {
    session
        .query_unpaged(statement, ())
        .await
        .map_err(|e| failed(&e))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyspaces_have_plain_names() {
        assert!(is_keyspace("object_gateway"));
        for bad in ["", "A", "1a", "a;b", "a\"", "a b"] {
            assert!(!is_keyspace(bad), "{bad}");
        }
    }

    // P17 of the defects that this design excludes.
    #[test]
    fn p17_replication_is_by_datacenter_and_never_chosen_by_us() {
        let copies = BTreeMap::from([("dc1".to_owned(), 3)]);
        assert_eq!(
            replication(&copies),
            "{'class': 'NetworkTopologyStrategy', 'dc1': 3}"
        );
    }
}
