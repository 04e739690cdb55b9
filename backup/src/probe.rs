//! Whether a store can be used: a canary is written, written again, read, listed and deleted.

use bytes::Bytes;
use serde::Serialize;

use crate::{
    error::{Error, ErrorClass, Result},
    ids::BackupId,
    keys,
    store::{Put, Store},
};

const CANARY: &[u8] = b"cassandra-backup\n";

/// What the store can do for these credentials. What it can't do and has to is an error instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// Whether these credentials may delete: needed to collect, and better not given to nodes.
    pub delete: bool,
    /// Whether the clocks of the store and of this machine differ by less than a minute.
    pub clocks_agree: bool,
}

/// Tries a store out. `id` is a name that nobody else uses: a ULID of now. Without permission to delete the canary stays
/// until the next collection.
pub async fn run(store: &Store, id: &BackupId) -> Result<Capabilities> {
    let store = store.impatient();
    let key = keys::canary(id);
    store.put(&key, Bytes::from_static(CANARY)).await?;
    if store.put(&key, Bytes::from_static(b"other")).await? == Put::Created {
        return Err(unusable(
            "it overwrites what is there: conditional writes are needed",
        ));
    }
    if store.get(&key).await? != CANARY {
        return Err(unusable("it does not give back what was written"));
    }
    let found = store.list(keys::CANARIES).await?;
    let Some(found) = found.iter().find(|object| object.key == key) else {
        return Err(unusable("it does not list what was written a moment ago"));
    };
    let skew = found
        .written
        .as_millisecond()
        .abs_diff(i64::try_from(id.millis()).unwrap_or(0));
    Ok(Capabilities {
        delete: may_delete(&store, key).await?,
        clocks_agree: skew < 60_000,
    })
}

async fn may_delete(store: &Store, key: String) -> Result<bool> {
    match store.delete(vec![key.clone()]).await {
        Ok(()) => Ok(store.head(&key).await?.is_none()),
        Err(error) if error.class() == ErrorClass::Forbidden => Ok(false),
        Err(error) => Err(error),
    }
}

fn unusable(detail: &str) -> Error {
    Error::Refused {
        detail: format!("the store can't be used: {detail}"),
    }
}
