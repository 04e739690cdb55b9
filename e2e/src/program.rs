//! Programs of this checkout as processes of ours; above all the controller, to be killed at any moment and started
//! again at once. In its pod the kubelet would wait longer after each kill.

use std::{path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, ensure};
use tokio::process::{Child, Command};

use crate::stage::Stage;

/// The controller's program, built from this checkout.
pub struct Program {
    path: PathBuf,
    namespace: String,
    kubeconfig: PathBuf,
    operator_image: String,
}

impl Program {
    /// Builds it, to work in one namespace.
    pub async fn build(stage: &Stage, namespace: &str) -> Result<Self> {
        Ok(Self {
            path: build("cassandra-controller").await?,
            namespace: namespace.into(),
            kubeconfig: stage.kubeconfig(),
            operator_image: stage.operator_image.clone(),
        })
    }

    /// Starts it and kills it with SIGKILL after 2 to 10 seconds, again and again. Never returns.
    pub async fn run_and_kill(&self) -> Result<()> {
        for seconds in (2..=10).cycle() {
            let mut child = self.start()?;
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            child.kill().await?;
        }
        Ok(())
    }

    fn start(&self) -> Result<Child> {
        Command::new(&self.path)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("WATCH_NAMESPACES", &self.namespace)
            .env("POD_NAMESPACE", &self.namespace)
            .env("POD_NAME", "killed-again-and-again")
            .env("OPERATOR_IMAGE", &self.operator_image)
            .env("LISTEN", "127.0.0.1:0")
            .env("RUST_LOG", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| self.path.display().to_string())
    }
}

/// Builds a package's program of the same name. It is run from its file: with `cargo run` one would stop cargo only.
pub async fn build(package: &str) -> Result<PathBuf> {
    let arguments = ["build", "--quiet", "--locked", "--package", package];
    let built = Command::new(env!("CARGO"))
        .args(arguments)
        .stdin(Stdio::null())
        .status()
        .await?;
    ensure!(built.success(), "cargo {}", arguments.join(" "));
    let beside = std::env::current_exe()?;
    let path = beside.parent().context("a folder")?.join(package);
    ensure!(path.is_file(), "{} was not built", path.display());
    Ok(path)
}
