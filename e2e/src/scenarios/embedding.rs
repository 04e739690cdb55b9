//! Another operator that embeds cassandra-api.

use std::process::Stdio;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::THREE_RACKS;
use crate::{
    program,
    stage::{MINUTES, Stage},
};

/// `examples/embed` names a member that is not ready, and says when it is again.
pub(super) async fn another_operator_sees_who_is_not_ready(stage: &Stage) -> Result<()> {
    let path = program::build("embed").await?;
    let mut program = tokio::process::Command::new(path)
        .env("KUBECONFIG", stage.kubeconfig())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("starting examples/embed")?;
    let mut lines = BufReader::new(program.stdout.take().context("its output")?).lines();
    stage
        .kill_pod(THREE_RACKS.namespace, "orders-r3-0-0")
        .await?;
    for wanted in [
        "e2e-racks/orders-r3-0 is not ready",
        "e2e-racks/orders-r3-0 is ready",
    ] {
        let search = async {
            while let Some(line) = lines.next_line().await? {
                if line.contains(wanted) {
                    return Ok(());
                }
            }
            anyhow::bail!("examples/embed has ended")
        };
        let searched = tokio::time::timeout(MINUTES * 2, search).await;
        searched.with_context(|| format!("examples/embed never said: {wanted}"))??;
    }
    program.kill().await?;
    THREE_RACKS.ready(stage).await.map(|_| ())
}
