//! What an agent's token can do.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{
    Api, Client, Config,
    api::{DeleteParams, ListParams, Patch, PatchParams},
    config::{AuthInfo, KubeConfigOptions, Kubeconfig},
};
use serde_json::json;

use super::THREE_RACKS;
use crate::stage::Stage;
use cassandra_api::v1alpha1::CassandraMember;

/// Its own status, and nothing of anybody else.
pub(super) async fn an_agent_has_only_its_own_status(stage: &Stage) -> Result<()> {
    let namespace = THREE_RACKS.namespace;
    let agent = agent(stage, "orders-r1-0").await?;
    let members: Api<CassandraMember> = Api::namespaced(agent.clone(), namespace);
    let params = PatchParams {
        field_manager: Some("e2e".into()),
        ..PatchParams::default()
    };
    let status = Patch::Merge(json!({ "status": { "nativeTransport": true } }));
    members
        .patch_status("orders-r1-0", &params, &status)
        .await
        .context("its own status")?;
    refused(
        "the status of another member",
        members.patch_status("orders-r2-0", &params, &status).await,
    )?;
    let waits = json!([{ "type": "Waiting", "status": "True", "reason": "paused", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z" }]);
    let waits = Patch::Merge(json!({ "status": { "conditions": waits } }));
    refused(
        "the controller's condition of its own member",
        members.patch_status("orders-r1-0", &params, &waits).await,
    )?;
    let spec = Patch::Merge(json!({ "spec": { "rack": "r9" } }));
    refused(
        "its own spec",
        members.patch("orders-r1-0", &params, &spec).await,
    )?;
    refused(
        "deleting a member",
        members
            .delete("orders-r2-0", &DeleteParams::default())
            .await,
    )?;
    let secrets: Api<Secret> = Api::namespaced(agent.clone(), namespace);
    refused("secrets", secrets.list(&ListParams::default()).await)?;
    let pods: Api<Pod> = Api::namespaced(agent.clone(), namespace);
    refused("pods", pods.list(&ListParams::default()).await)?;
    refused(
        "deleting a pod",
        pods.delete("orders-r2-0-0", &DeleteParams::default()).await,
    )?;
    // A token of the same account that is bound to no pod is nobody's agent.
    let unbound = client(stage, &token(stage, &[]).await?).await?;
    let members: Api<CassandraMember> = Api::namespaced(unbound, namespace);
    refused(
        "a token without a pod",
        members.patch_status("orders-r1-0", &params, &status).await,
    )
}

fn refused<T>(what: &str, answer: Result<T, kube::Error>) -> Result<()> {
    match answer {
        Ok(_) => anyhow::bail!("an agent was allowed {what}"),
        Err(kube::Error::Api(status)) => {
            ensure!(matches!(status.code, 403 | 422), "{what}: {status:?}");
            Ok(())
        }
        Err(error) => Err(error).with_context(|| what.to_owned()),
    }
}

/// A client with the rights of the agent of this member.
async fn agent(stage: &Stage, member: &str) -> Result<Client> {
    let pod = format!("{member}-0");
    let bound = ["--bound-object-kind=Pod", "--bound-object-name", &pod];
    client(stage, &token(stage, &bound).await?).await
}

/// A token as the kubelet would mount it, if it is bound to a pod.
async fn token(stage: &Stage, bound: &[&str]) -> Result<String> {
    let create = [
        "create",
        "token",
        "orders-member",
        "-n",
        THREE_RACKS.namespace,
    ];
    Ok(stage
        .run_kubectl(&[&create, bound].concat())
        .await?
        .trim()
        .to_owned())
}

async fn client(stage: &Stage, token: &str) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(stage.kubeconfig())?;
    let mut config =
        Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.auth_info = AuthInfo {
        token: Some(token.to_owned().into()),
        ..AuthInfo::default()
    };
    Ok(Client::try_from(config)?)
}
