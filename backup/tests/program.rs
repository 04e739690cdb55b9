//! The program as somebody uses it who has no operator: a nodetool, a data directory, and a folder for a store.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

struct Machine {
    disk: TempDir,
}

/// As much of nodetool as is needed: facts, and snapshots by hard links.
const NODETOOL: &str = r#"#!/bin/sh
set -e
data=$(dirname "$0")/data
case "$1" in
info) printf 'ID : 6f4ad9a3-3a5e-4a0c-8f3c-5a6e8b9d0c1e\nData Center : dc1\nRack : r1\nToken : 5\n' ;;
describecluster) printf 'Name: shop\nPartitioner: org.apache.cassandra.dht.Murmur3Partitioner\n' ;;
version) echo 'ReleaseVersion: 5.0.9' ;;
snapshot)
    test ! -e "$data/broken" || { echo 'cannot snapshot' >&2; exit 1; }
    for table in "$data"/*/*/; do
        mkdir -p "$table/snapshots/$3"
        for file in "$table"/*; do if test -f "$file"; then ln "$file" "$table/snapshots/$3/"; fi; done
    done ;;
clearsnapshot)
    test ! -e "$data/unclear" || exit 1
    rm -r "$data"/*/*/snapshots/"$3" ;;
esac
"#;

impl Machine {
    fn new() -> Self {
        let disk = tempfile::tempdir().unwrap();
        let machine = Self { disk };
        fs::create_dir_all(machine.table()).unwrap();
        fs::create_dir_all(machine.path("store")).unwrap();
        let nodetool = machine.path("nodetool");
        fs::write(&nodetool, NODETOOL).unwrap();
        fs::set_permissions(&nodetool, fs::Permissions::from_mode(0o755)).unwrap();
        machine.write(1, "Data.db", &vec![7; 300_000]);
        machine.write(1, "Statistics.db", b"statistics");
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.disk.path().join(name)
    }

    fn table(&self) -> PathBuf {
        self.path(&format!("data/shop/orders-{}", "0".repeat(32)))
    }

    fn write(&self, number: u32, name: &str, content: &[u8]) {
        fs::write(
            self.table().join(format!("nb-{number}-big-{name}")),
            content,
        )
        .unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cassandra-backup"));
        command
            .arg("--store")
            .arg(format!("file://{}", self.path("store").display()));
        command.args(arguments);
        if arguments.contains(&"backup") {
            command.arg("--nodetool").arg(self.path("nodetool"));
            command.arg("--data-dir").arg(self.path("data"));
            command.arg("--state").arg(self.path("state"));
        }
        command.output().unwrap()
    }

    fn done(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--output", "json"], arguments].concat());
        let complained = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {complained}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(&[&["--output", "json"], arguments].concat());
        let said: Value = serde_json::from_slice(&output.stderr).unwrap();
        let reason = said["error"]["reason"].as_str().unwrap().to_owned();
        (output.status.code().unwrap(), reason)
    }
}

#[test]
fn a_backup_is_taken_listed_verified_restored_exported_and_deleted() {
    let machine = Machine::new();
    assert_eq!(machine.fails(&["list"]), (3, "NoRepository".to_owned()));
    assert_eq!(machine.done(&["check"])["delete"], true);
    machine.done(&["init", "--cluster-name", "shop"]);
    let first = machine.done(&["backup", "--name", "before"]);
    assert_eq!(first["totals"]["files"], 2);
    assert!(
        fs::read_dir(machine.table().join("snapshots"))
            .unwrap()
            .next()
            .is_none()
    );
    machine.write(2, "Data.db", b"more");
    let second = machine.done(&["backup"]);
    assert_eq!(second["totals"]["newBytes"], 4);

    let listed = machine.done(&["list"]);
    assert_eq!(listed["backups"].as_array().unwrap().len(), 2);
    assert_eq!(machine.done(&["show", "before"])["backup"], first["backup"]);
    assert_eq!(
        machine.done(&["show", "latest"])["backup"],
        second["backup"]
    );
    let report = machine.done(&["verify", "latest", "--level", "3"]);
    assert_eq!(report["problems"].as_array().unwrap().len(), 0);

    let into = machine.path("restored");
    machine.done(&["restore", "before", "--into", into.to_str().unwrap()]);
    let restored = into.join(format!("shop/orders-{}", "0".repeat(32)));
    assert_eq!(
        fs::read(restored.join("nb-1-big-Data.db")).unwrap(),
        vec![7; 300_000]
    );
    assert!(!restored.join("nb-2-big-Data.db").exists());
    let into = machine.path("exported");
    let exported = machine.done(&["export", "latest", "--into", into.to_str().unwrap()]);
    assert_eq!(exported["nodes"][0]["exported"]["files"], 3);

    machine.done(&["delete", "before"]);
    assert_eq!(
        machine.fails(&["show", "before"]),
        (3, "Refused".to_owned())
    );
    let id = first["backup"].as_str().unwrap();
    assert_eq!(
        machine.fails(&["show", id]),
        (3, "BackupDeleted".to_owned())
    );
    assert_eq!(machine.done(&["gc"])["deleted"], 0);
    assert_eq!(
        machine.done(&["prune", "--keep-last", "1"])["backups"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_snapshot_that_fails_is_an_error_and_no_backup() {
    let machine = Machine::new();
    machine.done(&["init", "--cluster-name", "shop"]);
    fs::write(machine.path("data/broken"), "").unwrap();
    assert_eq!(machine.fails(&["backup"]), (3, "Refused".to_owned()));
    assert_eq!(
        machine.done(&["list"])["backups"].as_array().unwrap().len(),
        0
    );
}

#[test]
fn the_same_command_goes_on_after_it_was_stopped_behind_the_commit() {
    let machine = Machine::new();
    machine.done(&["init", "--cluster-name", "shop"]);
    fs::write(machine.path("data/unclear"), "").unwrap();
    assert_eq!(machine.fails(&["backup"]), (3, "Refused".to_owned()));
    let id = machine.done(&["show", "latest"])["backup"].clone();
    fs::remove_file(machine.path("data/unclear")).unwrap();
    assert_eq!(machine.done(&["backup"])["backup"], id);
    assert_eq!(
        machine.done(&["list"])["backups"].as_array().unwrap().len(),
        1
    );
    assert_ne!(machine.done(&["backup"])["backup"], id);
}

#[test]
fn a_backup_that_cannot_be_finished_any_more_does_not_stand_in_the_way() {
    let machine = Machine::new();
    machine.done(&["init", "--cluster-name", "shop"]);
    let begun = machine.done(&["backup", "--no-commit"])["backup"].clone();
    // Not committed, and there is time: it goes on.
    assert_eq!(machine.done(&["backup", "--no-commit"])["backup"], begun);
    // Committed from elsewhere: the next one is another.
    machine.done(&["commit", begun.as_str().unwrap(), "--nodes", "1"]);
    assert_ne!(machine.done(&["backup", "--no-commit"])["backup"], begun);
}

#[test]
fn what_is_damaged_is_told_by_the_code_that_is_returned() {
    let machine = Machine::new();
    machine.done(&["init", "--cluster-name", "shop"]);
    machine.done(&["backup"]);
    let mut folders = vec![machine.path("store/blobs")];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let mut bytes = fs::read(&path).unwrap();
                *bytes.last_mut().unwrap() ^= 1;
                fs::write(path, bytes).unwrap();
            }
        }
    }
    let verified = machine.run(&["verify", "latest", "--level", "3"]);
    assert_eq!(verified.status.code(), Some(6));
    let into = machine.path("restored");
    let failed = machine.fails(&["restore", "latest", "--into", into.to_str().unwrap()]);
    assert_eq!(failed, (6, "ObjectDamaged".to_owned()));
}

#[test]
fn several_nodes_are_committed_together() {
    let machine = Machine::new();
    machine.done(&["init", "--cluster-name", "shop"]);
    let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    machine.done(&["backup", "--no-commit", "--id", id]);
    assert_eq!(
        machine.fails(&["commit", id, "--nodes", "2"]),
        (3, "MembersMissing".to_owned())
    );
    machine.done(&["commit", id, "--nodes", "1"]);
    assert_eq!(
        machine.done(&["show", id])["nodes"][0]["member"],
        "6f4ad9a3-3a5e-4a0c-8f3c-5a6e8b9d0c1e"
    );
    // Once more is no error.
    machine.done(&["commit", id, "--nodes", "1"]);
}

#[test]
fn only_who_has_the_identity_reads_an_encrypted_backup() {
    let machine = Machine::new();
    let identity = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    let recipient = identity
        .parse::<backup::crypto::Identity>()
        .unwrap()
        .recipient()
        .to_string();
    machine.done(&["init", "--cluster-name", "shop", "--recipient", &recipient]);
    machine.done(&["backup"]);
    machine.done(&["backup"]);
    let into = machine.path("restored");
    let into = into.to_str().unwrap();
    assert_eq!(
        machine.fails(&["restore", "latest", "--into", into]),
        (3, "KeyMissing".to_owned())
    );
    let file = machine.path("identity");
    fs::write(&file, identity).unwrap();
    machine.done(&[
        "--identity",
        file.to_str().unwrap(),
        "restore",
        "latest",
        "--into",
        into,
    ]);
    machine.done(&["gc"]);
}
