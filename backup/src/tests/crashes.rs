//! Killed at every write, before it and after it, and begun again: nothing is lost, and what is done is done once.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::world::World;
use crate::{
    catalogue,
    error::Result,
    ids::BackupId,
    testing::faulty_store::{Fault, Operation},
};

/// Kills whoever makes the write of this number.
fn kill_at(world: &World, number: u64, fault: Fault) {
    let count = Arc::new(AtomicU64::new(0));
    world.store.set_faults(move |operation, _| {
        if operation.writes() && count.fetch_add(1, Ordering::SeqCst) == number {
            return fault;
        }
        Fault::None
    });
}

/// Runs `work` to its end for each number of writes after which it can be killed: killed there, with `between` done to
/// the world, run again. Then `check`.
async fn at_every_write(
    prepare: impl AsyncFn() -> (World, BackupId),
    work: impl AsyncFn(&mut World, &BackupId) -> Result<()>,
    between: impl Fn(&mut World),
    check: impl AsyncFn(&mut World, &BackupId),
) {
    for fault in [Fault::KilledBefore, Fault::KilledAfter] {
        let mut killed = 0;
        loop {
            let (mut world, id) = prepare().await;
            kill_at(&world, killed, fault);
            let first = work(&mut world, &id).await;
            world.store.heal();
            let Err(error) = first else {
                break;
            };
            assert_eq!(error.reason(), "StoreRefused", "{error}");
            between(&mut world);
            work(&mut world, &id)
                .await
                .unwrap_or_else(|error| panic!("{fault:?} {killed}: {}", error.in_full()));
            check(&mut world, &id).await;
            killed += 1;
        }
        assert!(killed > 2, "there were only {killed} writes");
    }
}

/// One backup is there; the data has changed since.
async fn changed_after_a_backup() -> (World, BackupId) {
    let mut world = World::new();
    world.usual_data();
    world.back_up().await.unwrap();
    fs::remove_file(world.table().join("nb-2-big-Data.db")).unwrap();
    world.sstable(4, &[("Data.db", 40_000), ("Statistics.db", 70)]);
    world.store.pass(3_000);
    let id = world.next_id();
    (world, id)
}

async fn all_backups_are_whole(world: &World) {
    let repository = world.open().await.unwrap();
    for commit in catalogue::list(&repository).await.unwrap() {
        let id = &commit.backup;
        assert_eq!(world.restored(id).await.unwrap(), world.snapshotted(id));
    }
}

#[tokio::test]
async fn a_backup_that_is_killed_anywhere_goes_on() {
    at_every_write(
        changed_after_a_backup,
        async |world, id| world.back_up_as(id).await.map(drop),
        |_| {},
        async |world, id| {
            let repository = world.open().await.unwrap();
            assert!(catalogue::load(&repository, id).await.is_ok());
            all_backups_are_whole(world).await;
        },
    )
    .await;
}

#[tokio::test]
async fn an_encrypted_backup_that_is_killed_anywhere_goes_on() {
    at_every_write(
        async || {
            let mut world = World::encrypted();
            world.usual_data();
            let id = world.next_id();
            (world, id)
        },
        async |world, id| world.back_up_as(id).await.map(drop),
        |_| {},
        async |world, _| all_backups_are_whole(world).await,
    )
    .await;
}

#[tokio::test]
async fn a_backup_that_is_killed_anywhere_goes_on_when_its_journal_is_lost_too() {
    at_every_write(
        changed_after_a_backup,
        async |world, id| world.back_up_as(id).await.map(drop),
        |world| {
            let _ = fs::remove_dir_all(world.state());
        },
        async |world, _| all_backups_are_whole(world).await,
    )
    .await;
}

#[tokio::test]
async fn a_backup_that_is_killed_anywhere_uploads_nothing_twice() {
    let (world, id) = changed_after_a_backup().await;
    let before = world.store.writes();
    world.back_up_as(&id).await.unwrap();
    let needed = world.store.writes() - before;
    for killed in 0..needed {
        let (mut world, id) = changed_after_a_backup().await;
        let puts = Arc::new(AtomicU64::new(0));
        let (count, blobs) = (AtomicU64::new(0), Arc::clone(&puts));
        let mut over = false;
        world.store.set_faults(move |operation, key| {
            if operation == Operation::Put && key.contains("/blobs/") {
                blobs.fetch_add(1, Ordering::SeqCst);
            }
            if operation.writes() && count.fetch_add(1, Ordering::SeqCst) == killed && !over {
                over = true;
                return Fault::KilledAfter;
            }
            Fault::None
        });
        let _ = world.back_up_as(&id).await;
        let blobs = Arc::clone(&puts);
        world.store.set_faults(move |operation, key| {
            if operation == Operation::Put && key.contains("/blobs/") {
                blobs.fetch_add(1, Ordering::SeqCst);
            }
            Fault::None
        });
        world.back_up_as(&id).await.unwrap();
        // Four blobs. Those that were under way when it was killed may be sent twice, one for each of four workers.
        let sent = puts.load(Ordering::SeqCst);
        assert!(sent <= 4 + 4, "{sent} blobs were sent");
        world.store.heal();
        let _ = world.next_id();
    }
}

#[tokio::test]
async fn a_collection_that_is_killed_anywhere_goes_on_and_loses_nothing() {
    at_every_write(
        async || {
            let mut world = World::new();
            world.usual_data();
            let first = world.back_up().await.unwrap().backup;
            fs::remove_file(world.table().join("nb-1-big-Data.db")).unwrap();
            world.sstable(4, &[("Data.db", 40_000)]);
            let second = world.back_up().await.unwrap().backup;
            let repository = world.open().await.unwrap();
            catalogue::delete(&repository, &first, "").await.unwrap();
            world.store.pass(100_000);
            (world, second)
        },
        async |world, _| world.collect().await.map(drop),
        |_| {},
        async |world, second| {
            all_backups_are_whole(world).await;
            world.collect().await.unwrap();
            let repository = world.open().await.unwrap();
            let commits = catalogue::list(&repository).await.unwrap();
            assert_eq!(commits.len(), 1);
            assert_eq!(commits[0].backup, *second);
            // What is left is what the second one needs, repo.json and the collection's report and mark.
            let kept = commits[0].totals();
            assert!(kept.new_blobs > 0);
            let keys = world.store.keys();
            assert!(!keys.iter().any(|key| key.ends_with("DELETED")), "{keys:?}");
            let nodes = keys.iter().filter(|key| key.contains("/nodes/")).count();
            assert_eq!(nodes, 3, "{keys:?}");
        },
    )
    .await;
}

#[tokio::test]
async fn a_deletion_that_is_killed_is_done_or_not_done() {
    for fault in [Fault::KilledBefore, Fault::KilledAfter] {
        let mut world = World::new();
        world.usual_data();
        let id = world.back_up().await.unwrap().backup;
        let repository = world.open().await.unwrap();
        kill_at(&world, 0, fault);
        catalogue::delete(&repository, &id, "").await.unwrap_err();
        world.store.heal();
        let is_there = world.restored(&id).await.is_ok();
        assert_eq!(is_there, fault == Fault::KilledBefore);
        catalogue::delete(&repository, &id, "").await.unwrap();
        assert_eq!(
            world.restored(&id).await.unwrap_err().reason(),
            "BackupDeleted"
        );
    }
}

#[tokio::test]
async fn a_restore_that_is_killed_at_any_request_goes_on_in_the_same_folder() {
    let mut world = World::new();
    world.usual_data();
    let id = world.back_up().await.unwrap().backup;
    for number in 0.. {
        let target = tempfile::tempdir().unwrap();
        let count = AtomicU64::new(0);
        world.store.set_faults(move |_, _| {
            let now = count.fetch_add(1, Ordering::SeqCst);
            if now == number {
                Fault::KilledBefore
            } else {
                Fault::None
            }
        });
        let first = world.restore_into(&id, target.path(), &[]).await;
        world.store.heal();
        let whole = first.is_ok();
        if !whole {
            world.restore_into(&id, target.path(), &[]).await.unwrap();
        }
        assert_eq!(super::world::files(target.path()), world.snapshotted(&id));
        if whole {
            assert!(number > 5);
            break;
        }
    }
}
