//! Several gateways on one store in memory, played by a seed: every call of the store may fail, be lost, or surface
//! later; gateways crash between any two calls; their clocks differ. What clients saw is held against what they may
//! see: see [`history`].
//!
//! `OBJECT_GATEWAY_SEEDS` says how many seeds are played, `OBJECT_GATEWAY_SEED` which one alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_in_result,
    clippy::wildcard_enum_match_arm,
    reason = "a test says so when something is not as it must be"
)]

mod history;
mod play;
mod world;

#[expect(
    clippy::disallowed_methods,
    reason = "how a test is asked for more than the usual"
)]
fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn clients_see_what_they_may_see_whatever_fails() {
    let seeds = match asked("OBJECT_GATEWAY_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..asked("OBJECT_GATEWAY_SEEDS").unwrap_or(400),
    };
    let mut total = play::Counts::default();
    for seed in seeds.clone() {
        match play::play(seed) {
            Ok(counts) => total.add(counts),
            Err(violation) => panic!("seed {seed}: {violation}"),
        }
    }
    println!("{} seeds: {total:?}", seeds.end - seeds.start);
    if seeds.end - seeds.start >= 100 {
        assert!(
            total.is_worth_something(),
            "faults were not played: {total:?}"
        );
    }
}
