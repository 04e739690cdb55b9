//! No earlier release line of Cassandra is run on the data of a later one.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    process::{Command, Output},
};

use cassandra_management::marker::{Marker, VERSION};
use tempfile::TempDir;

/// A volume that this release has served with, and an image with these libraries.
fn run(served: Option<&str>, libraries: &[&str]) -> Output {
    let (data, image) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let marker = Marker {
        version: VERSION,
        cluster_uid: "cluster-1".into(),
        cluster_name: "orders".into(),
        datacenter: "dc1".into(),
        rack: "r1".into(),
        member: "orders-r1-0".into(),
        member_uid: "member-1".into(),
        pvc_uid: None,
        host_id: Some("host-1".into()),
        joined: true,
        release: served.map(str::to_owned),
        seeds: Vec::new(),
        config_revision: None,
        start_epoch: 1,
    };
    marker.store(data.path()).unwrap();
    for library in libraries {
        fs::write(image.path().join(library), "").unwrap();
    }
    Command::new(env!("CARGO_BIN_EXE_bootstrapper"))
        .arg("run")
        .arg("--data")
        .arg(data.path())
        .arg("--libraries")
        .arg(image.path())
        .arg("true")
        .output()
        .unwrap()
}

#[test]
fn an_earlier_line_is_not_run_on_later_data() {
    let ended = run(
        Some("5.0.9"),
        &["apache-cassandra-4.1.10.jar", "guava-32.0.1.jar"],
    );
    assert!(!ended.status.success());
    let words = String::from_utf8(ended.stderr).unwrap();
    for part in [
        "5.0.9 has served",
        "has Cassandra 4.1.10",
        "to the line 5.0",
    ] {
        assert!(words.contains(part), "{words}");
    }
}

#[test]
fn the_same_line_and_a_later_one_are_run() {
    for image in [
        "apache-cassandra-4.1.9.jar",
        "apache-cassandra-4.1.10.jar",
        "apache-cassandra-5.0.9.jar",
        "apache-cassandra-10.0.1.jar",
    ] {
        assert!(run(Some("4.1.10"), &[image]).status.success(), "{image}");
    }
}

#[test]
fn what_tells_no_release_is_run() {
    assert!(run(None, &["apache-cassandra-4.0.0.jar"]).status.success());
    let others = ["apache-cassandra-thrift-4.0.jar", "guava-32.0.1.jar"];
    assert!(run(Some("5.0.9"), &others).status.success());
}
