//! Life without the API server.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use cassandra_api::v1alpha1::{MemberState, Phase};
use testbed::bed::Signal;

use super::{GROWN, GROWN_TWICE, THREE_RACKS};
use crate::{
    driver::serves_through,
    ring::state,
    stage::{MINUTES, Stage},
    wait::{Look, until},
};

/// How soon after the API server's return a status is to be right.
const RIGHT_WITHIN: Duration = Duration::from_secs(30);

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

/// For ten minutes. The ring serves all the time, no pod restarts, the statuses are right soon after,
/// and the controller goes on where it was: a member more joins.
pub(super) async fn a_ring_serves_while_the_api_server_is_away(stage: &Stage) -> Result<()> {
    let bed = stage.bed().context("this scenario needs the test bed")?;
    let away = Duration::from_mins(10);
    GROWN.ready(stage).await?;
    let before = GROWN.pods(stage).await?;
    let what = format!("the API server is away for {} s", away.as_secs());
    serves_through(stage, GROWN, &what, async || {
        bed.stop_api_server()?;
        tokio::time::sleep(away).await;
        bed.start_api_server()?;
        statuses_are_right(stage).await
    })
    .await?;
    let after = GROWN.pods(stage).await?;
    ensure!(before == after, "pods were {before:?} and are {after:?}");
    let ring = GROWN_TWICE;
    serves_through(stage, GROWN, "a member joins", async || {
        stage
            .apply(ring.namespace, ring.name, &ring.spec(stage))
            .await?;
        ring.ready(stage).await
    })
    .await?;
    ring.whole(stage).await?;
    stage.remove_namespace(ring.namespace).await
}

async fn statuses_are_right(stage: &Stage) -> Result<()> {
    let members = GROWN.names();
    until("the statuses to be right", RIGHT_WITHIN, async || {
        let status = GROWN.status(stage).await?;
        let found = GROWN.members(stage).await?;
        let ready = found
            .values()
            .filter(|member| state(member) == MemberState::Ready);
        let ready = ready.count();
        let right = status.phase == Some(Phase::Ready)
            && status.blocked.is_empty()
            && usize::try_from(status.ready_members.unwrap_or_default())? == members.len()
            && ready == members.len();
        let seen = format!(
            "{:?}, {:?} counted and {ready} members ready, {:?}",
            status.phase, status.ready_members, status.blocked
        );
        Ok(Look::when(right, (), seen))
    })
    .await
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
