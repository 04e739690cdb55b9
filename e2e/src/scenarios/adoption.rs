//! A cluster that was deleted, and comes back.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use cassandra_api::{rules::Rule, v1alpha1::StartMode};
use kube::api::{DeleteParams, ListParams};
use serde_json::json;

use super::THREE_RACKS;
use crate::{
    stage::{MINUTES, Stage},
    wait::{Look, until},
};

/// Volumes stay; no member meets one unasked; with the user's word the same ring comes back.
pub(super) async fn a_deleted_cluster_comes_back_with_its_volumes(stage: &Stage) -> Result<()> {
    let ring = THREE_RACKS;
    let (host_ids, tokens) = (ring.host_ids(stage).await?, tokens(stage).await?);
    stage
        .clusters(ring.namespace)
        .delete(ring.name, &DeleteParams::default())
        .await?;
    until(
        "the pods of a deleted cluster to be gone",
        MINUTES * 2,
        async || {
            let pods = stage
                .pods(ring.namespace)
                .list(&ListParams::default())
                .await?
                .items
                .len();
            Ok(Look::when(pods == 0, (), format!("{pods} pods")))
        },
    )
    .await?;
    let claims = stage
        .run_kubectl(&["get", "pvc", "-n", ring.namespace, "-o", "name"])
        .await?;
    ensure!(claims.lines().count() == 3, "volume claims: {claims}");

    stage
        .apply(ring.namespace, ring.name, &ring.spec(stage))
        .await?;
    until("the rule retained_volumes", MINUTES, async || {
        let status = ring.status(stage).await?;
        let named = status.blocked.iter().any(|blocked| {
            blocked.rule == Rule::RetainedVolumes && blocked.message.contains("adoptRetained")
        });
        Ok(Look::when(named, (), format!("{:?}", status.blocked)))
    })
    .await?;
    ensure!(
        ring.members(stage).await?.is_empty(),
        "members were made unasked"
    );

    let mut spec = ring.spec(stage);
    spec["storage"]["adoptRetained"] = json!(true);
    stage.apply(ring.namespace, ring.name, &spec).await?;
    let members = ring.ready(stage).await?;
    let first = members
        .values()
        .find(|member| member.spec.start.mode == StartMode::CreateRing);
    ensure!(first.is_none(), "somebody founded a ring");
    let founder = ring.status(stage).await?.record.founder;
    ensure!(
        founder
            .as_ref()
            .is_some_and(|founder| founder.adopted_from.is_some()),
        "{founder:?}"
    );
    let again = (ring.host_ids(stage).await?, self::tokens(stage).await?);
    ensure!(
        again == (host_ids, tokens),
        "host ids and tokens are {again:?}"
    );
    ring.whole(stage).await?;
    ring.row_is(stage, "hello").await
}

async fn tokens(stage: &Stage) -> Result<BTreeMap<String, Option<String>>> {
    let members = THREE_RACKS.members(stage).await?.into_iter();
    Ok(members
        .map(|(name, member)| (name, member.status.and_then(|status| status.tokens_digest)))
        .collect())
}
