//! The controller's decision on states from all over the space of tier T0.
#![allow(clippy::unwrap_used, reason = "a test")]

use simulator::states::{Space, enumerate};

#[test]
fn no_decision_breaks_a_rule() {
    let outcome =
        enumerate(std::env::var("STATES").map_or(Some(20_000), |n| n.parse().ok())).unwrap();
    println!(
        "{} plans in {:?}, {} violations",
        outcome.plans, outcome.took, outcome.violations
    );
    let failed: Vec<_> = outcome.failed.iter().map(ToString::to_string).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(outcome.plans > 10_000);
}

#[test]
fn there_are_a_million_states() {
    assert!(Space::new().unwrap().size() >= 1_000_000);
}
