//! What can be said on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// What is measured of the controller, and how much of it.
#[derive(Debug, Clone, Args)]
pub struct ControllerBench {
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PARTS")]
    only: Vec<Part>,
    /// Clusters of the parts full, idle, restart and waiting.
    #[arg(long, default_value_t = 100)]
    pub(super) clusters: usize,
    /// Members of each cluster of the parts full, idle and restart.
    #[arg(long, default_value_t = 30)]
    pub(super) members: usize,
    /// Foreign Secrets, as many ConfigMaps and as many Pods of the part foreign.
    #[arg(long, default_value_t = 10_000)]
    pub(super) foreign: usize,
    /// Numbers of other clusters in the part latency, rising.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1000])]
    pub(super) others: Vec<usize>,
    /// Clusters posted one after the other in the part latency.
    #[arg(long, default_value_t = 30)]
    pub(super) samples: usize,
    /// Clusters posted at once in the part latency.
    #[arg(long, default_value_t = 100)]
    pub(super) burst: usize,
    /// Restarts of each kind in the part restart.
    #[arg(long, default_value_t = 5)]
    pub(super) restarts: usize,
    /// How long the parts idle and waiting look on.
    #[arg(long, default_value_t = 180)]
    pub(super) seconds: u64,
    /// A program to measure instead of the one that the sources make.
    #[arg(long, value_name = "FILE")]
    pub(super) program: Option<PathBuf>,
}

/// A part of the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// Memory beside many foreign objects, without a cluster.
    #[value(alias = "a")]
    Foreign,
    /// Memory with many members, and when everything is listed anew.
    #[value(alias = "b")]
    Full,
    /// Requests when nothing happens.
    #[value(alias = "c")]
    Idle,
    /// How soon a new cluster is acted on.
    #[value(alias = "d")]
    Latency,
    /// How long nobody acts when the controller is restarted.
    #[value(alias = "e")]
    Restart,
    /// Log lines about clusters that wait.
    #[value(alias = "f")]
    Waiting,
}

impl ControllerBench {
    pub(super) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    pub(super) fn look_on(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}
