//! Another operator that embeds cassandra-api.

use std::process::Stdio;

use anyhow::{Context as _, Result};
use cassandra_api::v1alpha1::{
    CassandraMember, Job, JobArguments, JobKind, OperationState, OperationStatus,
};
use kube::{
    Api, Resource as _,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::THREE_RACKS;
use crate::{
    program,
    stage::{MINUTES, Stage},
    wait::{Look, until},
};

/// The embedder's field manager: what it applies is its own, and what it leaves out is taken away.
const EMBEDDER: &str = "e2e-embedder";

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

/// A Flush is done by a member's agent, with the real Cassandra; one of a keyspace that does not exist fails with its
/// name; jobs that are taken off the list are forgotten.
pub(super) async fn a_member_does_the_jobs_that_it_is_given(stage: &Stage) -> Result<()> {
    let members = stage.members(THREE_RACKS.namespace);
    let flush = |id: &str, keyspaces: &[&str]| Job {
        id: id.into(),
        kind: JobKind::Flush,
        arguments: JobArguments {
            keyspaces: keyspaces.iter().map(|name| (*name).into()).collect(),
        },
    };
    let jobs = [
        flush("all", &[]),
        flush("one", &["system_auth"]),
        flush("none", &["no_such_keyspace"]),
    ];
    order(&members, &jobs).await?;
    let done = stands(&members, "all", OperationState::Done).await?;
    anyhow::ensure!(done.started_at.is_some(), "it has no beginning: {done:?}");
    stands(&members, "one", OperationState::Done).await?;
    let failed = stands(&members, "none", OperationState::Failed).await?;
    anyhow::ensure!(
        failed.message.contains("no_such_keyspace"),
        "it does not say which keyspace: {}",
        failed.message
    );
    order(&members, &[]).await?;
    until("the jobs are forgotten", MINUTES, async || {
        let told = standings(&members).await?;
        Ok(Look::when(told.is_empty(), (), format!("{told:?}")))
    })
    .await
}

const MEMBER: &str = "orders-r1-0";

async fn order(members: &Api<CassandraMember>, jobs: &[Job]) -> Result<()> {
    let patch = json!({
        "apiVersion": CassandraMember::api_version(&()),
        "kind": CassandraMember::kind(&()),
        "spec": {"jobs": jobs},
    });
    let params = PatchParams::apply(EMBEDDER);
    let applied = members.patch(MEMBER, &params, &Patch::Apply(patch)).await;
    applied.map(drop).context("ordering jobs")
}

async fn standings(members: &Api<CassandraMember>) -> Result<Vec<OperationStatus>> {
    let member = members.get(MEMBER).await?;
    Ok(member.status.map(|status| status.jobs).unwrap_or_default())
}

async fn stands(
    members: &Api<CassandraMember>,
    id: &str,
    state: OperationState,
) -> Result<OperationStatus> {
    until(&format!("job {id} is {state:?}"), MINUTES, async || {
        let told = standings(members).await?;
        let seen = format!("{told:?}");
        let found = told
            .into_iter()
            .find(|job| job.id == id && job.state == state);
        Ok(found.map_or(Look::NotYet(seen), Look::Done))
    })
    .await
}
