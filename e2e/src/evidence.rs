//! What there was when a scenario failed.

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt as _, api::ListParams};
use testbed::install;

use crate::stage::{Stage, is_ready};

/// The last lines of each look.
const LINES: usize = 40;

/// Prints objects, events, the controller's last words, and those of the pods that are not ready.
pub(crate) async fn show(stage: &Stage) {
    let objects = "get cassandraclusters,cassandramembers,pods,pvc -A -o wide";
    let controller = format!(
        "logs -n {} deployment/cassandra-controller --tail=30",
        install::NAMESPACE
    );
    look(stage, "get nodes -o wide").await;
    look(stage, objects).await;
    look(stage, "get events -A --sort-by=.lastTimestamp").await;
    look(stage, &controller).await;
    let pods = Api::<Pod>::all(stage.client.clone());
    let Ok(pods) = pods.list(&ListParams::default()).await else {
        return;
    };
    for pod in pods.iter().filter(|pod| !is_ready(pod)) {
        let namespace = pod.namespace().unwrap_or_default();
        let of = format!("-n {namespace} {}", pod.name_any());
        look(stage, &format!("describe pod {of}")).await;
        look(
            stage,
            &format!("logs {of} --all-containers --prefix --tail=20"),
        )
        .await;
        look(
            stage,
            &format!("logs {of} -c cassandra --previous --tail=20"),
        )
        .await;
    }
}

async fn look(stage: &Stage, arguments: &str) {
    let words: Vec<_> = arguments.split(' ').collect();
    println!("  $ kubectl {arguments}");
    match stage.run_kubectl(&words).await {
        Ok(text) => {
            let lines: Vec<_> = text.lines().collect();
            let from = lines.len().saturating_sub(LINES);
            for line in lines.get(from..).unwrap_or_default() {
                println!("  {line}");
            }
        }
        Err(error) => println!("  {error:#}"),
    }
}
