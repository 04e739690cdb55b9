//! What is backed up comes back, whatever happened to older and newer backups.

use std::{fs, sync::atomic::Ordering};

use super::world::{World, content, host, transfer};
use crate::{
    catalogue,
    crypto::DataKey,
    format::{commit::NodePart, repository::Description},
    ids::Uuid,
    node_backup,
    repository::Repository,
    store::{RetryPolicy, Store},
    testing::faulty_store::Fault,
    transfer::download::Selection,
    verify,
};

fn level(level: u8) -> verify::Level {
    verify::Level {
        level,
        one_of: 1,
        share: 0,
    }
}

#[tokio::test]
async fn every_file_comes_back_as_it_was() {
    for mut world in [World::new(), World::encrypted()] {
        world.usual_data();
        let backup = world.back_up().await.unwrap().backup;
        assert_eq!(
            world.restored(&backup).await.unwrap(),
            world.snapshotted(&backup)
        );
    }
}

#[tokio::test]
async fn nothing_of_an_encrypted_repository_tells_what_is_in_it() {
    let mut world = World::encrypted();
    world.usual_data();
    world.back_up().await.unwrap();
    let plain = content("1 Data.db", 50_000);
    for (key, bytes) in world.store.objects() {
        let found = bytes.windows(16).any(|window| window == &plain[..16]);
        assert!(!found, "{key} holds plain content");
        let names = bytes.windows(8).any(|window| window == b"\"orders\"");
        assert!(!names, "{key} holds a table's name");
    }
}

#[tokio::test]
async fn without_an_identity_a_node_reads_only_what_its_own_key_wrote() {
    let mut world = World::encrypted();
    world.usual_data();
    let backup = world.back_up().await.unwrap().backup;
    let open = |key: u8| {
        let store = Store::new(
            std::sync::Arc::new(world.store.clone()),
            "backups/of/c1",
            RetryPolicy::never(),
        );
        async move {
            let repository = Repository::open(store, None).await.unwrap();
            repository
                .for_writing(Some(DataKey::from_bytes([key; 32])))
                .await
                .unwrap()
        }
    };
    let own = open(3).await;
    let part = catalogue::newest_of(&own, &host(), None)
        .await
        .unwrap()
        .unwrap();
    assert!(own.get_object(&part.manifest).await.is_ok());
    let other = open(4).await;
    let error = other.get_object(&part.manifest).await.unwrap_err();
    assert_eq!(error.reason(), "KeyMissing");
    assert_eq!(
        world.restored(&backup).await.unwrap(),
        world.snapshotted(&backup)
    );
}

#[tokio::test]
async fn a_backup_of_unchanged_data_costs_five_requests_and_no_blob() {
    let mut world = World::new();
    world.usual_data();
    let first = world.back_up().await.unwrap();
    let before = world
        .store
        .keys()
        .iter()
        .filter(|key| key.contains("/blobs/"))
        .count();
    let id = world.next_id();
    // The snapshot's own schema.cql is written anew each time; here it is the same file.
    let folders = world.snapshot(first.backup.as_str());
    let repository = world.open().await.unwrap();
    let base = catalogue::newest_of(&repository, &host(), None)
        .await
        .unwrap();
    let store = repository.store().requests().total();
    let request = node_backup::Request {
        folders,
        ..world.request(&id, base)
    };
    let part = node_backup::run(&repository, &transfer(), request)
        .await
        .unwrap();
    assert_eq!(part.totals.new_blobs, 0);
    assert_eq!(part.totals.files, first.totals().files);
    let requests = repository.store().requests().total() - store;
    assert!(requests <= 5, "{requests} requests");
    let after = world
        .store
        .keys()
        .iter()
        .filter(|key| key.contains("/blobs/"))
        .count();
    assert_eq!(before, after);
}

#[tokio::test]
async fn one_small_sstable_is_one_blob() {
    let mut world = World::new();
    world.sstable(
        1,
        &[
            ("Data.db", 9_000),
            ("Index.db", 100),
            ("Statistics.db", 70),
            ("TOC.txt", 9),
        ],
    );
    let commit = world.back_up().await.unwrap();
    assert_eq!(commit.totals().new_blobs, 1);
}

#[tokio::test]
async fn a_component_that_is_rewritten_leaves_older_backups_alone() {
    let mut world = World::new();
    world.usual_data();
    let first = world.back_up().await.unwrap().backup;
    // As Cassandra does it: a new file under the old name. Once with the same length.
    for (bytes, seed) in [(70, "same length"), (71, "one longer")] {
        let path = world.table().join("nb-1-big-Statistics.db");
        fs::remove_file(&path).unwrap();
        fs::write(&path, content(seed, bytes)).unwrap();
        let next = world.back_up().await.unwrap().backup;
        assert_eq!(
            world.restored(&next).await.unwrap(),
            world.snapshotted(&next)
        );
        assert_eq!(
            world.restored(&first).await.unwrap(),
            world.snapshotted(&first)
        );
    }
}

#[tokio::test]
async fn a_number_that_is_given_again_leaves_older_backups_alone() {
    let mut world = World::new();
    world.sstable(1, &[("Data.db", 20_000), ("Digest.crc32", 9)]);
    let first = world.back_up().await.unwrap().backup;
    let times: Vec<_> = ["Data.db", "Digest.crc32"]
        .iter()
        .map(|name| {
            let path = world.table().join(format!("nb-1-big-{name}"));
            (fs::metadata(&path).unwrap().modified().unwrap(), path)
        })
        .collect();
    for (time, path) in times {
        let bytes = fs::read(&path).unwrap().len();
        fs::remove_file(&path).unwrap();
        fs::write(&path, content("another table's", bytes)).unwrap();
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
    // Same names, lengths and times: only the checksum's content differs, and tells.
    fs::write(world.table().join("nb-1-big-Digest.crc32"), "987654321").unwrap();
    let second = world.back_up().await.unwrap().backup;
    assert_eq!(
        world.restored(&first).await.unwrap(),
        world.snapshotted(&first)
    );
    assert_eq!(
        world.restored(&second).await.unwrap(),
        world.snapshotted(&second)
    );
}

#[tokio::test]
async fn an_empty_snapshot_is_an_error() {
    let mut world = World::new();
    let id = world.next_id();
    let repository = world.open().await.unwrap();
    let request = node_backup::Request {
        folders: Vec::new(),
        ..world.request(&id, None)
    };
    let error = node_backup::run(&repository, &transfer(), request)
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "SnapshotEmpty");
}

#[tokio::test]
async fn another_clusters_repository_is_refused() {
    let world = World::new();
    world.open().await.unwrap();
    let store = Store::new(
        std::sync::Arc::new(world.store.clone()),
        "backups/of/c1",
        RetryPolicy::never(),
    );
    let foreign = Description {
        cluster_uid: Uuid::from_random(8),
        ..world.description()
    };
    let error = Repository::create(store, &foreign).await.unwrap_err();
    assert_eq!(error.reason(), "ForeignRepository");
}

#[tokio::test]
async fn missing_and_deleted_backups_are_told_apart() {
    let mut world = World::new();
    world.usual_data();
    let backup = world.back_up().await.unwrap().backup;
    let never = world.next_id();
    assert_eq!(
        world.restored(&never).await.unwrap_err().reason(),
        "BackupNotFound"
    );
    let repository = world.open().await.unwrap();
    catalogue::delete(&repository, &backup, "asked for")
        .await
        .unwrap();
    catalogue::delete(&repository, &backup, "asked for again")
        .await
        .unwrap();
    assert_eq!(
        world.restored(&backup).await.unwrap_err().reason(),
        "BackupDeleted"
    );
}

#[tokio::test]
async fn a_deleted_backups_blobs_go_when_they_are_old_and_no_others() {
    let mut world = World::new();
    world.usual_data();
    let first = world.back_up().await.unwrap().backup;
    world.sstable(4, &[("Data.db", 40_000)]);
    fs::remove_file(world.table().join("nb-1-big-Data.db")).unwrap();
    let second = world.back_up().await.unwrap().backup;
    let repository = world.open().await.unwrap();
    catalogue::delete(&repository, &first, "").await.unwrap();
    assert_eq!(world.collect().await.unwrap().deleted, 0, "all is young");
    world.store.pass(100_000);
    let report = world.collect().await.unwrap();
    assert!(report.deleted > 0);
    assert_eq!(report.backups, 1);
    assert_eq!(
        world.restored(&second).await.unwrap(),
        world.snapshotted(&second)
    );
    assert!(
        !world
            .store
            .keys()
            .iter()
            .any(|key| key.contains(first.as_str()))
    );
    assert_eq!(world.collect().await.unwrap().deleted, 0);
}

#[tokio::test]
async fn an_old_blob_that_nothing_names_is_not_used_again() {
    let mut world = World::new();
    world.usual_data();
    let first = world.back_up().await.unwrap().backup;
    let repository = world.open().await.unwrap();
    catalogue::delete(&repository, &first, "").await.unwrap();
    world.store.pass(100_000);
    // The same data again, while the old blobs may go at any moment.
    let second = world.back_up().await.unwrap().backup;
    let report = world.collect().await.unwrap();

    assert_eq!(report.missing, 0);
    assert!(report.deleted > 0, "the old ones go");
    assert_eq!(
        world.restored(&second).await.unwrap(),
        world.snapshotted(&second)
    );
}

#[tokio::test]
async fn an_attempt_whose_time_is_over_is_not_committed_and_its_blobs_go() {
    let mut world = World::new();
    world.usual_data();
    let id = world.next_id();
    let repository = world.open().await.unwrap();
    let part = node_backup::run(&repository, &transfer(), world.request(&id, None))
        .await
        .unwrap();
    world.store.pass(6_000);
    let error = world.commit(&repository, &id, part).await.unwrap_err();
    assert_eq!(error.reason(), "DeadlineExceeded");
    world.store.pass(2_000);
    let report = world.collect().await.unwrap();
    assert_eq!(report.attempts, 1);
    assert!(report.deleted > 0);
    assert!(!world.store.keys().iter().any(|key| key.contains("/nodes/")));
}

#[tokio::test]
async fn what_is_on_the_disk_already_is_linked_and_not_fetched() {
    let mut world = World::new();
    world.usual_data();
    let backup = world.back_up().await.unwrap().backup;
    let target = tempfile::tempdir_in(world.disk.path()).unwrap();
    let fetched = world
        .restore_into(&backup, target.path(), &[world.data_dir()])
        .await
        .unwrap();
    let schema = "CREATE TABLE …".len() as u64;
    assert_eq!(
        fetched.fetched_bytes, schema,
        "only the snapshot's own file is not there"
    );
    assert_eq!(
        super::world::files(target.path()),
        world.snapshotted(&backup)
    );
}

#[tokio::test]
async fn a_restore_goes_on_at_the_chunk_where_it_was() {
    let mut world = World::new();
    world.sstable(1, &[("Data.db", 160_000)]);
    let backup = world.back_up().await.unwrap().backup;
    let target = tempfile::tempdir().unwrap();
    let gets = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let count = std::sync::Arc::clone(&gets);
    world.store.set_faults(move |operation, key| {
        use crate::testing::faulty_store::Operation;
        if operation == Operation::Get && key.contains("/blobs/") {
            let number = count.fetch_add(1, Ordering::SeqCst);
            return if number == 6 {
                Fault::KilledBefore
            } else {
                Fault::None
            };
        }
        Fault::None
    });
    world
        .restore_into(&backup, target.path(), &[])
        .await
        .unwrap_err();
    let first = gets.swap(0, Ordering::SeqCst);
    let count = std::sync::Arc::clone(&gets);
    world.store.set_faults(move |operation, key| {
        use crate::testing::faulty_store::Operation;
        if operation == Operation::Get && key.contains("/blobs/") {
            count.fetch_add(1, Ordering::SeqCst);
        }
        Fault::None
    });
    world
        .restore_into(&backup, target.path(), &[])
        .await
        .unwrap();
    let second = gets.load(Ordering::SeqCst);
    // Ten chunks and a pack; those that were under way when it was killed may come twice.
    assert!(first + second <= 11 + 5, "{first} + {second}");
    assert!(second <= 9, "{second}");
    assert_eq!(
        super::world::files(target.path()),
        world.snapshotted(&backup)
    );
}

#[tokio::test]
async fn only_what_was_selected_is_restored() {
    let mut world = World::new();
    world.usual_data();
    let backup = world.back_up().await.unwrap();
    let repository = world.open().await.unwrap();
    let target = tempfile::tempdir().unwrap();
    let into = crate::transfer::download::Target {
        folders: vec![target.path().into()],
        local: Vec::new(),
    };
    for (only, files) in [
        ("shop.orders", 9),
        ("shop", 9),
        ("shop.order", 0),
        ("sho", 0),
    ] {
        let selection = Selection {
            only: vec![only.into()],
            ..Selection::default()
        };
        let part = backup.node(&host()).unwrap();
        let fetched =
            crate::transfer::download::run(&repository, &transfer(), part, &selection, &into).await;
        assert_eq!(fetched.unwrap().files, files, "{only}");
    }
}

#[test]
fn exactly_the_tables_that_are_named_are_left_out() {
    let selection = Selection {
        except: vec!["system.peers".into()],
        ..Selection::default()
    };
    assert!(!selection.takes_table("system", "peers"));
    assert!(selection.takes_table("system", "peers_v2"));
    assert!(selection.takes_table("shop", "peers"));
}

#[tokio::test]
async fn each_kind_of_damage_is_found_by_the_level_that_looks_for_it() {
    for mut world in [World::new(), World::encrypted()] {
        world.usual_data();
        let commit = world.back_up().await.unwrap();
        let whole = world.store.objects();
        let problems = async |depth: u8| {
            let repository = world.open().await.unwrap();
            let report = verify::run(&repository, &transfer(), &commit, level(depth))
                .await
                .unwrap();
            report
                .problems
                .into_iter()
                .map(|problem| problem.reason)
                .collect::<Vec<_>>()
        };
        assert_eq!(problems(3).await, [""; 0]);
        for (key, bytes) in whole.iter().filter(|(key, _)| key.contains("/blobs/")) {
            world
                .store
                .damage(key, |bytes| *bytes.last_mut().unwrap() ^= 1);
            assert_eq!(problems(2).await, [""; 0]);
            assert_eq!(problems(3).await, ["ObjectDamaged"]);
            world.store.damage(key, |bytes| bytes.truncate(33));
            assert_eq!(problems(1).await, [""; 0]);
            assert_eq!(problems(2).await, ["ObjectDamaged"]);
            world.store.damage(key, |damaged| *damaged = bytes.to_vec());
        }
        for name in ["manifest.jsonl.zst", "refs.bin", "cluster.json.zst"] {
            let (key, bytes) = whole.iter().find(|(key, _)| key.ends_with(name)).unwrap();
            world
                .store
                .damage(key, |bytes| *bytes.last_mut().unwrap() ^= 1);
            assert_eq!(problems(0).await, ["ObjectDamaged"], "{name}");
            world.store.damage(key, |damaged| *damaged = bytes.to_vec());
        }
        let blob = whole.keys().find(|key| key.contains("/blobs/")).unwrap();
        world.store.lose(blob);
        assert_eq!(problems(0).await, [""; 0]);
        assert_eq!(problems(1).await, ["BlobMissing"]);
    }
}

#[tokio::test]
async fn a_share_of_the_blobs_is_read_each_time_and_all_in_turn() {
    let mut world = World::new();
    world.usual_data();
    let commit = world.back_up().await.unwrap();
    let repository = world.open().await.unwrap();
    let mut read = 0;
    for share in 0..3 {
        let level = verify::Level {
            level: 3,
            one_of: 3,
            share,
        };
        let report = verify::run(&repository, &transfer(), &commit, level)
            .await
            .unwrap();
        read += report.read_blobs;
        assert_eq!(report.blobs, commit.totals().new_blobs);
    }
    assert_eq!(read, commit.totals().new_blobs);
}

#[tokio::test]
async fn a_lost_state_folder_costs_no_data() {
    let mut world = World::new();
    world.usual_data();
    let id = world.next_id();
    let repository = world.open().await.unwrap();
    node_backup::run(&repository, &transfer(), world.request(&id, None))
        .await
        .unwrap();
    fs::remove_dir_all(world.state()).unwrap();
    // The same attempt again: the store has everything already.
    let part = node_backup::run(&repository, &transfer(), world.request(&id, None))
        .await
        .unwrap();
    world.commit(&repository, &id, part).await.unwrap();
    assert_eq!(world.restored(&id).await.unwrap(), world.snapshotted(&id));
}

#[tokio::test]
async fn a_commit_is_made_once_and_only_of_its_own_parts() {
    let mut world = World::new();
    world.usual_data();
    let (one, two) = (world.next_id(), world.next_id());
    let repository = world.open().await.unwrap();
    let transfer = transfer();
    let run = |id| node_backup::run(&repository, &transfer, world.request(id, None));
    let (part_one, part_two) = (run(&one).await.unwrap(), run(&two).await.unwrap());
    let first = world
        .commit(&repository, &one, part_one.clone())
        .await
        .unwrap();
    world.store.pass(10);
    let again = world.commit(&repository, &one, part_one).await.unwrap();
    assert_eq!(first, again);
    let error = world.commit(&repository, &one, part_two).await.unwrap_err();
    assert_eq!(error.reason(), "AlreadyWritten");
}

#[tokio::test]
async fn a_backup_that_was_committed_too_late_is_no_base() {
    let mut world = World::new();
    world.usual_data();
    let commit = world.back_up().await.unwrap();
    let repository = world.open().await.unwrap();
    let part = commit.node(&host()).unwrap();
    assert!(catalogue::is_base(&repository, part).await.unwrap());
    let now = world.store.now();
    let earlier = |seconds| {
        now.checked_sub(jiff::SignedDuration::from_secs(seconds))
            .unwrap()
    };
    let of = |until| NodePart {
        until,
        ..part.clone()
    };
    assert!(
        catalogue::is_base(&repository, &of(earlier(500)))
            .await
            .unwrap()
    );
    assert!(
        !catalogue::is_base(&repository, &of(earlier(501)))
            .await
            .unwrap()
    );
    catalogue::delete(&repository, &commit.backup, "")
        .await
        .unwrap();
    assert!(!catalogue::is_base(&repository, part).await.unwrap());
}

#[tokio::test]
async fn a_commit_that_was_held_up_is_taken_back() {
    let mut world = World::new();
    world.usual_data();
    let id = world.next_id();
    let repository = world.open().await.unwrap();
    let part = node_backup::run(&repository, &transfer(), world.request(&id, None))
        .await
        .unwrap();
    let clock = world.store.clone();
    world.store.set_faults(move |_, key| {
        // After the look at the attempt, before the write.
        if key.ends_with("cluster.json.zst") {
            clock.pass(10_000);
        }
        Fault::None
    });
    let error = world.commit(&repository, &id, part).await.unwrap_err();
    assert_eq!(error.reason(), "DeadlineExceeded");
    assert_eq!(
        world.restored(&id).await.unwrap_err().reason(),
        "BackupDeleted"
    );
}
