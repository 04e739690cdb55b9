//! Two controllers.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serde_json::json;
use testbed::install;

use super::THREE_RACKS;
use crate::{
    stage::{MINUTES, Stage},
    wait::{Look, until},
};

/// Only the holder of the Lease writes; when it dies, the other one does within the Lease's duration.
pub(super) async fn one_of_two_controllers_acts_and_the_other_takes_over(
    stage: &Stage,
) -> Result<()> {
    stage.scale_controller(2).await?;
    let outcome = take_over(stage).await;
    stage.scale_controller(1).await?;
    outcome
}

async fn take_over(stage: &Stage) -> Result<()> {
    let holder = holder(stage).await?;
    let both = stage.controllers().await?;
    ensure!(
        both.contains(&holder),
        "{holder} holds the Lease and is none of {both:?}"
    );
    let idle = both
        .iter()
        .find(|name| **name != holder)
        .context("there is one controller only")?;
    let log = stage
        .run_kubectl(&["logs", "-n", install::NAMESPACE, idle])
        .await?;
    ensure!(!log.contains("\"leading\""), "{idle} leads as well");
    stage.kill_pod(install::NAMESPACE, &holder).await?;
    let killed = Instant::now();
    // Something to put right: the new holder's first act.
    let services = [
        "delete",
        "service",
        "-n",
        THREE_RACKS.namespace,
        THREE_RACKS.name,
    ];
    stage.run_kubectl(&services).await?;
    until("the other controller to act", MINUTES, async || {
        let found = stage
            .run_kubectl(&[
                "get",
                "service",
                "-n",
                THREE_RACKS.namespace,
                THREE_RACKS.name,
            ])
            .await;
        Ok(Look::when(found.is_ok(), (), "the Service is not back"))
    })
    .await?;
    let seconds = killed.elapsed();
    println!(
        "  the other controller acted {:.1} s after the kill",
        seconds.as_secs_f64()
    );
    ensure!(seconds < Duration::from_secs(40), "it took {seconds:?}");
    Ok(())
}

async fn holder(stage: &Stage) -> Result<String> {
    let leases: Api<Lease> = Api::namespaced(stage.client.clone(), install::NAMESPACE);
    until("a holder of the Lease", MINUTES, async || {
        let lease = leases.get(install::CONTROLLER).await?;
        let holder = lease
            .spec
            .and_then(|spec| spec.holder_identity)
            .unwrap_or_default();
        let alive = stage.controllers().await?.contains(&holder);
        let seen = json!(holder).to_string();
        Ok(Look::when(alive, holder, seen))
    })
    .await
}
