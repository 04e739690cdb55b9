//! Backups in a store that nobody here wrote. These tests are told of it by a variable, and ignored without one: what
//! ran is counted, for a name that nothing has is no failure of cargo's.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use testbed::cache::Cache;
use testbed::process::{line, start};
use testbed::progress::Progress;
use testbed::s3_server::S3Server;

use super::summary::Outcome;

/// Of the library that was built for the other tests.
const LIBRARIES: &str = "cargo test --workspace --lib --locked -- --ignored";
/// For speed; built for it.
const QUICK_LIBRARY: &str = "cargo test --release --package backup --lib --locked -- --ignored";

/// The tests that need a store and, with --long, those that take long.
pub(super) fn play(long: bool, cache: &Cache) -> Result<Outcome> {
    let server = S3Server::start(cache, Progress)?;
    let mut real = line(LIBRARIES);
    real.arg("a_real_store")
        .env("CASSANDRA_BACKUP_TEST_STORE", server.settings());
    ignored_tests(&mut real, 2)?;
    if !long {
        return Ok(Outcome::PassedBut(
            "a hundred thousand interleavings of backups, deletions and collections; --long plays them, and unit the first 400"
                .into(),
        ));
    }
    ignored_tests(line(QUICK_LIBRARY).arg("a_hundred_thousand"), 1)?;
    Ok(Outcome::Passed)
}

/// Runs tests, as many as that.
fn ignored_tests(command: &mut Command, expected: u64) -> Result<()> {
    let mut running = start(command.stdout(Stdio::piped()))?;
    let printed = running.stdout.take().map(BufReader::new);
    let mut played = 0;
    for line in printed.into_iter().flat_map(BufRead::lines) {
        let line = line?;
        if line.starts_with("test ") && line.contains(" ... ") {
            println!("{line}");
        }
        played += passed(&line);
    }
    let status = running.wait()?;
    ensure!(status.success(), "the tests ended with {status}");
    ensure!(
        played == expected,
        "{played} tests were run instead of {expected}"
    );
    Ok(())
}

/// How many tests a line of cargo's says have passed.
fn passed(line: &str) -> u64 {
    let words = line.strip_prefix("test result: ok. ");
    let number = words.and_then(|words| words.split_once(" passed"));
    number
        .and_then(|(number, _)| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::passed;

    #[test]
    fn what_passed_is_counted_and_what_was_ignored_is_not() {
        let line = "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 120 filtered out; finished in 9.78s";
        assert_eq!(passed(line), 2);
        assert_eq!(
            passed("test tests::conformance::a_real_store_passes_the_suite ... ok"),
            0
        );
    }
}
