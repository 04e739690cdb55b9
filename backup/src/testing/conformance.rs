//! What a store has to do so that backups are safe in it. The same suite for each: memory, folder, and a real server.

use bytes::Bytes;

use crate::{
    error::Error,
    store::{Put, Store},
};

/// Runs the suite below a prefix that nobody else uses. Says what the store does not do.
pub async fn run(store: &Store) -> Result<(), String> {
    written_once(store).await?;
    read_and_looked_at(store).await?;
    neighbours_are_apart(store).await?;
    many_are_listed_and_deleted(store).await?;
    large_and_empty(store).await
}

fn check(right: bool, what: &str) -> Result<(), String> {
    if right { Ok(()) } else { Err(what.to_owned()) }
}

fn told(what: &'static str) -> impl Fn(Error) -> String {
    move |error| format!("{what}: {}", error.in_full())
}

async fn written_once(store: &Store) -> Result<(), String> {
    let (one, two) = (Bytes::from_static(b"one"), Bytes::from_static(b"two"));
    let put = |body: &Bytes| store.put("once/a", body.clone());
    check(
        put(&one).await.map_err(told("a first write"))? == Put::Created,
        "a first write creates",
    )?;
    check(
        put(&two).await.map_err(told("a second write"))? == Put::Existed,
        "a second write under the same key does not write",
    )?;
    let body = store.get("once/a").await.map_err(told("a read"))?;
    check(body == one, "what was written first stays")?;
    let again = store.put_once("once/a", one).await;
    check(
        again.is_ok_and(|put| put == Put::Existed),
        "the same content may be written again",
    )?;
    let other = store.put_once("once/a", two).await;
    check(
        matches!(other, Err(Error::AlreadyWritten { .. })),
        "other content is an error",
    )
}

async fn read_and_looked_at(store: &Store) -> Result<(), String> {
    let missing = store.get("read/missing").await;
    check(
        missing.is_err_and(|error| error.is_not_found()),
        "what is missing is not found",
    )?;
    let missing = store
        .head("read/missing")
        .await
        .map_err(told("a look at nothing"))?;
    check(
        missing.is_none(),
        "a look at what is missing is not an error",
    )?;
    store
        .put("read/a", Bytes::from_static(b"12345"))
        .await
        .map_err(told("a write"))?;
    let found = store.head("read/a").await.map_err(told("a look"))?;
    let found = found.ok_or("what was written is there at once")?;
    check(
        found.bytes == 5 && found.key == "read/a",
        "its length and key are known",
    )?;
    store
        .put("read/b", Bytes::from_static(b"1"))
        .await
        .map_err(told("a write"))?;
    let later = store.head("read/b").await.map_err(told("a look"))?;
    check(
        later.is_some_and(|later| later.written >= found.written),
        "what is written later has no earlier time",
    )
}

async fn neighbours_are_apart(store: &Store) -> Result<(), String> {
    for key in [
        "list/b1/x",
        "list/b10/x",
        "list/b1.x",
        "list/data",
        "list/b1/deep/er/y",
    ] {
        store
            .put(key, Bytes::from_static(b"x"))
            .await
            .map_err(told("a write"))?;
    }
    let keys = |found: Vec<crate::store::Stored>| {
        found
            .into_iter()
            .map(|object| object.key)
            .collect::<Vec<_>>()
    };
    let found = keys(store.list("list/b1").await.map_err(told("a list"))?);
    check(
        found == ["list/b1/deep/er/y", "list/b1/x"],
        "a folder's list has not its neighbours",
    )?;
    let found = keys(store.list("list/data").await.map_err(told("a list"))?);
    check(found.is_empty(), "an object is no folder")?;
    let found = keys(
        store
            .list("list/nothing")
            .await
            .map_err(told("a list of nothing"))?,
    );
    check(found.is_empty(), "a folder that is not there is empty")
}

async fn many_are_listed_and_deleted(store: &Store) -> Result<(), String> {
    // More than a page of S3, and more than one request deletes.
    let count = 1050;
    for number in 0..count {
        let key = format!("many/{number:05}");
        store
            .put(&key, Bytes::from_static(b"x"))
            .await
            .map_err(told("a write"))?;
    }
    let found = store.list("many").await.map_err(told("a long list"))?;
    check(found.len() == count, "a long list is complete")?;
    check(found.is_sorted_by(|a, b| a.key < b.key), "and sorted")?;
    let mut keys: Vec<String> = found.into_iter().map(|object| object.key).collect();
    let kept = keys.pop();
    keys.push("many/never-there".to_owned());
    store
        .delete(keys)
        .await
        .map_err(told("a deletion of many, one of which is not there"))?;
    let left = store.list("many").await.map_err(told("a list"))?;
    let left: Vec<String> = left.into_iter().map(|object| object.key).collect();
    check(
        Some(left.as_slice()) == kept.as_ref().map(std::slice::from_ref),
        "exactly they go",
    )
}

async fn large_and_empty(store: &Store) -> Result<(), String> {
    let large = Bytes::from(vec![7; (8 << 20) + 1]);
    store
        .put("size/large", large.clone())
        .await
        .map_err(told("a large write"))?;
    check(
        store
            .get("size/large")
            .await
            .is_ok_and(|body| body == large),
        "large content comes back",
    )?;
    store
        .put("size/empty", Bytes::new())
        .await
        .map_err(told("an empty write"))?;
    check(
        store
            .get("size/empty")
            .await
            .is_ok_and(|body| body.is_empty()),
        "and empty content",
    )
}
