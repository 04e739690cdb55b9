//! The controller's decision on states from all over the space of tier T0.
#![allow(clippy::unwrap_used, reason = "a test")]

use simulator::states::{AllStates, enumerate};

#[test]
fn no_decision_breaks_a_rule() {
    let outcome = enumerate(Some(20_000));
    let failed: Vec<_> = outcome.failed.iter().map(ToString::to_string).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(outcome.violations, 0);
    // The others can't come about.
    assert!(outcome.plans > 10_000);
}

#[test]
fn there_are_a_million_states() {
    assert!(AllStates::make().size() >= 1_000_000);
}
