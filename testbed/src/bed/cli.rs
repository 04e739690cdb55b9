//! `cargo xtask testbed …`

use std::os::unix::process::CommandExt as _;

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;

use super::{Bed, Family, provisioner};
use crate::cache::Cache;
use crate::images::DEFAULT_CASSANDRA_VERSION;
use crate::progress::Progress;
use crate::setup::Work;

/// What to do with the test bed.
#[derive(Debug, Subcommand)]
pub enum TestbedCommand {
    /// Start it; the first time everything is built, which takes minutes.
    Up {
        /// Versions of Cassandra to have images of.
        #[arg(long, value_delimiter = ',', default_value = DEFAULT_CASSANDRA_VERSION)]
        cassandra: Vec<String>,
        /// All addresses are of IPv6; of IPv4 there is the loopback.
        #[arg(long)]
        ipv6: bool,
    },
    /// Stop it and remove every trace of it, but for what was built.
    Down,
    /// Tell what runs.
    Status,
    /// Call kubectl as administrator.
    Kubectl {
        /// What kubectl is given.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Lose a volume, as if its disk had failed: claim, volume and data.
    DestroyVolume {
        /// The claim's namespace.
        namespace: String,
        /// The claim.
        pvc: String,
    },
    /// Make volumes; the bed starts this itself.
    #[command(hide = true)]
    Provisioner,
}

impl TestbedCommand {
    /// What it asks of the machine.
    pub fn work(&self) -> &'static [Work] {
        match self {
            Self::Up { .. } => &[Work::ApiServer, Work::Nodes],
            Self::Down
            | Self::Status
            | Self::Kubectl { .. }
            | Self::DestroyVolume { .. }
            | Self::Provisioner => &[],
        }
    }

    /// Does it.
    pub fn run(self, cache: &Cache) -> Result<()> {
        let progress = Progress;
        match self {
            Self::Up { cassandra, ipv6 } => {
                let family = if ipv6 { Family::Ipv6 } else { Family::Ipv4 };
                let bed = Bed::up(cache, family, &cassandra, progress)?;
                progress.say(&format!(
                    "export KUBECONFIG={}",
                    bed.kubeconfig_path().display()
                ));
            }
            Self::Down => progress.step("down", || Bed::down(cache))?,
            Self::Status => {
                let status = Bed::open_in(cache)?.status()?;
                println!("{status}");
                if !status.healthy() {
                    bail!("the test bed is not well");
                }
            }
            Self::Kubectl { args } => {
                let error = Bed::open_in(cache)?.kubectl().args(args).exec();
                return Err(error).context("starting kubectl");
            }
            Self::DestroyVolume { namespace, pvc } => {
                Bed::open_in(cache)?.destroy_volume(&namespace, &pvc)?;
            }
            Self::Provisioner => provisioner::run(cache)?,
        }
        Ok(())
    }
}
