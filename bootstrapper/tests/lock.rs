//! No two Cassandras on one volume, whatever made two pods.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    process::{Child, Command, Stdio},
    thread::yield_now,
};

use bootstrapper::lock::is_held;
use tempfile::TempDir;

fn run(data: &TempDir, command: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_bootstrapper"))
        .arg("run")
        .arg("--data")
        .arg(data.path())
        .args(command)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn the_lock_lives_as_long_as_what_was_run_and_no_longer() {
    let data = tempfile::tempdir().unwrap();
    let mut first = run(&data, &["sleep", "60"]);
    while !is_held(data.path()).unwrap() {
        assert!(first.try_wait().unwrap().is_none(), "it runs");
        yield_now();
    }
    let second = run(&data, &["true"]).wait_with_output().unwrap();
    let words = String::from_utf8(second.stderr).unwrap();
    assert!(!second.status.success());
    assert!(
        words.contains("another Cassandra runs on this volume"),
        "{words}"
    );
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(!is_held(data.path()).unwrap());
    assert!(run(&data, &["true"]).wait().unwrap().success());
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let data = tempfile::tempdir().unwrap();
    let ended = run(&data, &["/opt/none"]).wait_with_output().unwrap();
    let words = String::from_utf8(ended.stderr).unwrap();
    assert!(words.contains("failed to run /opt/none"), "{words}");
}
