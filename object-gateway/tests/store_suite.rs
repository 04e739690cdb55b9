//! What every store must do, held against the one in memory always, and against a real Cassandra that
//! `OBJECT_GATEWAY_CASSANDRA` names (`host:port`), with so many copies in its datacenter as `OBJECT_GATEWAY_REPLICAS`
//! says, or one:
//!
//! ```text
//! OBJECT_GATEWAY_CASSANDRA=127.0.0.1:9042 OBJECT_GATEWAY_DATACENTER=datacenter1 OBJECT_GATEWAY_REPLICAS=1 \
//!     cargo test -p object-gateway --test store_suite -- --ignored
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_in_result,
    clippy::wildcard_enum_match_arm,
    reason = "a test says so when something is not as it must be"
)]

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use object_gateway::{
    core::{
        gc::{Intent, Purpose},
        record::{BlobRef, ContentHeaders, PartRef, VersionId},
        settings::Bucket,
        time::HOUR,
        upload::{Part, State, Upload},
    },
    environment::{Environment as _, System},
    metrics::Metrics,
    store::{
        Care, Mutation, Queued, Segment, Slot, Store, Task, VersionStart,
        cassandra::{CassandraStore, Options},
        memory::MemoryStore,
    },
};
use uuid::Uuid;

fn now() -> u64 {
    System::default().now()
}

fn slot(key: &str) -> Slot {
    Slot {
        bucket: Uuid::new_v4(),
        shard: 3,
        key: key.to_owned(),
    }
}

fn id(at: u64) -> VersionId {
    VersionId::new(at, 7)
}

fn put(at: u64, text: &'static str) -> Mutation {
    let bytes = Bytes::from(text);
    Mutation {
        head: Some(bytes.clone()),
        version: Some((id(at), bytes.clone())),
        inline: Some((id(at), bytes)),
        removed: Vec::new(),
    }
}

async fn head(store: &dyn Store, slot: &Slot) -> Option<String> {
    let cell = store.head(slot).await.unwrap();
    cell.map(|cell| String::from_utf8(cell.bytes.to_vec()).unwrap())
}

async fn all(store: Arc<dyn Store>) {
    let store = &*store;
    store.ping().await.unwrap();
    buckets_are_compare_and_swap(store).await;
    the_last_write_wins_whatever_the_order(store).await;
    a_mutation_is_one(store).await;
    a_conditional_write_needs_the_head_that_it_names(store).await;
    lists_are_in_the_order_of_bytes(store).await;
    versions_are_listed_newest_first(store).await;
    forgetting_spares_what_is_newer(store).await;
    blocks_are_read_as_written(store).await;
    a_segment_says_whose_it_is_whichever_block_came_first(store).await;
    intents_keep_what_was_decided(store).await;
    manifests_have_pages(store).await;
    uploads_go_forward_by_compare_and_swap(store).await;
    parts_are_removed_by_timestamp(store).await;
    tasks_lie_in_the_hour_that_they_are_due(store).await;
}

async fn buckets_are_compare_and_swap(store: &dyn Store) {
    let name = format!("suite-{}", Uuid::new_v4().simple());
    let owner = Uuid::new_v4().to_string();
    let bucket = Bucket {
        name: name.clone(),
        id: Uuid::new_v4(),
        owner: owner.clone(),
        revision: 1,
        ..Bucket::default()
    };
    assert_eq!(store.create_bucket(&bucket).await.unwrap(), None);
    let other = Bucket {
        id: Uuid::new_v4(),
        owner: "other".into(),
        ..bucket.clone()
    };
    assert_eq!(
        store.create_bucket(&other).await.unwrap(),
        Some(bucket.clone())
    );
    let next = Bucket {
        revision: 2,
        tags: Some(BTreeMap::new()),
        ..bucket.clone()
    };
    assert!(!store.replace_bucket(&next, 7).await.unwrap());
    assert!(store.replace_bucket(&next, 1).await.unwrap());
    assert!(!store.replace_bucket(&next, 1).await.unwrap());
    assert_eq!(store.bucket(&name).await.unwrap(), Some(next.clone()));
    assert!(store.all_buckets().await.unwrap().contains(&next));
    store.index_bucket(&owner, "b").await.unwrap();
    store.index_bucket(&owner, "a").await.unwrap();
    assert_eq!(store.buckets_of(&owner).await.unwrap(), ["a", "b"]);
    store.unindex_bucket(&owner, "a").await.unwrap();
    assert_eq!(store.buckets_of(&owner).await.unwrap(), ["b"]);
    assert!(!store.remove_bucket(&name, 1).await.unwrap());
    assert!(store.remove_bucket(&name, 2).await.unwrap());
    assert_eq!(store.bucket(&name).await.unwrap(), None);
    assert!(
        !store.replace_bucket(&next, 2).await.unwrap(),
        "a bucket that is gone came back"
    );
}

async fn the_last_write_wins_whatever_the_order(store: &dyn Store) {
    let (slot, at) = (slot("k"), now());
    store
        .commit(&slot, &put(at + 1, "new"), at + 1)
        .await
        .unwrap();
    store.commit(&slot, &put(at, "old"), at).await.unwrap();
    assert_eq!(head(store, &slot).await.as_deref(), Some("new"));
    assert_eq!(store.head(&slot).await.unwrap().unwrap().written, at + 1);
    // At one timestamp the greater value wins, in both orders.
    store
        .commit(&slot, &put(at + 2, "a"), at + 2)
        .await
        .unwrap();
    store
        .commit(&slot, &put(at + 2, "b"), at + 2)
        .await
        .unwrap();
    store
        .commit(&slot, &put(at + 2, "a"), at + 2)
        .await
        .unwrap();
    assert_eq!(head(store, &slot).await.as_deref(), Some("b"));
}

async fn a_mutation_is_one(store: &dyn Store) {
    let (slot, at) = (slot("k/ü"), now());
    assert_eq!(
        store.read(&slot).await.unwrap(),
        object_gateway::store::Found::default()
    );
    store.commit(&slot, &put(at, "one"), at).await.unwrap();
    store
        .commit(&slot, &put(at + 1, "two"), at + 1)
        .await
        .unwrap();
    let found = store.read(&slot).await.unwrap();
    assert_eq!(found.head.unwrap().bytes, "two");
    assert_eq!(found.inline, Some((id(at + 1), Bytes::from("two"))));
    assert_eq!(
        store.version(&slot, id(at)).await.unwrap().unwrap().bytes,
        "one"
    );
    assert_eq!(store.inline(&slot, id(at)).await.unwrap().unwrap(), "one");
    let newest: Vec<Bytes> = store
        .versions(&slot)
        .await
        .unwrap()
        .into_iter()
        .map(|c| c.bytes)
        .collect();
    assert_eq!(newest, ["two", "one"]);
    let gone = Mutation {
        removed: vec![id(at)],
        ..Mutation::default()
    };
    store.commit(&slot, &gone, at + 5).await.unwrap();
    assert_eq!(store.version(&slot, id(at)).await.unwrap(), None);
    assert_eq!(store.inline(&slot, id(at)).await.unwrap(), None);
    // A write that surfaces late does not bring back what was removed above it.
    store.commit(&slot, &put(at, "one"), at).await.unwrap();
    assert_eq!(store.versions(&slot).await.unwrap().len(), 1);
    assert_eq!(head(store, &slot).await.as_deref(), Some("two"));
}

async fn a_conditional_write_needs_the_head_that_it_names(store: &dyn Store) {
    let (slot, at) = (slot("k"), now());
    assert!(
        !store
            .commit_if(&slot, Some(&Bytes::from("x")), &put(at, "y"))
            .await
            .unwrap()
    );
    assert!(store.commit_if(&slot, None, &put(at, "one")).await.unwrap());
    assert!(
        !store
            .commit_if(&slot, None, &put(at + 1, "two"))
            .await
            .unwrap()
    );
    assert_eq!(store.version(&slot, id(at + 1)).await.unwrap(), None);
    assert!(
        store
            .commit_if(&slot, Some(&Bytes::from("one")), &put(at + 2, "three"))
            .await
            .unwrap()
    );
    assert_eq!(head(store, &slot).await.as_deref(), Some("three"));
    assert_eq!(
        store.inline(&slot, id(at + 2)).await.unwrap().unwrap(),
        "three"
    );
}

async fn lists_are_in_the_order_of_bytes(store: &dyn Store) {
    let (place, at) = (slot(""), now());
    let mut keys = ["b", "a", "a/", "a0", "ü", "\u{10ffff}", "\u{e000}", "Z"].map(str::to_owned);
    for key in &keys {
        let slot = Slot {
            key: key.clone(),
            ..place.clone()
        };
        store.commit(&slot, &put(at, "x"), at).await.unwrap();
    }
    keys.sort();
    let rows = store
        .heads(place.bucket, place.shard, "", 100)
        .await
        .unwrap();
    assert_eq!(
        rows.iter().map(|row| row.0.clone()).collect::<Vec<_>>(),
        keys
    );
    let rows = store
        .heads(place.bucket, place.shard, "a/", 2)
        .await
        .unwrap();
    assert_eq!(
        rows.iter().map(|row| row.0.as_str()).collect::<Vec<_>>(),
        ["a/", "a0"]
    );
    assert!(
        store
            .heads(place.bucket, 4, "", 10)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn versions_are_listed_newest_first(store: &dyn Store) {
    let (place, at) = (slot("a"), now());
    let other = Slot {
        key: "b".into(),
        ..place.clone()
    };
    for n in 0..3 {
        store
            .commit(
                &place,
                &put(at + n, ["0", "1", "2"][usize::try_from(n).unwrap()]),
                at + n,
            )
            .await
            .unwrap();
    }
    store.commit(&other, &put(at, "b"), at).await.unwrap();
    let list = async |key: &str, after, limit| {
        let start = VersionStart {
            key: key.to_owned(),
            after,
        };
        let rows = store
            .version_rows(place.bucket, place.shard, &start, limit)
            .await
            .unwrap();
        rows.into_iter()
            .map(|(key, cell)| (key, cell.bytes))
            .collect::<Vec<_>>()
    };
    let row = |key: &str, text: &'static str| (key.to_owned(), Bytes::from(text));
    assert_eq!(
        list("", None, 10).await,
        [row("a", "2"), row("a", "1"), row("a", "0"), row("b", "b")]
    );
    assert_eq!(
        list("a", Some(id(at + 1)), 10).await,
        [row("a", "0"), row("b", "b")]
    );
    assert_eq!(list("a", Some(id(at)), 10).await, [row("b", "b")]);
    assert_eq!(list("a\0", None, 10).await, [row("b", "b")]);
}

async fn forgetting_spares_what_is_newer(store: &dyn Store) {
    let (place, at) = (slot("b"), now());
    let keys = ["a", "b", "c", "d"].map(|key| Slot {
        key: key.into(),
        ..place.clone()
    });
    for (n, slot) in (0..).zip(&keys) {
        store
            .commit(slot, &put(at + n * 10, "x"), at + n * 10)
            .await
            .unwrap();
    }
    store
        .forget_heads(place.bucket, place.shard, "a", "c", at + 10)
        .await
        .unwrap();
    let rows = store
        .heads(place.bucket, place.shard, "", 10)
        .await
        .unwrap();
    assert_eq!(
        rows.iter().map(|row| row.0.as_str()).collect::<Vec<_>>(),
        ["c", "d"]
    );
    store
        .commit(&keys[1], &put(at + 5, "late"), at + 5)
        .await
        .unwrap();
    assert_eq!(head(store, &keys[1]).await, None);
    store
        .commit(&keys[1], &put(at + 15, "again"), at + 15)
        .await
        .unwrap();
    assert_eq!(head(store, &keys[1]).await.as_deref(), Some("again"));
}

fn intent(size: u64, chunk: u32) -> Intent {
    Intent {
        blob: BlobRef {
            id: Uuid::new_v4(),
            size,
            chunk,
        },
        started: now(),
        purpose: Purpose::Object {
            bucket: Uuid::new_v4(),
            shard: 1,
            key: "k".into(),
        },
        decided: None,
    }
}

async fn blocks_are_read_as_written(store: &dyn Store) {
    let intent = intent((16 << 20) + 5, 1 << 20);
    let blob = intent.blob;
    for block in [0, 15, 16] {
        let bytes = Bytes::from(format!("block {block}"));
        store
            .write_block(&intent, block, bytes.clone())
            .await
            .unwrap();
        for care in [Care::Quick, Care::Sure] {
            assert_eq!(
                store.read_block(&blob, block, care).await.unwrap(),
                Some(bytes.clone())
            );
        }
    }
    assert_eq!(store.read_block(&blob, 3, Care::Sure).await.unwrap(), None);
    let found = segments_of(store, blob).await;
    assert_eq!(found.iter().map(|s| s.number).collect::<Vec<_>>(), [0, 1]);
    assert!(
        found
            .iter()
            .all(|segment| segment.intent.as_ref() == Some(&intent))
    );
    store.delete_segment(blob.id, 0).await.unwrap();
    assert_eq!(store.read_block(&blob, 0, Care::Sure).await.unwrap(), None);
    assert!(
        store
            .read_block(&blob, 16, Care::Sure)
            .await
            .unwrap()
            .is_some()
    );
    store.delete_blob(&blob).await.unwrap();
    assert_eq!(store.read_block(&blob, 16, Care::Sure).await.unwrap(), None);
}

async fn segments_of(store: &dyn Store, blob: BlobRef) -> Vec<Segment> {
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let (segments, next) = store.segments(token, 50).await.unwrap();
        found.extend(segments.into_iter().filter(|one| one.blob == blob.id));
        token = next;
        if token.is_none() {
            found.sort_by_key(|segment| segment.number);
            return found;
        }
    }
}

async fn a_segment_says_whose_it_is_whichever_block_came_first(store: &dyn Store) {
    let intent = intent((16 << 20) + 5, 1 << 20);
    let bytes = Bytes::from("block");
    store.write_block(&intent, 3, bytes).await.unwrap();
    let found = segments_of(store, intent.blob).await;
    let segment = Segment {
        number: 0,
        blob: intent.blob.id,
        intent: Some(intent.clone()),
    };
    assert_eq!(found, [segment]);
    store.delete_segment(intent.blob.id, 0).await.unwrap();
    assert!(segments_of(store, intent.blob).await.is_empty());
}

async fn intents_keep_what_was_decided(store: &dyn Store) {
    let begun = intent(10, 10);
    let decided = Intent {
        decided: Some(id(now())),
        ..begun.clone()
    };
    store.intend(&begun).await.unwrap();
    store.intend(&decided).await.unwrap();
    // The first one again, late.
    store.intend(&begun).await.unwrap();
    let mut found = Vec::new();
    for partition in store.intent_partitions().await.unwrap() {
        found.extend(
            store
                .intents(partition)
                .await
                .unwrap()
                .into_iter()
                .map(|i| (partition, i)),
        );
    }
    found.retain(|(_, intent)| intent.blob == begun.blob);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].0.hour, &found[0].1),
        (begun.started / HOUR, &decided)
    );
    store.drop_intents(found[0].0).await.unwrap();
    assert!(store.intents(found[0].0).await.unwrap().is_empty());
}

async fn manifests_have_pages(store: &dyn Store) {
    let id = Uuid::new_v4();
    let part = PartRef {
        number: 1,
        blob: intent(5, 5).blob,
        checksum: None,
    };
    store
        .write_manifest(id, 0, std::slice::from_ref(&part))
        .await
        .unwrap();
    store.write_manifest(id, 1, &[]).await.unwrap();
    assert_eq!(store.read_manifest(id, 0).await.unwrap(), Some(vec![part]));
    assert_eq!(store.read_manifest(id, 1).await.unwrap(), Some(vec![]));
    assert_eq!(store.read_manifest(id, 2).await.unwrap(), None);
    store.delete_manifest(id).await.unwrap();
    assert_eq!(store.read_manifest(id, 0).await.unwrap(), None);
}

fn upload(place: &Slot) -> Upload {
    Upload {
        id: Uuid::new_v4(),
        bucket: place.bucket,
        shard: place.shard,
        key: place.key.clone(),
        started: now(),
        state: State::Open,
        revision: 1,
        owner: "o".into(),
        headers: ContentHeaders::default(),
        metadata: BTreeMap::new(),
        acl: object_gateway::core::acl::Acl::default(),
        tags: BTreeMap::new(),
        algorithm: None,
        full_checksum: false,
    }
}

async fn uploads_go_forward_by_compare_and_swap(store: &dyn Store) {
    let place = slot("k");
    let (one, two) = (
        upload(&place),
        upload(&Slot {
            key: "l".into(),
            ..place.clone()
        }),
    );
    for upload in [&one, &two] {
        store.create_upload(upload).await.unwrap();
    }
    assert_eq!(
        store.upload(&place, one.id).await.unwrap(),
        Some(one.clone())
    );
    let next = Upload {
        state: State::Aborted,
        revision: 2,
        ..one.clone()
    };
    assert!(store.replace_upload(&next, 1).await.unwrap());
    assert!(!store.replace_upload(&next, 1).await.unwrap());
    // A create that is repeated does not take it back.
    store.create_upload(&one).await.unwrap();
    assert_eq!(
        store.upload(&place, one.id).await.unwrap(),
        Some(next.clone())
    );
    let listed = store
        .uploads(place.bucket, place.shard, None, 10)
        .await
        .unwrap();
    assert_eq!(listed, [next.clone(), two.clone()]);
    let after = Some((one.key.clone(), one.id));
    assert_eq!(
        store
            .uploads(place.bucket, place.shard, after, 10)
            .await
            .unwrap(),
        [two]
    );
    store.remove_upload(&place, one.id).await.unwrap();
    assert_eq!(store.upload(&place, one.id).await.unwrap(), None);
    assert!(
        !store.replace_upload(&next, 2).await.unwrap(),
        "an upload that is gone came back"
    );
}

async fn parts_are_removed_by_timestamp(store: &dyn Store) {
    let (upload, at) = (Uuid::new_v4(), now());
    let part = |number, at| Part {
        number,
        attempt: id(at),
        blob: intent(5, 5).blob,
        etag: "e".into(),
        checksum: None,
    };
    let (one, again, two) = (part(1, at), part(1, at + 1), part(2, at));
    for part in [&one, &again, &two] {
        store.write_part(upload, part).await.unwrap();
    }
    assert_eq!(
        store.parts(upload).await.unwrap(),
        [one.clone(), again.clone(), two.clone()]
    );
    store
        .remove_part(upload, 1, one.attempt, at + 100)
        .await
        .unwrap();
    // It surfaces late, below the fence.
    store.write_part(upload, &one).await.unwrap();
    assert_eq!(store.parts(upload).await.unwrap(), [again, two]);
}

async fn tasks_lie_in_the_hour_that_they_are_due(store: &dyn Store) {
    let due = now() + 5 * HOUR;
    let task = Queued {
        id: Uuid::new_v4(),
        task: Task::Bucket {
            id: Uuid::new_v4(),
            shards: 3,
        },
    };
    store.schedule(&task, due).await.unwrap();
    let partitions = store.task_partitions().await.unwrap();
    let mut found = None;
    for partition in partitions
        .into_iter()
        .filter(|partition| partition.hour == due / HOUR)
    {
        if store.tasks(partition).await.unwrap().contains(&task) {
            found = Some(partition);
        }
    }
    let partition = found.expect("the task is in its hour");
    store.drop_tasks(partition).await.unwrap();
    assert!(!store.tasks(partition).await.unwrap().contains(&task));
}

#[tokio::test]
async fn the_store_in_memory_does_what_a_store_must() {
    all(Arc::new(MemoryStore::new(Arc::new(System::default())))).await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "how a test is told of a Cassandra"
)]
fn asked(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[tokio::test]
#[ignore = "needs a Cassandra: OBJECT_GATEWAY_CASSANDRA=host:port"]
async fn the_store_in_cassandra_does_what_a_store_must() {
    let address = asked("OBJECT_GATEWAY_CASSANDRA")
        .expect("OBJECT_GATEWAY_CASSANDRA must name a Cassandra, as host:port");
    let datacenter = asked("OBJECT_GATEWAY_DATACENTER").unwrap_or_else(|| "datacenter1".to_owned());
    let replicas: u32 = asked("OBJECT_GATEWAY_REPLICAS").map_or(1, |count| {
        count
            .parse()
            .expect("OBJECT_GATEWAY_REPLICAS must be a number of copies")
    });
    let options = Options {
        contact_points: vec![address],
        datacenter: Some(datacenter.clone()),
        // One that is there already keeps the copies that it was made with.
        keyspace: format!("object_gateway_suite_{replicas}"),
        login: None,
    };
    let copies = BTreeMap::from([(datacenter, replicas)]);
    let metrics = Metrics::new().unwrap();
    CassandraStore::migrate(&options, &copies).await.unwrap();
    // A migration that was done is not done again.
    CassandraStore::migrate(&options, &copies).await.unwrap();
    all(Arc::new(
        CassandraStore::open(&options, metrics).await.unwrap(),
    ))
    .await;
}
