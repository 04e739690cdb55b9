//! Stores that can be used, and one that can't.

use std::sync::Arc;

use crate::{
    ids::BackupId,
    probe,
    store::{RetryPolicy, Store},
    testing::faulty_store::{Fault, FaultyStore, Operation},
};

fn store() -> (FaultyStore, Store, BackupId) {
    let faulty = FaultyStore::default();
    faulty.set_seconds(1_000);
    let store = Store::new(Arc::new(faulty.clone()), "p", RetryPolicy::never());
    (faulty, store, BackupId::new(1_000_000, 1))
}

#[tokio::test]
async fn a_good_store_is_told_and_left_clean() {
    let (faulty, store, id) = store();
    let found = probe::run(&store, &id).await.unwrap();
    assert!(found.delete && found.clocks_agree);
    assert!(faulty.keys().is_empty());
}

#[tokio::test]
async fn a_clock_that_is_wrong_and_a_missing_permission_are_told() {
    let (faulty, store, id) = store();
    faulty.set_seconds(2_000);
    faulty.set_faults(|operation, _| match operation {
        Operation::Delete => Fault::Expired,
        Operation::Put | Operation::Get | Operation::Head | Operation::List => Fault::None,
    });
    let found = probe::run(&store, &id).await.unwrap();
    assert!(!found.delete && !found.clocks_agree);
}

#[tokio::test]
async fn a_store_that_does_not_give_back_what_was_written_is_refused() {
    let (faulty, store, id) = store();
    faulty.set_faults(|operation, _| match operation {
        Operation::Get => Fault::FlippedByte,
        Operation::Put | Operation::Delete | Operation::Head | Operation::List => Fault::None,
    });
    assert_eq!(
        probe::run(&store, &id).await.unwrap_err().reason(),
        "Refused"
    );
}
