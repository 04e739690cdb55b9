//! The controller as a process: its memory, its log, its end.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use testbed::background::{Background, tied};
use testbed::install::NAMESPACE;
use testbed::process::{log_tail, run};
use testbed::setup::static_target;
use testbed::workspace;
use tokio::time::{Instant, sleep};

use super::memory::Memory;

const LOOK: Duration = Duration::from_millis(10);

/// How the controller is started.
pub(super) struct Setting<'a> {
    pub(super) program: &'a Path,
    pub(super) kubeconfig: &'a Path,
    pub(super) log: PathBuf,
    pub(super) identity: &'a str,
}

/// A controller that runs.
pub(super) struct Program {
    process: Background,
    pub(super) started: Instant,
}

/// What a program has logged.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Logged {
    pub(super) lines: usize,
    pub(super) bytes: usize,
}

impl Program {
    /// Starts it as the Deployment does, but on a free loopback port.
    pub(super) fn start(setting: &Setting<'_>) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = tied(setting.program);
        command
            .env("KUBECONFIG", setting.kubeconfig)
            .args(["--operator-image", "registry.invalid/operator:bench"])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--lease-namespace", NAMESPACE])
            .args(["--identity", setting.identity]);
        let started = Instant::now();
        let process = Background::start("the controller", command, setting.log.clone())?;
        Ok(Self { process, started })
    }

    /// Waits until its log has this.
    pub(super) async fn says(&mut self, what: &str, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        while !fs::read_to_string(self.process.log())?.contains(what) {
            self.process.check()?;
            if Instant::now() > deadline {
                let said = log_tail(self.process.log(), 10);
                bail!("the controller has not said {what}, but\n{said}");
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    pub(super) fn memory(&self) -> Result<Memory> {
        Memory::of(self.process.pid())
    }

    /// Forgets the highest memory so far.
    pub(super) fn reset_peak(&self) -> Result<()> {
        let file = format!("/proc/{}/clear_refs", self.process.pid());
        fs::write(&file, "5").with_context(|| format!("writing {file}"))
    }

    /// Seconds of processor that it has used.
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.pid()))?;
        let (_, fields) = stat
            .rsplit_once(')')
            .context("no statistics of the process")?;
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: u32 = ticks.filter_map(|field| field.parse::<u32>().ok()).sum();
        // The kernel counts in hundredths for programs, whatever it counts in itself.
        Ok(f64::from(ticks) / 100.0)
    }

    pub(super) fn logged(&self) -> Result<Logged> {
        let text = fs::read_to_string(self.process.log())?;
        Ok(Logged {
            lines: text.lines().count(),
            bytes: text.len(),
        })
    }

    /// Asks it to end, and tells when it has.
    pub(super) async fn terminate(mut self) -> Result<Instant> {
        let pid = i32::try_from(self.process.pid()).ok();
        let pid = pid.and_then(Pid::from_raw).context("a process's number")?;
        kill_process(pid, Signal::TERM)?;
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.process.ended() {
            if Instant::now() > deadline {
                bail!("the controller did not end");
            }
            sleep(LOOK).await;
        }
        Ok(Instant::now())
    }

    /// Kills it, and tells when it was gone.
    pub(super) fn kill(self) -> Instant {
        drop(self);
        Instant::now()
    }
}

/// Builds the program as it is in the image: optimised and static.
pub(super) fn build() -> Result<PathBuf> {
    let target = static_target();
    let root = workspace::root()?;
    let mut cargo = testbed::process::line("cargo build --release --locked --quiet");
    cargo.args(["--package", "cassandra-controller", "--target", &target]);
    run(cargo.current_dir(&root))?;
    let metadata = testbed::process::stdout(
        testbed::process::line("cargo metadata --format-version 1 --no-deps").current_dir(&root),
    )?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let folder = metadata.get("target_directory").and_then(|f| f.as_str());
    let folder = folder.context("cargo does not tell its target folder")?;
    Ok([folder, &target, "release", "cassandra-controller"]
        .iter()
        .collect())
}
