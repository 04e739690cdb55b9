//! Backups in Medusa's layout, written as Medusa 0.31 writes them.

use std::sync::Arc;

use bytes::Bytes;
use md5::{Digest as _, Md5};
use serde_json::json;

use super::world::{content, files, transfer};
use crate::{
    medusa,
    store::{RetryPolicy, Store},
    testing::faulty_store::{Fault, FaultyStore, Operation},
    transfer::download::Selection,
};

const NODE: &str = "ring-dc1-r1-0";

async fn bucket() -> (FaultyStore, Store) {
    let faulty = FaultyStore::default();
    faulty.set_seconds(1_000_000);
    let store = Store::new(Arc::new(faulty.clone()), "p", RetryPolicy::never());
    for (backup, keyspace) in [("b1", "shop"), ("b10", "other")] {
        let mut objects = Vec::new();
        for name in [
            "nb-1-big-Data.db",
            ".idx/nb-1-big-Data.db",
            "nb-1-big-Statistics.db",
        ] {
            let body = content(&format!("{backup} {name}"), 40_000);
            let key = format!("{NODE}/data/{keyspace}/orders-0a/{name}");
            let digest = format!("{:032x}", u128::from_be_bytes(Md5::digest(&body).into()));
            let md5 = if name.contains("Statistics") {
                format!("{digest}-2")
            } else {
                digest
            };
            objects.push(json!({ "path": format!("p/{key}"), "MD5": md5, "size": body.len() }));
            store.put(&key, body.into()).await.unwrap();
        }
        let manifest =
            json!([{ "keyspace": keyspace, "columnfamily": "orders-0a", "objects": objects }]);
        let manifest = Bytes::from(manifest.to_string());
        let index = format!("index/backup_index/{backup}");
        for key in [
            format!("{NODE}/{backup}/meta/manifest.json"),
            format!("{index}/manifest_{NODE}.json"),
        ] {
            store.put(&key, manifest.clone()).await.unwrap();
        }
        let schema = format!("{index}/schema_{NODE}.cql");
        store.put(&schema, Bytes::new()).await.unwrap();
        faulty.pass(100);
    }
    store
        .put("index/backup_index/b11/schema_n2.cql", Bytes::new())
        .await
        .unwrap();
    (faulty, store)
}

#[tokio::test]
async fn medusas_backups_are_listed_with_who_finished_and_who_did_not() {
    let (_, store) = bucket().await;
    let backups = medusa::list(&store).await.unwrap();
    let names: Vec<_> = backups.iter().map(|backup| backup.name.as_str()).collect();
    assert_eq!(names, ["b11", "b1", "b10"]);
    assert!(backups[0].finished.is_empty() && backups[0].unfinished.contains("n2"));
    assert!(backups[1].finished.contains_key(NODE) && backups[1].unfinished.is_empty());
}

#[tokio::test]
async fn medusas_backups_are_restored_also_after_an_interruption() {
    let (faulty, store) = bucket().await;
    let target = tempfile::tempdir().unwrap();
    let run = async || {
        let all = Selection::default();
        medusa::restore(&store, &transfer(), "b1", NODE, &all, target.path()).await
    };
    let mut reads = 0;
    faulty.set_faults(move |operation, _| {
        reads += u32::from(operation == Operation::Get);
        if reads == 3 {
            Fault::KilledBefore
        } else {
            Fault::None
        }
    });
    run().await.unwrap_err();
    faulty.heal();
    let restored = run().await.unwrap();
    assert_eq!((restored.files, restored.unproved), (3, 1));
    let found = files(target.path());
    assert_eq!(found.len(), 3, "{:?}", found.keys());
    for name in [
        "nb-1-big-Data.db",
        ".idx/nb-1-big-Data.db",
        "nb-1-big-Statistics.db",
    ] {
        assert_eq!(
            found[&format!("shop/orders-0a/{name}")],
            content(&format!("b1 {name}"), 40_000)
        );
    }
}

#[tokio::test]
async fn what_medusa_would_not_notice_is_an_error() {
    let (faulty, store) = bucket().await;
    let target = tempfile::tempdir().unwrap();
    let all = Selection::default();
    let run = async |backup: &str, node: &str| {
        medusa::restore(&store, &transfer(), backup, node, &all, target.path()).await
    };
    assert_eq!(run("b2", NODE).await.unwrap_err().reason(), "Refused");
    assert_eq!(run("b1", "n2").await.unwrap_err().reason(), "Refused");
    let key = format!("p/{NODE}/data/shop/orders-0a/nb-1-big-Data.db");
    faulty.damage(&key, |bytes| bytes[7] ^= 1);
    assert_eq!(run("b1", NODE).await.unwrap_err().reason(), "FileDamaged");
    // A newer backup has written a longer file over it.
    let key = format!("p/{NODE}/data/other/orders-0a/nb-1-big-Statistics.db");
    faulty.damage(&key, |bytes| bytes.push(1));
    assert_eq!(run("b10", NODE).await.unwrap_err().reason(), "FileDamaged");
    faulty.lose(&key);
    assert!(run("b10", NODE).await.is_err());
}
