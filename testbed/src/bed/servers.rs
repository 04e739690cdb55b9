//! Servers in the background: they outlive the command that starts them, write to a log of their
//! own, and a file tells their process.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::layout::Layout;
use crate::process::{line, log_tail, run};
use crate::wait::wait_for;

/// A program that is to run in a network namespace.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) netns: String,
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
}

impl Server {
    pub(super) fn new(name: impl Into<String>, netns: impl Into<String>, program: PathBuf) -> Self {
        Self {
            name: name.into(),
            netns: netns.into(),
            program,
            args: Vec::new(),
        }
    }

    pub(super) fn args<T: Into<OsString>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// `--name=path`
    pub(super) fn path(mut self, flag: &str, path: PathBuf) -> Self {
        let mut argument = OsString::from(format!("--{flag}="));
        argument.push(path);
        self.args.push(argument);
        self
    }
}

/// The shell in between ends at once, so that the server is nobody's child and leaves no zombie.
/// setsid, nsenter and the server are one process after the other, so `$!` is the server's.
const DETACH: &str =
    r#"log=$0; pid=$1; shift; setsid "$@" </dev/null >>"$log" 2>&1 & echo $! >"$pid""#;

/// Starts a server, unless it runs.
pub(super) fn start(layout: &Layout, server: &Server) -> Result<()> {
    if running(layout, &server.name) {
        return Ok(());
    }
    run(line("sh -c")
        .arg(DETACH)
        .arg(layout.log(&server.name))
        .arg(layout.pid(&server.name))
        .arg("nsenter")
        .arg(format!("--net=/run/netns/{}", server.netns))
        .arg(&server.program)
        .args(&server.args))
    .with_context(|| format!("starting {}", server.name))?;
    let pid = layout.pid(&server.name);
    let number: i32 = fs::read_to_string(&pid)?.trim().parse()?;
    let began = started_at(number).unwrap_or_default();
    Ok(fs::write(pid, format!("{number} {began}"))?)
}

/// Ends a server with this signal and waits until it is gone.
pub(super) fn stop(layout: &Layout, name: &str, signal: Signal) -> Result<()> {
    if let Some(pid) = pid(layout, name) {
        signal_process(pid, signal)?;
        wait_for(
            &format!("the end of {name}"),
            Duration::from_secs(30),
            || !running(layout, name),
        )?;
    }
    let _ = fs::remove_file(layout.pid(name));
    Ok(())
}

/// Whether a server runs.
pub(super) fn running(layout: &Layout, name: &str) -> bool {
    pid(layout, name).is_some()
}

/// Fails if a server has ended, with the end of its log.
pub(super) fn check(layout: &Layout, name: &str) -> Result<()> {
    if !running(layout, name) {
        bail!("{name} has ended:\n{}", log_tail(&layout.log(name), 20));
    }
    Ok(())
}

/// The servers that were started and not stopped.
pub(super) fn started(layout: &Layout) -> Vec<String> {
    let listed = fs::read_dir(layout.run().join("pid"))
        .into_iter()
        .flatten()
        .flatten();
    let mut names: Vec<_> = listed
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The server's process, if it still is that one.
pub(super) fn pid(layout: &Layout, name: &str) -> Option<i32> {
    let text = fs::read_to_string(layout.pid(name)).ok()?;
    let (pid, began) = text.trim().split_once(' ')?;
    let pid = pid.parse().ok()?;
    (started_at(pid)? == began).then_some(pid)
}

/// Sends a signal to a process; it is fine if there is none any more.
pub(super) fn signal_process(pid: i32, signal: Signal) -> Result<()> {
    let target = Pid::from_raw(pid).context("no process has this number")?;
    match kill_process(target, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("sending {signal:?} to {pid}")),
    }
}

/// When a process was started, in the kernel's ticks: with the number it names a process for good.
fn started_at(pid: i32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name may contain anything, so count from its closing parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?;
    let began = fields.nth(18)?;
    (state != "Z" && state != "X").then(|| began.to_owned())
}
