//! Dependencies, judged by cargo-deny and `deny.toml`.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use testbed::cache::{Cache, remove};
use testbed::process::{line, show, succeeds};
use testbed::workspace;

use super::summary::Outcome;

const VERSION: &str = "0.20.2";

pub(super) fn check(cache: &Cache) -> Result<Outcome> {
    let root = cache.artefact(&format!("tools/cargo-deny-{VERSION}"), install)?;
    let program = root.join("bin/cargo-deny");
    show(Command::new(&program).args(["check", "bans", "licenses", "sources"]))?;
    if !advisories_fetched(&program)? {
        return Ok(Outcome::PassedBut(
            "advisories: their database can't be fetched".into(),
        ));
    }
    show(Command::new(&program).args(["check", "--disable-fetch", "advisories"]))?;
    Ok(Outcome::Passed)
}

fn install(root: &Path) -> Result<()> {
    println!("installing cargo-deny {VERSION}, once; it takes minutes");
    // Its dependencies are not ours: they do not belong into the workspace's build folder.
    let build = root.with_extension("build");
    // Not optimised: it runs for a second, and the build takes half as long.
    let mut install = line(&format!(
        "cargo install cargo-deny --locked --debug --version {VERSION}"
    ));
    show(
        install
            .arg("--root")
            .arg(root)
            .arg("--target-dir")
            .arg(&build),
    )?;
    remove(&build)
}

/// Without a network this fails soon, and behind some firewalls it would wait for ever.
fn advisories_fetched(program: &Path) -> Result<bool> {
    let mut fetch = line("timeout 120");
    fetch
        .arg(program)
        .args(["fetch", "db"])
        .env("GIT_TERMINAL_PROMPT", "0");
    Ok(succeeds(
        fetch
            .current_dir(workspace::root()?)
            .stdin(std::process::Stdio::null()),
    ))
}
