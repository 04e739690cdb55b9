//! The suite of stores on each store that is at hand.

use std::sync::Arc;

use object_store::{ObjectStore, local::LocalFileSystem, memory::InMemory};

use super::world::{World, files, transfer};
use crate::{
    commit, gc, node_backup, probe,
    repository::Repository,
    store::{RetryPolicy, Store, StoreSettings},
    testing::{conformance, faulty_store::FaultyStore},
    transfer::download::{self, Selection, Target},
    verify,
};

async fn passes(inner: Arc<dyn ObjectStore>) {
    for prefix in ["", "some/where"] {
        let store = Store::new(Arc::clone(&inner), prefix, RetryPolicy::never());
        conformance::run(&store).await.unwrap();
    }
}

#[tokio::test]
async fn memory_passes_the_suite() {
    passes(Arc::new(InMemory::new())).await;
}

#[tokio::test]
async fn a_folder_passes_the_suite() {
    let folder = tempfile::tempdir().unwrap();
    passes(Arc::new(
        LocalFileSystem::new_with_prefix(folder.path()).unwrap(),
    ))
    .await;
}

#[tokio::test]
async fn the_store_of_the_tests_passes_the_suite() {
    passes(Arc::new(FaultyStore::default())).await;
}

const NEEDED: &str = "this test needs a store: CASSANDRA_BACKUP_TEST_STORE has to be a file with its settings in \
    JSON, for example {\"provider\": {\"s3\": {\"bucket\": \"test\", \"endpoint\": \"http://127.0.0.1:7070\", \
    \"region\": \"us-east-1\"}}, \"allowHttp\": true, \"credentials\": {\"folder\": \"/keys\"}}";

/// A place of its own in the store that is given from outside.
#[expect(
    clippy::disallowed_methods,
    reason = "the store of these tests is given from outside"
)]
fn real_store(name: &str) -> Store {
    let file = std::env::var("CASSANDRA_BACKUP_TEST_STORE").expect(NEEDED);
    let settings = std::fs::read_to_string(file).expect(NEEDED);
    let mut settings: StoreSettings = serde_json::from_str(&settings).expect(NEEDED);
    let unique = u128::from_be_bytes(crate::crypto::random().unwrap());
    settings.prefix = format!("{}/{name}-{unique:x}", settings.prefix);
    Store::open(&settings).unwrap()
}

#[tokio::test]
#[ignore = "needs a real store, named by CASSANDRA_BACKUP_TEST_STORE"]
async fn a_real_store_passes_the_suite() {
    conformance::run(&real_store("conformance")).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a real store, named by CASSANDRA_BACKUP_TEST_STORE"]
async fn a_real_store_takes_backups_and_gives_them_back() {
    let mut world = World::new();
    world.usual_data();
    let id = world.next_id();
    let store = real_store("backup");
    probe::run(&store, &id).await.unwrap();
    let repository = Repository::create(store, &world.description())
        .await
        .unwrap();
    let part = node_backup::run(&repository, &transfer(), world.request(&id, None))
        .await
        .unwrap();
    let request = commit::Request {
        backup: id.clone(),
        name: String::new(),
        description: String::new(),
        nodes: vec![part.clone()],
        absent: Vec::new(),
        cluster: None,
        now: jiff::Timestamp::now(),
    };
    let committed = commit::run(&repository, request).await.unwrap();
    let level = verify::Level {
        level: 3,
        one_of: 1,
        share: 0,
    };
    let report = verify::run(&repository, &transfer(), &committed, level)
        .await
        .unwrap();
    assert_eq!(report.problems, []);
    let collected = gc::Options {
        id: world.next_id(),
        scratch: None,
        dry_run: false,
    };
    let collected = gc::run(&repository, &collected).await.unwrap();
    assert_eq!((collected.deleted, collected.missing), (0, 0));
    let target = tempfile::tempdir().unwrap();
    let into = Target {
        folders: vec![target.path().into()],
        local: Vec::new(),
    };
    let all = Selection {
        beside: true,
        ..Selection::default()
    };
    download::run(&repository, &transfer(), &part, &all, &into)
        .await
        .unwrap();
    assert_eq!(files(target.path()), world.snapshotted(&id));
}
