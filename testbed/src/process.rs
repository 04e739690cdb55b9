//! Programs of the machine: run to the end, and an error tells what they said.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::workspace;

/// A program with its arguments as one line, for the many calls that have no spaces in them.
pub fn line(words: &str) -> Command {
    let mut words = words.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command
}

/// The same for a program that builds something: should this program be killed, all that it has
/// started ends as well, and what it has mounted goes, so that the next build has the place alone.
pub fn contained(words: &str) -> Command {
    let mut command =
        line("setpriv --pdeathsig KILL unshare --pid --mount-proc --fork --kill-child");
    command.args(words.split_whitespace());
    command
}

/// Runs a program to its end; its output is shown only if it fails.
pub fn run(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// Runs a program in the workspace's root to its end, with its output on the terminal and nothing to read.
pub fn show(command: &mut Command) -> Result<()> {
    let status = start(command)?.wait()?;
    ensure!(
        status.success(),
        "{} ended with {status}",
        describe(command)
    );
    Ok(())
}

/// Starts a program in the workspace's root, with nothing to read.
pub fn start(command: &mut Command) -> Result<Child> {
    command.current_dir(workspace::root()?).stdin(Stdio::null());
    command
        .spawn()
        .with_context(|| format!("starting {}", describe(command)))
}

/// What a program prints.
pub fn stdout(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program ends well, whatever it prints.
pub fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Where a program is, by the search path.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Where a user's path lacks them, system programs are still here.
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(system)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

fn output(command: &mut Command) -> Result<Output> {
    let said = describe(command);
    let output = command
        .output()
        .with_context(|| format!("starting {said}"))?;
    if !output.status.success() {
        let text = [output.stdout, output.stderr].concat();
        bail!(
            "{said}\n{}\n{}",
            output.status,
            tail(&String::from_utf8_lossy(&text), 30)
        );
    }
    Ok(output)
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The last lines of a text.
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all.get(all.len().saturating_sub(lines)..)
        .unwrap_or_default()
        .join("\n")
}

/// The last lines of a log file, or why there are none.
pub fn log_tail(log: &Path, lines: usize) -> String {
    match std::fs::read(log) {
        Ok(bytes) => tail(&String::from_utf8_lossy(&bytes), lines),
        Err(error) => format!("no log at {}: {error}", log.display()),
    }
}
