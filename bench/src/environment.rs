//! Where it is measured: an API server of our own with the operator's kinds, and the controller's program.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use cassandra_api::v1alpha1::definitions;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, Config, ResourceExt as _};
use serde_json::json;
use testbed::bed::standalone::Standalone;
use testbed::cache::Cache;
use testbed::install::NAMESPACE as CONTROLLER_NAMESPACE;
use testbed::progress::Progress;

use super::audit::Audit;
use super::program::{Program, Setting};

/// Folder of a run below the cache.
const FOLDER: &str = "bench";
/// The controller's user, by which its requests are told from others.
const USER: &str = "bench-controller";
/// Where the clusters are.
pub(super) const NAMESPACE: &str = "bench";
/// Where what is not ours is.
pub(super) const FOREIGN: &str = "foreign";

/// An API server with nothing in it but the kinds.
pub(super) struct BenchEnvironment {
    pub(super) client: Client,
    pub(super) audit: Audit,
    pub(super) progress: Progress,
    api: Standalone,
    program: PathBuf,
}

impl BenchEnvironment {
    /// Starts it.
    pub(super) async fn set(cache: &Cache, program: &Path, progress: Progress) -> Result<Self> {
        let start = || Standalone::start(cache, FOLDER, USER, progress);
        let api = progress.step("an API server of its own", start)?;
        let client = client(&api.kubeconfig("admin")).await?;
        prepare(&client).await?;
        Ok(Self {
            audit: Audit::of(api.audit_log()),
            client,
            progress,
            api,
            program: program.to_owned(),
        })
    }

    /// Starts the controller and waits until it leads. The identity is the pod's name in a real installation.
    pub(super) async fn start(&self, identity: &str) -> Result<Program> {
        let program = self.launch(identity)?;
        self.leading(program).await
    }

    /// Starts the controller beside another one and waits until it could take over.
    pub(super) async fn stand_by(&self, identity: &str) -> Result<Program> {
        let mut program = self.launch(identity)?;
        program
            .says("everything is listed", Duration::from_mins(2))
            .await
            .context("waiting for the controller to be ready")?;
        Ok(program)
    }

    /// Starts the controller.
    pub(super) fn launch(&self, identity: &str) -> Result<Program> {
        Program::start(&Setting {
            program: &self.program,
            kubeconfig: &self.api.kubeconfig(USER),
            log: self.api.log(&format!("controller-{identity}")),
            identity,
        })
    }

    async fn leading(&self, mut program: Program) -> Result<Program> {
        program
            .says("\"leading\"", Duration::from_mins(1))
            .await
            .context("waiting for the controller to lead")?;
        Ok(program)
    }

    /// Cuts all watches off from where they were, so that everything is listed anew.
    pub(super) fn restart_api_server(&mut self) -> Result<()> {
        self.api.restart_api_server()
    }
}

async fn client(kubeconfig: &Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

async fn prepare(client: &Client) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    for name in [CONTROLLER_NAMESPACE, NAMESPACE, FOREIGN] {
        let namespace = serde_json::from_value(json!({ "metadata": { "name": name } }))?;
        namespaces
            .create(&PostParams::default(), &namespace)
            .await?;
    }
    let kinds: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in definitions() {
        let name = definition.name_any();
        let params = PatchParams::apply("bench").force();
        kinds
            .patch(&name, &params, &Patch::Apply(&definition))
            .await?;
        let served = await_condition(kinds.clone(), &name, conditions::is_crd_established());
        tokio::time::timeout(Duration::from_secs(30), served).await??;
    }
    Ok(())
}
