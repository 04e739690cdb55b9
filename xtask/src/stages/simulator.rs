//! The simulator: alone, or beside the stages that mostly wait for Kubernetes, with the processor time that they leave.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::Result;
use testbed::background::Background;
use testbed::cache::Cache;
use testbed::process::contained;
use testbed::workspace;

use super::summary::Outcome;
use crate::sim;

/// A part that fits into what the scenarios leave of the processors: states spread over all, every fourth write, and
/// the seeds that are played by default.
const IN_SHORT: [&str; 4] = ["--states", "300000", "--share", "4"];

/// Last in line for the processors, among all sessions and in its own. A kernel that does not group by session has no
/// such file.
const LAST_IN_LINE: &str =
    "{ echo 19 > /proc/self/autogroup; } 2>/dev/null; exec nice -n 19 \"$0\" \"$@\"";

/// Builds it and plays.
pub(super) fn play(long: bool) -> Result<Outcome> {
    sim::run(&arguments(long))?;
    Ok(played(long))
}

fn arguments(long: bool) -> Vec<String> {
    let arguments = if long { &["--long"][..] } else { &IN_SHORT };
    arguments.iter().map(ToString::to_string).collect()
}

/// That nothing was wrong in what was played, and what was not.
fn played(long: bool) -> Outcome {
    if long {
        return Outcome::Passed;
    }
    let why = "three of four writes and most states; `cargo xtask sim` plays them";
    Outcome::PassedBut(why.into())
}

/// The simulator, under way.
pub(super) struct Simulator {
    running: Background,
    long: bool,
    started: Instant,
}

impl Simulator {
    /// Builds it and plays, until [`Self::finish`].
    pub(super) fn start(long: bool, cache: &Cache) -> Result<Self> {
        println!(
            "it plays while the next stages wait for Kubernetes; what it tells comes after them"
        );
        let mut command = contained("setsid --wait sh -c");
        command.arg(LAST_IN_LINE);
        command.args(sim::COMMAND.split_whitespace());
        command
            .args(arguments(long))
            .current_dir(workspace::root()?);
        let told = cache.root().join("sim.log");
        Ok(Self {
            running: Background::start("the simulator", command, told)?,
            long,
            started: Instant::now(),
        })
    }

    /// Waits until it has played all, and shows what it told: of one that passed, a line for each tier.
    pub(super) fn finish(mut self) -> (Outcome, Duration) {
        let ended = self.running.wait();
        let passed = ended.as_ref().is_ok_and(ExitStatus::success);
        let told = std::fs::read_to_string(self.running.log())
            .unwrap_or_else(|error| format!("what it told can't be read: {error}"));
        for line in told.lines() {
            if !(passed && line.starts_with(' ')) {
                println!("{line}");
            }
        }
        let outcome = match ended {
            Ok(_) if passed => played(self.long),
            Ok(status) => {
                let again = told.lines().find(|line| line.starts_with("again: "));
                let again = again.unwrap_or_default();
                Outcome::Failed(format!("the simulator ended with {status}\n{again}"))
            }
            Err(error) => Outcome::Failed(format!("the simulator is out of sight: {error:#}")),
        };
        (outcome, self.started.elapsed())
    }
}
