//! A volume that is gone for good: the way out that docs/recovery.md gives to users, step by step.

use anyhow::{Context as _, Result, ensure};
use cassandra_api::{labels, names, rules::Rule, v1alpha1::CassandraMember};

use super::THREE_RACKS;
use crate::{
    stage::{MINUTES, Stage},
    wait::{Look, until},
};

const LOST: &str = "orders-r2-0";
const HEALTHY: &str = "orders-r1-0";

/// The member never starts empty by itself; when the ring has let go of it, it is a new node.
pub(super) async fn a_lost_volume_waits_for_the_user_and_joins_anew(stage: &Stage) -> Result<()> {
    let ring = THREE_RACKS;
    let mut before = ring.host_ids(stage).await?;
    let lost = before
        .get(LOST)
        .context("the member has no host id")?
        .clone();
    let (claim, pod) = (names::volume_claim(LOST), names::pod(LOST));
    let kubectl = async |arguments: &[&str]| {
        let namespace = ["-n", ring.namespace];
        stage.run_kubectl(&[arguments, &namespace].concat()).await
    };
    kubectl(&["delete", "pvc", &claim, "--wait=false"]).await?;
    kubectl(&["delete", "pod", &pod]).await?;
    says_volume_lost(stage, &lost).await?;

    let remove = ["nodetool", "removenode", &lost];
    stage.exec(ring.namespace, HEALTHY, &remove).await?;
    until("the ring to let go of the node", MINUTES, async || {
        let nodes = ring.nodetool_status(stage, HEALTHY).await?;
        let gone = !nodes.contains_key(&lost);
        Ok(Look::when(gone, (), format!("{nodes:?}")))
    })
    .await?;
    says_volume_lost(stage, &lost).await?;

    let allow = "cassandra-operator.rs/allow-delete=true";
    let forget = format!("{}-", labels::HOST_ID);
    kubectl(&["annotate", "cassandramember", LOST, allow]).await?;
    kubectl(&["delete", "cassandramember", LOST]).await?;
    kubectl(&["annotate", "pvc", &claim, &forget]).await?;
    ring.ready(stage).await?;

    let repair = ["nodetool", "repair", "-full"];
    stage.exec(ring.namespace, LOST, &repair).await?;
    let anew = ring.host_ids(stage).await?;
    let joined = anew.get(LOST).context("the member has no host id")?;
    ensure!(*joined != lost, "{LOST} is still the host id {lost}");
    before.insert(LOST.into(), joined.clone());
    ring.is_as_before(stage, &before).await
}

async fn says_volume_lost(stage: &Stage, host_id: &str) -> Result<()> {
    until("the rule volume_lost", MINUTES, async || {
        let members = THREE_RACKS.members(stage).await?;
        let waiting = members.get(LOST).and_then(CassandraMember::waiting);
        let told = waiting.as_ref().is_some_and(|waiting| {
            waiting.rule == Rule::VolumeLost && waiting.message.contains(host_id)
        });
        Ok(Look::when(told, (), format!("{waiting:?}")))
    })
    .await
}
