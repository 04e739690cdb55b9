//! What a client of the ring notices: nothing.

use anyhow::{Context as _, Result};
use cassandra_api::{
    rules::Rule,
    v1alpha1::{CassandraMember, Phase},
};
use testbed::bed::Node;

use super::THREE_RACKS;
use crate::{
    driver::serves_through,
    ring::FORMATION,
    stage::{MINUTES, Stage, is_ready},
    wait::{Look, until},
};

/// The member that goes. The driver asks from the first node, which is its neighbour's.
const GOES: &str = "orders-r3-0";
const STAYS: &str = "orders-r1-0";

/// A pod is deleted, as in a drain of its node, and comes back: no request at LOCAL_QUORUM fails.
pub(super) async fn no_request_fails_while_a_pod_goes_and_comes_back(stage: &Stage) -> Result<()> {
    let ring = THREE_RACKS;
    let before = ring.host_ids(stage).await?;
    serves_through(stage, ring, "a pod goes and comes back", async || {
        let pods = stage.pods(ring.namespace);
        let name = format!("{GOES}-0");
        let uid = pods.get(&name).await?.metadata.uid;
        stage
            .run_kubectl(&["delete", "pod", "-n", ring.namespace, &name])
            .await?;
        until("the pod to be back and ready", FORMATION, async || {
            let pod = pods.get(&name).await?;
            let (other, ready) = (pod.metadata.uid != uid, is_ready(&pod));
            let seen = format!("another pod: {other}, ready: {ready}");
            Ok(Look::when(other && ready, (), seen))
        })
        .await?;
        ring.ready(stage).await?;
        ring.whole(stage).await
    })
    .await?;
    ring.is_as_before(stage, &before).await
}

/// A machine is off without a word, and the only controller with it, until Kubernetes and Cassandra have noticed, and comes
/// back: likewise.
pub(super) async fn no_request_fails_while_a_node_is_away(stage: &Stage) -> Result<()> {
    let ring = THREE_RACKS;
    let bed = stage.bed().context("this scenario needs the test bed")?;
    let before = ring.host_ids(stage).await?;
    let lost = before.get(GOES).context("the member has no host id")?;
    let pod = stage.pods(ring.namespace).get(&format!("{GOES}-0")).await?;
    let on = pod.spec.and_then(|spec| spec.node_name).unwrap_or_default();
    let node = Node::named(&on).with_context(|| format!("{GOES} is on {on}"))?;
    stage.put_controller_on(node).await?;
    serves_through(stage, ring, "a node is away", async || {
        let away = bed.clone();
        tokio::task::spawn_blocking(move || away.node_down(node)).await??;
        let told = is_told(stage, &on).await;
        let noticed = is_noticed(stage, &on, lost).await;
        let back = bed.clone();
        tokio::task::spawn_blocking(move || back.node_up(node)).await??;
        told?;
        noticed?;
        ring.ready(stage).await?;
        ring.whole(stage).await
    })
    .await?;
    ring.is_as_before(stage, &before).await
}

/// The cluster is Degraded, first because the others hold the member for down and then because its node, which is named, is
/// silent; until then its own status says that it is ready.
async fn is_told(stage: &Stage, node: &str) -> Result<()> {
    let ring = THREE_RACKS;
    let since = std::time::Instant::now();
    until("the member to count as down", MINUTES, async || {
        let status = ring.status(stage).await?;
        let told = status.phase == Some(Phase::Degraded) && status.ready.as_deref() == Some("2/3");
        Ok(Look::when(
            told,
            (),
            format!("{:?} {:?}", status.phase, status.ready),
        ))
    })
    .await?;
    println!(
        "  the cluster was Degraded after {} s",
        since.elapsed().as_secs()
    );
    until(&format!("node {node} to be named"), MINUTES, async || {
        let members = ring.members(stage).await?;
        let waiting = members.get(GOES).and_then(CassandraMember::waiting);
        let told = waiting.as_ref().is_some_and(|waiting| {
            waiting.rule == Rule::NodeAnswers && waiting.message.contains(node)
        });
        Ok(Look::when(told, (), format!("{waiting:?}")))
    })
    .await
}

/// Waits until Kubernetes holds the node for lost, and Cassandra its member for down.
async fn is_noticed(stage: &Stage, node: &str, host_id: &str) -> Result<()> {
    until(
        &format!("node {node} to be lost and its member down"),
        MINUTES,
        async || {
            let ready = "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}";
            let ready = stage
                .run_kubectl(&["get", "node", node, "-o", ready])
                .await?;
            let nodes = THREE_RACKS.nodetool_status(stage, STAYS).await?;
            let seen = nodes.get(host_id).map(|node| node.state.as_str());
            let noticed = ready != "True" && seen == Some("DN");
            Ok(Look::when(
                noticed,
                (),
                format!("the node's Ready is {ready}, the member is {seen:?}"),
            ))
        },
    )
    .await
}
