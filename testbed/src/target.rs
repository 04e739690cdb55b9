//! The Kubernetes to work with: the one that the user names, or the test bed on this machine.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};
use clap::Args;

use crate::bed::Bed;
use crate::cache::Cache;
use crate::images::DEFAULT_CASSANDRA_VERSION;
use crate::operator_image;
use crate::progress::Progress;
use crate::setup::Work;

/// The options that name a Kubernetes.
#[derive(Debug, Clone, Args)]
pub struct TargetArgs {
    /// A Kubernetes of yours. Without it, one is started on this machine.
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The operator's image, from where that Kubernetes can pull it. Default: the release's.
    #[arg(long, value_name = "IMAGE", requires = "kubeconfig")]
    operator_image: Option<String>,
}

/// A Kubernetes that is there.
#[derive(Debug, Clone)]
pub enum Target {
    /// The user's.
    Given {
        /// How to reach it.
        kubeconfig: PathBuf,
        /// Where it pulls the operator's image from.
        operator_image: String,
    },
    /// The test bed.
    Bed(Bed),
}

impl TargetArgs {
    /// The Kubernetes that the options name; the test bed is started if it is none of the user's.
    pub fn open(&self, cache: &Cache, progress: Progress) -> Result<Target> {
        if let Some(target) = self.given(cache)? {
            return Ok(target);
        }
        // Whichever bed is up will do.
        let family = Bed::open_in(cache).map(|bed| bed.family());
        let versions = [DEFAULT_CASSANDRA_VERSION.to_owned()];
        let bed = Bed::up(cache, family.unwrap_or_default(), &versions, progress)?;
        Ok(Target::Bed(bed))
    }

    /// What [`Self::open`] and the operator's image ask of the machine.
    pub fn work(&self, cache: &Cache) -> Result<Vec<Work>> {
        Ok(match self.given(cache)? {
            Some(_) => vec![Work::GivenKubernetes],
            None => vec![Work::ApiServer, Work::Nodes, Work::OperatorImage],
        })
    }

    /// The same as [`Self::open`], but nothing is started: None if the test bed is down.
    pub fn find(&self, cache: &Cache) -> Result<Option<Target>> {
        Ok(self
            .given(cache)?
            .or_else(|| Bed::open_in(cache).ok().map(Target::Bed)))
    }

    /// The Kubernetes of the user's, if one is named.
    pub fn given(&self, cache: &Cache) -> Result<Option<Target>> {
        let Some(kubeconfig) = &self.kubeconfig else {
            return Ok(None);
        };
        // `testbed up` tells the user to export the bed's own.
        if kubeconfig.starts_with(cache.root()) {
            return Ok(None);
        }
        ensure!(
            kubeconfig.is_file(),
            "there is no kubeconfig at {}",
            kubeconfig.display()
        );
        let image = self
            .operator_image
            .as_deref()
            .unwrap_or(operator_image::RELEASE);
        Ok(Some(Target::Given {
            kubeconfig: kubeconfig.clone(),
            operator_image: image.to_owned(),
        }))
    }
}

impl Target {
    /// kubectl for this Kubernetes.
    pub fn kubectl(&self) -> Command {
        match self {
            Self::Given { kubeconfig, .. } => {
                let mut kubectl = Command::new("kubectl");
                kubectl.arg("--kubeconfig").arg(kubeconfig);
                kubectl
            }
            Self::Bed(bed) => bed.kubectl(),
        }
    }

    /// The kubeconfig's file.
    pub fn kubeconfig(&self) -> PathBuf {
        match self {
            Self::Given { kubeconfig, .. } => kubeconfig.clone(),
            Self::Bed(bed) => bed.kubeconfig_path(),
        }
    }

    /// The operator's image, built and given to the nodes if this is the test bed.
    pub fn operator_image(&self, cache: &Cache, progress: Progress) -> Result<String> {
        match self {
            Self::Given { operator_image, .. } => Ok(operator_image.clone()),
            Self::Bed(bed) => {
                let image = operator_image::build(cache, progress)?;
                progress.step("the operator's image to the nodes", || {
                    bed.import_image(&image.archive)
                })?;
                Ok(image.reference)
            }
        }
    }
}
