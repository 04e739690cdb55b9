//! The Kubernetes that scenarios play on, with the operator in it.

use std::{process::Command, time::Duration};

use anyhow::{Context as _, Result, bail};
use cassandra_api::v1alpha1::{CassandraCluster, CassandraMember};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Namespace, Pod},
};
use kube::{
    Api, Client, Config, ResourceExt as _,
    api::{DeleteParams, ListParams, Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use testbed::{
    bed::{Bed, NODES, Node},
    cache::Cache,
    install::{self, Overlay},
    progress::Progress,
    target::Target,
};

use crate::wait::{Look, until};

/// Who writes, in managed fields.
const MANAGER: &str = "e2e";
/// Long enough for a machine that does other things as well.
pub const MINUTES: Duration = Duration::from_mins(5);

/// The Kubernetes, the operator in it, and how to reach both.
pub struct Stage {
    /// As cluster administrator.
    pub client: Client,
    /// The image with agent and bootstrapper.
    pub operator_image: String,
    /// Whether what Cassandra does is held against the facts on record.
    pub model_check: ModelCheck,
    /// Whether there is time for what takes long.
    pub long: bool,
    target: Target,
}

/// Whether what Cassandra does is held against the facts on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelCheck {
    /// No: few rings are on record yet, and what one does for the first time is no fault of the operator's.
    Skip,
    /// It is compared with them.
    Compare,
    /// It is added to them.
    Record,
}

impl Stage {
    /// Installs the operator as it is in this checkout.
    pub async fn prepare(
        target: Target,
        cache: &Cache,
        model_check: ModelCheck,
        long: bool,
    ) -> Result<Self> {
        let image = target.operator_image(cache, Progress)?;
        Progress.step("the operator", || {
            install::install(&target, Overlay::Cluster, &image, "e2e")
        })?;
        let kubeconfig = Kubeconfig::read_from(target.kubeconfig())?;
        let mut config =
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        config.read_timeout = Some(Duration::from_secs(20));
        let stage = Self {
            client: Client::try_from(config)?,
            operator_image: image,
            model_check,
            long,
            target,
        };
        stage.scale_controller(1).await?;
        Ok(stage)
    }

    /// The test bed, unless this is somebody's own Kubernetes.
    pub fn bed(&self) -> Option<&Bed> {
        match &self.target {
            Target::Bed(bed) => Some(bed),
            Target::Given { .. } => None,
        }
    }

    /// Installs the operator anew, for other namespaces.
    pub fn install(&self, overlay: Overlay) -> Result<()> {
        install::install(&self.target, overlay, &self.operator_image, "e2e")
    }

    /// Installs the operator anew, from another image.
    pub fn install_image(&self, image: &str) -> Result<()> {
        install::install(&self.target, Overlay::Cluster, image, "e2e")
    }

    /// Makes an image of Cassandra available to the nodes of the test bed; somebody's own Kubernetes pulls it.
    pub fn provide_cassandra(&self, version: &str) -> Result<()> {
        match self.bed() {
            Some(bed) => bed.ensure_cassandra_image(version, Progress),
            None => Ok(()),
        }
    }

    /// kubectl for this Kubernetes.
    pub fn kubectl(&self) -> Command {
        self.target.kubectl()
    }

    /// Path of the kubeconfig.
    pub fn kubeconfig(&self) -> std::path::PathBuf {
        self.target.kubeconfig()
    }

    /// Runs kubectl and returns what it prints.
    pub async fn run_kubectl(&self, arguments: &[&str]) -> Result<String> {
        let mut command = tokio::process::Command::from(self.kubectl());
        let output = command.args(arguments).output().await.context("kubectl")?;
        if !output.status.success() {
            bail!(
                "kubectl {}: {}{}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim(),
                String::from_utf8_lossy(&output.stdout).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs a program in the container `cassandra` of a member's pod.
    pub async fn exec(&self, namespace: &str, member: &str, program: &[&str]) -> Result<String> {
        let pod = format!("{member}-0");
        let start = ["exec", "-n", namespace, &pod, "-c", "cassandra", "--"];
        self.run_kubectl(&[&start, program].concat()).await
    }

    /// A namespace that enforces the Restricted Pod Security Standard, empty.
    pub async fn fresh_namespace(&self, name: &str) -> Result<()> {
        self.remove_namespace(name).await?;
        let object = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": { "name": name, "labels": { "pod-security.kubernetes.io/enforce": "restricted" } },
        });
        let api: Api<Namespace> = Api::all(self.client.clone());
        api.patch(name, &PatchParams::apply(MANAGER), &Patch::Apply(object))
            .await?;
        Ok(())
    }

    /// The namespace and everything in it goes.
    pub async fn remove_namespace(&self, name: &str) -> Result<()> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        if api.get_opt(name).await?.is_none() {
            return Ok(());
        }
        api.delete(name, &DeleteParams::default()).await?;
        until(
            &format!("namespace {name} to be gone"),
            MINUTES * 2,
            async || {
                Ok(Look::when(
                    api.get_opt(name).await?.is_none(),
                    (),
                    "it is still there",
                ))
            },
        )
        .await
    }

    /// Clusters of a namespace.
    pub fn clusters(&self, namespace: &str) -> Api<CassandraCluster> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Members of a namespace.
    pub fn members(&self, namespace: &str) -> Api<CassandraMember> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Pods of a namespace.
    pub fn pods(&self, namespace: &str) -> Api<Pod> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Applies a cluster as a user would. An error is the API server's refusal.
    pub async fn apply(
        &self,
        namespace: &str,
        name: &str,
        spec: &Value,
    ) -> Result<(), kube::Error> {
        let object = json!({
            "apiVersion": "cassandra-operator.rs/v1alpha1",
            "kind": "CassandraCluster",
            "metadata": { "name": name },
            "spec": spec,
        });
        let params = PatchParams::apply(MANAGER).force();
        self.clusters(namespace)
            .patch(name, &params, &Patch::Apply(object))
            .await
            .map(|_| ())
    }

    /// Sets the number of controllers and waits until it is so.
    pub async fn scale_controller(&self, replicas: i32) -> Result<()> {
        let api: Api<Deployment> = Api::namespaced(self.client.clone(), install::NAMESPACE);
        let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
        api.patch(install::CONTROLLER, &PatchParams::default(), &patch)
            .await?;
        until(&format!("{replicas} controllers"), MINUTES, async || {
            let status = api
                .get(install::CONTROLLER)
                .await?
                .status
                .unwrap_or_default();
            let ready = status.ready_replicas.unwrap_or(0);
            let pods = self.controllers().await?.len();
            let settled = ready == replicas && i32::try_from(pods)? == replicas;
            Ok(Look::when(
                settled,
                (),
                format!("{ready} ready of {pods} pods"),
            ))
        })
        .await
    }

    /// Makes the controller's pod anew, on this node.
    pub async fn put_controller_on(&self, node: Node) -> Result<()> {
        let others: Vec<_> = NODES.into_iter().filter(|other| *other != node).collect();
        for other in &others {
            self.run_kubectl(&["cordon", &other.name()]).await?;
        }
        for pod in self.controllers().await? {
            self.kill_pod(install::NAMESPACE, &pod).await?;
        }
        let moved = until("the controller to be on the node", MINUTES, async || {
            let pods = self.controller_pods().await?;
            let on = |pod: &Pod| pod.spec.as_ref()?.node_name.clone();
            let there = |pod: &Pod| is_ready(pod) && on(pod) == Some(node.name());
            let seen: Vec<_> = pods.iter().map(on).collect();
            let moved = !pods.is_empty() && pods.iter().all(there);
            Ok(Look::when(moved, (), format!("on {seen:?}")))
        })
        .await;
        for other in &others {
            self.run_kubectl(&["uncordon", &other.name()]).await?;
        }
        moved
    }

    /// Names of the controllers' pods.
    pub async fn controllers(&self) -> Result<Vec<String>> {
        let pods = self.controller_pods().await?;
        Ok(pods.iter().map(Pod::name_any).collect())
    }

    async fn controller_pods(&self) -> Result<Vec<Pod>> {
        let selector = ListParams::default()
            .labels(&format!("app.kubernetes.io/name={}", install::CONTROLLER));
        Ok(self.pods(install::NAMESPACE).list(&selector).await?.items)
    }

    /// Deletes a pod without grace.
    pub async fn kill_pod(&self, namespace: &str, name: &str) -> Result<()> {
        let at_once = DeleteParams::default().grace_period(0);
        self.pods(namespace).delete(name, &at_once).await?;
        Ok(())
    }
}

/// Whether Kubernetes holds the pod ready.
pub fn is_ready(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Ready" && c.status == "True"))
}
