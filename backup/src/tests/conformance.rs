//! The suite of stores on each store that is at hand.

use std::sync::Arc;

use object_store::{ObjectStore, local::LocalFileSystem, memory::InMemory};

use crate::{
    store::{RetryPolicy, Store, StoreSettings},
    testing::{conformance, faulty_store::FaultyStore},
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

#[tokio::test]
#[ignore = "needs a real store, named by CASSANDRA_BACKUP_TEST_STORE"]
#[expect(
    clippy::disallowed_methods,
    reason = "the store of this test is given from outside"
)]
async fn a_real_store_passes_the_suite() {
    let file = std::env::var("CASSANDRA_BACKUP_TEST_STORE").expect(NEEDED);
    let settings = std::fs::read_to_string(file).expect(NEEDED);
    let mut settings: StoreSettings = serde_json::from_str(&settings).expect(NEEDED);
    let unique = u128::from_be_bytes(crate::crypto::random().unwrap());
    settings.prefix = format!("{}/conformance-{unique:x}", settings.prefix);
    let store = Store::open(&settings).unwrap();
    conformance::run(&store).await.unwrap();
}
