//! Several gateways on one store in memory, played by a seed: every call of the store may fail, be lost, or surface
//! later; gateways crash between any two calls; their clocks differ. What clients saw is held against what they may
//! see: see [`history`].
//!
//! 400 seeds are played; `OBJECT_GATEWAY_SEEDS` asks for another number, `OBJECT_GATEWAY_SEED` for one seed alone. How
//! many were played, and what happened in them, is printed: `cargo test --test model -- --nocapture` shows it.

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
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("a number of seeds, or a seed"))
}

/// How many seeds are played unless something else is asked for.
const SEEDS: u64 = 400;

#[test]
fn clients_see_what_they_may_see_whatever_fails() {
    let seeds = match asked("OBJECT_GATEWAY_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..asked("OBJECT_GATEWAY_SEEDS").unwrap_or(SEEDS),
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
