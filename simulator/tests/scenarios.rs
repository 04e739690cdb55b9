//! One scenario with nothing going wrong: it comes to its end, nothing happens that must not, and its second run is the
//! same as the first. `cargo xtask sim` plays all of them, and with faults.
#![allow(clippy::unwrap_used, reason = "a test")]

use simulator::{
    faults::Plan,
    run::{FaultCourse, run},
    scenarios,
};

#[test]
fn two_runs_of_one_seed_are_alike() {
    let create = scenarios::named("create").unwrap();
    let first = run(create, 1, FaultCourse::Plan(Plan::Nothing), None).unwrap();
    assert_eq!(first.problem, None, "{}", first.last.join("\n"));
    let second = run(create, 1, FaultCourse::Plan(Plan::Nothing), None).unwrap();
    assert_eq!(first.hash, second.hash);
}

#[test]
fn another_seed_is_another_run() {
    let create = scenarios::named("create").unwrap();
    let first = run(create, 1, FaultCourse::Plan(Plan::Nothing), None).unwrap();
    let other = run(create, 2, FaultCourse::Plan(Plan::Nothing), None).unwrap();
    assert_eq!(other.problem, None, "{}", other.last.join("\n"));
    assert_ne!(first.hash, other.hash);
}
