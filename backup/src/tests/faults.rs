//! Stores that fail and lie: the work is done all the same, or ends with an error that says what is wrong.

use std::{
    fs,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use super::world::{World, host};
use crate::{
    catalogue,
    error::ErrorClass,
    testing::faulty_store::{Fault, Operation},
};

/// Every so many requests something goes wrong, in one way after the other.
fn disturb(world: &World, every: u64, faults: &'static [Fault]) {
    let (count, turn) = (AtomicU64::new(0), AtomicUsize::new(0));
    world.store.set_faults(move |_, _| {
        if count.fetch_add(1, Ordering::SeqCst) % every != every - 1 {
            return Fault::None;
        }
        let turn = turn.fetch_add(1, Ordering::SeqCst);
        faults[turn % faults.len()]
    });
}

#[tokio::test]
async fn requests_that_are_refused_lost_or_answered_badly_are_made_again() {
    let faults = &[
        Fault::Throttled,
        Fault::LostRequest,
        Fault::LostReply,
        Fault::CutBody,
        Fault::FlippedByte,
    ];
    for every in 3..12 {
        for mut world in [World::new(), World::encrypted()] {
            world.usual_data();
            disturb(&world, every, faults);
            let first = world.back_up().await.unwrap().backup;
            world.sstable(5, &[("Data.db", 30_000)]);
            let second = world.back_up().await.unwrap().backup;
            for id in [&first, &second] {
                let restored = world.restored(id).await.unwrap();
                assert_eq!(restored, world.snapshotted(id), "every {every}");
            }
            let repository = world.open().await.unwrap();
            catalogue::delete(&repository, &first, "").await.unwrap();
            world.store.pass(100_000);
            world.collect().await.unwrap();
            assert_eq!(
                world.restored(&second).await.unwrap(),
                world.snapshotted(&second)
            );
        }
    }
}

#[tokio::test]
async fn a_store_that_does_not_recover_is_given_up_with_its_own_word() {
    for (fault, reason, class) in [
        (Fault::Throttled, "StoreThrottled", ErrorClass::Throttled),
        (Fault::LostReply, "StoreUnavailable", ErrorClass::Transient),
        (Fault::Expired, "StoreAuth", ErrorClass::Forbidden),
    ] {
        let mut world = World::new();
        world.usual_data();
        world.open().await.unwrap();
        world.store.set_faults(move |operation, _| {
            if operation == Operation::Put {
                fault
            } else {
                Fault::None
            }
        });
        let error = world.back_up().await.unwrap_err();
        assert_eq!(
            (error.reason(), error.class()),
            (reason, class),
            "{}",
            error.in_full()
        );
    }
}

#[tokio::test]
async fn expired_credentials_in_the_middle_lose_nothing() {
    let mut world = World::new();
    world.usual_data();
    let id = world.next_id();
    let count = AtomicU64::new(0);
    world.store.set_faults(move |operation, _| {
        let late = operation == Operation::Put && count.fetch_add(1, Ordering::SeqCst) > 3;
        if late { Fault::Expired } else { Fault::None }
    });
    let error = world.back_up_as(&id).await.unwrap_err();
    assert!(
        error.in_full().contains("ExpiredToken"),
        "{}",
        error.in_full()
    );
    world.store.heal();
    world.back_up_as(&id).await.unwrap();
    assert_eq!(world.restored(&id).await.unwrap(), world.snapshotted(&id));
}

#[tokio::test]
async fn bytes_that_are_damaged_in_the_store_are_never_restored() {
    for mut world in [World::new(), World::encrypted()] {
        world.usual_data();
        let id = world.back_up().await.unwrap().backup;
        for (key, bytes) in world.store.objects() {
            for at in [0, bytes.len() / 2, bytes.len() - 2] {
                world.store.damage(&key, |bytes| bytes[at] ^= 4);
                match world.restored(&id).await {
                    // Marks, keys that are known, and what a restore does not read.
                    Ok(files) => assert_eq!(files, world.snapshotted(&id), "{key}"),
                    Err(error) => {
                        assert!(
                            matches!(error.class(), ErrorClass::Corrupt | ErrorClass::Invalid),
                            "{key}: {}",
                            error.in_full()
                        );
                        assert!(
                            error
                                .in_full()
                                .contains(key.trim_start_matches("backups/of/c1/")),
                            "{key} is not named by: {}",
                            error.in_full()
                        );
                    }
                }
                world
                    .store
                    .damage(&key, |damaged| *damaged = bytes.to_vec());
            }
        }
    }
}

#[tokio::test]
async fn a_missing_blob_is_named_with_what_needs_it() {
    let mut world = World::new();
    world.sstable(1, &[("Data.db", 40_000)]);
    let id = world.back_up().await.unwrap().backup;
    let repository = world.open().await.unwrap();
    let part = catalogue::newest_of(&repository, &host(), None)
        .await
        .unwrap()
        .unwrap();
    let manifest = repository.get_object(&part.manifest).await.unwrap();
    let mut entries = crate::format::manifest::Reader::new("m", manifest.as_slice()).unwrap();
    let data = entries.find_map(|entry| {
        entry
            .unwrap()
            .components
            .into_iter()
            .find(|component| component.name == "Data.db")
    });
    let key = crate::keys::blob(&data.unwrap().blobs()[1]);
    world.store.lose(&format!("backups/of/c1/{key}"));
    let error = world.restored(&id).await.unwrap_err();
    assert_eq!(error.reason(), "BlobMissing");
    assert!(error.to_string().contains("nb-1-big-Data.db"), "{error}");
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_an_error() {
    let mut world = World::new();
    world.sstable(1, &[("Data.db", 40_000)]);
    let id = world.next_id();
    let folders = world.snapshot(id.as_str());
    let path = folders[0].path.join("nb-1-big-Data.db");
    let repository = world.open().await.unwrap();
    let request = world.request(&id, None);
    world.store.set_faults(move |_, key| {
        if key.ends_with("intent.json") {
            fs::File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_len(10)
                .unwrap();
        }
        Fault::None
    });
    // It is truncated before it is listed at the earliest, and then it is only a shorter file: both are honest.
    match crate::node_backup::run(&repository, &super::world::transfer(), request).await {
        Ok(part) => assert!(part.totals.bytes < 40_000),
        Err(error) => assert_eq!(error.reason(), "FileChanged"),
    }
}

#[tokio::test]
async fn a_collection_that_cannot_read_a_root_deletes_nothing() {
    let mut world = World::new();
    world.usual_data();
    let first = world.back_up().await.unwrap().backup;
    world.sstable(4, &[("Data.db", 40_000)]);
    world.back_up().await.unwrap();
    let repository = world.open().await.unwrap();
    catalogue::delete(&repository, &first, "").await.unwrap();
    world.store.pass(100_000);
    let before = world.store.keys();
    for damage in ["refs.bin", "COMMIT"] {
        let second = before.iter().rfind(|key| key.ends_with(damage)).unwrap();
        let whole = world.store.objects()[second].clone();
        world.store.damage(second, |bytes| bytes[20] ^= 1);
        let error = world.collect().await.unwrap_err();
        assert_eq!(error.reason(), "ObjectDamaged", "{}", error.in_full());
        world.store.damage(second, |bytes| *bytes = whole.to_vec());
        let blobs = |keys: &[String]| keys.iter().filter(|key| key.contains("/blobs/")).count();
        assert_eq!(blobs(&world.store.keys()), blobs(&before));
    }
    assert!(world.collect().await.is_ok());
}
