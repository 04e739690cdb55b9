//! Life without the API server.

use anyhow::{Context as _, Result, ensure};
use testbed::bed::Signal;

use super::THREE_RACKS;
use crate::{
    stage::{MINUTES, Stage},
    wait::{Look, until},
};

/// Cassandra's process dies while nobody can be asked: it is back before the API server is.
pub(super) async fn a_killed_cassandra_starts_without_the_api_server(stage: &Stage) -> Result<()> {
    let ring = THREE_RACKS;
    let bed = stage.bed().context("this scenario needs the test bed")?;
    let before = ring.host_ids(stage).await?;
    let address = ring
        .members(stage)
        .await?
        .remove("orders-r3-0")
        .and_then(|member| member.status?.address)
        .context("orders-r3-0 has no address")?;
    let pod_ip = stage
        .pods(ring.namespace)
        .get("orders-r3-0-0")
        .await?
        .status;
    let pod_ip = pod_ip
        .and_then(|status| status.pod_ip)
        .context("orders-r3-0-0 has no address")?;
    bed.stop_api_server()?;
    let outcome = async {
        bed.kill_process_in_pod(ring.namespace, "orders-r3-0-0", "cassandra", Signal::KILL)?;
        let url = format!("{pod_ip}:8090");
        until(
            "the agent to see that Cassandra is gone",
            MINUTES * 2,
            async || {
                let ready = agent_says_ready(&url).await?;
                Ok(Look::when(!ready, (), "the agent still says ready"))
            },
        )
        .await?;
        until(
            "Cassandra to be back without the API server",
            MINUTES * 2,
            async || {
                let ready = agent_says_ready(&url).await?;
                Ok(Look::when(ready, (), "the agent says it is not ready"))
            },
        )
        .await
    }
    .await;
    bed.start_api_server()?;
    outcome?;
    ring.ready(stage).await?;
    let after = ring.host_ids(stage).await?;
    ensure!(
        before == after,
        "host ids were {before:?} and are {after:?}"
    );
    let nodes = ring.whole(stage).await?;
    let back = nodes.values().find(|node| node.address == address);
    ensure!(back.is_some_and(|node| node.state == "UN"), "{nodes:?}");
    Ok(())
}

/// Asks the agent's readiness, as the kubelet does.
async fn agent_says_ready(address: &str) -> Result<bool> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET /ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}
