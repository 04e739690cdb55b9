//! Pods that go.

use anyhow::Result;

use super::THREE_RACKS;
use crate::{
    ring::FORMATION,
    stage::{Stage, is_ready},
    wait::{Look, until},
};

/// The StatefulSet brings the pod back and the marker lets it start: no controller is needed.
pub(super) async fn a_pod_that_is_deleted_without_the_controller_is_the_same_node(
    stage: &Stage,
) -> Result<()> {
    let ring = THREE_RACKS;
    let before = ring.host_ids(stage).await?;
    stage.scale_controller(0).await?;
    let outcome = async {
        let uid = pod_uid(stage, "orders-r2-0-0").await?;
        stage
            .run_kubectl(&["delete", "pod", "-n", ring.namespace, "orders-r2-0-0"])
            .await?;
        until(
            "the deleted pod to be back and ready",
            FORMATION,
            async || {
                let pod = stage.pods(ring.namespace).get("orders-r2-0-0").await?;
                let other = pod.metadata.uid != uid;
                let ready = is_ready(&pod);
                Ok(Look::when(
                    other && ready,
                    (),
                    format!("another pod: {other}, ready: {ready}"),
                ))
            },
        )
        .await
    }
    .await;
    stage.scale_controller(1).await?;
    outcome?;
    ring.ready(stage).await?;
    ring.is_as_before(stage, &before).await
}

/// A whole ring that stops at once is one ring again, with no second founder.
pub(super) async fn all_pods_at_once_come_back_as_one_ring(stage: &Stage) -> Result<()> {
    let ring = THREE_RACKS;
    let before = ring.host_ids(stage).await?;
    for name in ring.names() {
        stage.kill_pod(ring.namespace, &format!("{name}-0")).await?;
    }
    ring.away(stage).await?;
    ring.ready(stage).await?;
    ring.is_as_before(stage, &before).await
}

async fn pod_uid(stage: &Stage, name: &str) -> Result<Option<String>> {
    Ok(stage
        .pods(THREE_RACKS.namespace)
        .get(name)
        .await?
        .metadata
        .uid)
}
