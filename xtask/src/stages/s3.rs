//! S3, from both sides: backups in a server that nobody here wrote, and clients that nobody here wrote at the gateway.
//!
//! Tests that need a server are told of it by a variable, and ignored without one. What ran is counted, for a name that
//! nothing has is no failure of cargo's.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use testbed::background::{Background, tied};
use testbed::cache::Cache;
use testbed::loopback;
use testbed::process::{line, show, start, stdout};
use testbed::progress::Progress;
use testbed::s3_clients::S3Clients;
use testbed::s3_server::S3Server;
use testbed::wait::wait_for;
use testbed::workspace;

use super::summary::Outcome;

/// Of the library that was built for the other tests.
const LIBRARIES: &str = "cargo test --workspace --lib --locked -- --ignored";
/// For speed; built for it.
const QUICK_LIBRARY: &str = "cargo test --release --package backup --lib --locked -- --ignored";
/// With the same features as for the other tests.
const GATEWAY: &str = "cargo build --workspace --bin object-gateway --locked --message-format json-render-diagnostics";
const KEYS: &str = "tenants:\n\
    - {name: alice, displayName: Alice, keys: [{accessKey: AKALICE, secretKey: canary-secret-alice}]}\n\
    - {name: bob, keys: [{accessKey: AKBOB, secretKey: canary-secret-bob}]}\n";
/// What no log may have.
const CANARY: &str = "canary-secret";
const STARTS_WITHIN: Duration = Duration::from_mins(1);

/// Both sides and, with --long, what takes long.
pub(super) fn play(long: bool, cache: &Cache) -> Result<Outcome> {
    clients_at_our_gateway(cache)?;
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

/// Every check of the matrix, at a gateway that keeps everything in memory. Its log has no secrets.
fn clients_at_our_gateway(cache: &Cache) -> Result<()> {
    let clients = S3Clients::install(cache, Progress)?;
    let program = gateway()?;
    let folder = cache.root().join("gateway-clients");
    let _alone = cache.lock("gateway-clients")?;
    fs::create_dir_all(&folder)?;
    let (keys, log) = (folder.join("keys.yaml"), folder.join("log"));
    fs::write(&keys, KEYS)?;
    let [port, health] = loopback::free_ports()?;
    let address = |port| format!("{}:{port}", loopback::ADDRESS);
    let mut serve = tied(&program);
    serve
        .args(["serve", "--memory", "--domain", "s3.test", "--keys"])
        .arg(&keys)
        .args(["--listen", &address(port), "--health", &address(health)]);
    let mut gateway = Background::start("object-gateway", serve, log.clone())?;
    wait_for("the gateway to listen", STARTS_WITHIN, || {
        gateway.ended() || TcpStream::connect(address(port)).is_ok()
    })?;
    gateway.check()?;
    let mut matrix = clients.python(std::env::var_os("PATH"));
    matrix
        .arg("object-gateway/clients/matrix.py")
        .args(["--endpoint", &format!("http://{}", address(port))])
        .args(["--key", "AKALICE", "--secret", "canary-secret-alice"])
        .args([
            "--other-key",
            "AKBOB",
            "--other-secret",
            "canary-secret-bob",
        ])
        .args(["--domain", "s3.test"]);
    show(&mut matrix)?;
    gateway.check()?;
    let told = BufReader::new(File::open(&log)?).lines();
    for line in told {
        ensure!(
            !line?.contains(CANARY),
            "the gateway's log has a secret: {}",
            log.display()
        );
    }
    Ok(())
}

/// The gateway's program, built.
fn gateway() -> Result<PathBuf> {
    let mut build = line(GATEWAY);
    let messages = stdout(build.current_dir(workspace::root()?))?;
    let program = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let program = message.get("executable")?.as_str()?;
        program.ends_with("/object-gateway").then(|| program.into())
    });
    program.context("cargo has built no object-gateway")
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
