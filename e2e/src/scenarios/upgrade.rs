//! Another release of the operator.

use anyhow::{Context as _, Result, ensure};
use cassandra_api::{conditions, names};
use kube::ResourceExt as _;

use super::{GROWN, THREE_RACKS};
use crate::{
    stage::{MINUTES, Stage},
    wait::{Look, until},
};

/// The member that comes with the new image.
const NEW: &str = "orders-r1-1";

/// The controller is started with another operator image: nothing restarts and nothing is pending, and a new member has
/// the new image.
pub(super) async fn another_operator_image_is_for_new_members_only(stage: &Stage) -> Result<()> {
    let bed = stage.bed().context("this scenario needs the test bed")?;
    let old = stage.operator_image.clone();
    let new = format!("{old}-again");
    bed.tag_image(&old, &new)?;
    stage.install_image(&new)?;
    let outcome = nothing_restarts(stage, &old, &new).await;
    stage.install_image(&old)?;
    outcome?;
    // With more time, the ring goes on to live without the API server.
    if !stage.long {
        stage.remove_namespace(GROWN.namespace).await?;
    }
    Ok(())
}

async fn nothing_restarts(stage: &Stage, old: &str, new: &str) -> Result<()> {
    let ring = THREE_RACKS;
    stage.scale_controller(1).await?;
    let before = ring.pods(stage).await?;
    // That the new controller has looked at the cluster shows by what it puts back.
    let service = ["service", "-n", ring.namespace, ring.name];
    stage
        .run_kubectl(&[&["delete"], &service[..]].concat())
        .await?;
    until("the new controller to act", MINUTES, async || {
        let found = stage.run_kubectl(&[&["get"], &service[..]].concat()).await;
        Ok(Look::when(found.is_ok(), (), "the Service is not back"))
    })
    .await?;
    nothing_is_pending(stage).await?;
    stage
        .apply(GROWN.namespace, GROWN.name, &GROWN.spec(stage))
        .await?;
    let members = GROWN.ready(stage).await?;
    for (name, member) in &members {
        let workload = member.spec.workload.as_ref().context("no workload")?;
        let expected = if name == NEW { new } else { old };
        ensure!(
            workload.operator_image == expected,
            "{name} is made from {}, not {expected}",
            workload.operator_image
        );
    }
    let pod = stage.pods(ring.namespace).get(&names::pod(NEW)).await?;
    let spec = pod.spec.context("a pod without spec")?;
    let images = spec.init_containers.into_iter().flatten();
    let images: Vec<_> = images.filter_map(|container| container.image).collect();
    ensure!(
        images.iter().any(|image| image == new) && images.iter().all(|image| image != old),
        "the init containers of {NEW} have the images {images:?}"
    );
    nothing_is_pending(stage).await?;
    let mut after = ring.pods(stage).await?;
    after.remove(&names::pod(NEW));
    ensure!(before == after, "pods were {before:?} and are {after:?}");
    GROWN.whole(stage).await.map(drop)
}

/// No status says that somebody is to be restarted.
async fn nothing_is_pending(stage: &Stage) -> Result<()> {
    let ring = THREE_RACKS;
    let status = ring.status(stage).await?;
    let pending = |condition: &&k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
        condition.type_ == conditions::RESTART_PENDING && condition.status != "False"
    };
    let said = status.conditions.iter().find(pending);
    ensure!(
        status.restart_pending.is_empty() && said.is_none(),
        "a restart is pending: {:?}, {said:?}",
        status.restart_pending
    );
    for member in ring.members(stage).await?.values() {
        let waiting = member.waiting();
        let rule = waiting.as_ref().map(|waiting| waiting.rule.name());
        ensure!(
            rule != Some("restart_pending"),
            "{} waits: {waiting:?}",
            member.name_any()
        );
    }
    Ok(())
}
