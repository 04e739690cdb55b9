//! The simulator beside the stages that mostly wait for Kubernetes, with the processor time that they leave.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::summary::Outcome;
use crate::background::Background;
use crate::cache::Cache;
use crate::process::contained;
use crate::{sim, workspace};

/// Last in line for the processors, among all sessions and in its own. A kernel that does not group by session has no
/// such file.
const LAST_IN_LINE: &str =
    "{ echo 19 > /proc/self/autogroup; } 2>/dev/null; exec nice -n 19 \"$0\" \"$@\"";

/// The simulator, under way.
pub(super) struct Beside {
    simulator: Background,
    started: Instant,
}

impl Beside {
    /// Builds it and plays.
    pub(super) fn start(arguments: &[String], cache: &Cache) -> Result<Self> {
        println!(
            "it plays while the next stages wait for Kubernetes; what it tells comes after them"
        );
        let mut command = contained("setsid --wait sh -c");
        command.arg(LAST_IN_LINE);
        command.args(sim::COMMAND.split_whitespace());
        command.args(arguments).current_dir(workspace::root()?);
        let log = cache.root().join("sim.log");
        Ok(Self {
            simulator: Background::start("the simulator", command, log)?,
            started: Instant::now(),
        })
    }

    /// Waits until it has played all, and shows what it told: of one that passed, a line for each tier.
    pub(super) fn finish(mut self) -> (Outcome, Duration) {
        let ended = self.simulator.wait();
        let passed = ended.as_ref().is_ok_and(ExitStatus::success);
        match std::fs::read_to_string(self.simulator.log()) {
            Ok(told) => {
                let shown = told
                    .lines()
                    .filter(|line| !passed || !line.starts_with(' '));
                shown.for_each(|line| println!("{line}"));
            }
            Err(error) => println!("what it told can't be read: {error}"),
        }
        let outcome = match ended {
            Ok(_) if passed => Outcome::Passed,
            Ok(status) => Outcome::Failed(format!("the simulator ended with {status}")),
            Err(error) => Outcome::Failed(format!("the simulator is out of sight: {error:#}")),
        };
        (outcome, self.started.elapsed())
    }
}
