//! The operator for some namespaces only, from the same manifests: its rights end where they do.

use anyhow::{Result, ensure};
use testbed::install::{CONTROLLER, NAMESPACE, Overlay};

use crate::{
    ring::{Delays, Ring, Zones},
    stage::Stage,
};

/// In the namespace that `deploy/overlays/namespaced` names.
const SERVED: Ring = Ring {
    namespace: "cassandra",
    name: "ledger",
    racks: &[("a", 1)],
    version: "5.0.9",
    zones: Zones::None,
    delays: Delays::Short,
};
const NOT_SERVED: Ring = Ring {
    namespace: "e2e-elsewhere",
    ..SERVED
};

/// A ring forms where the controller has a Role; elsewhere it has no rights, and does nothing.
pub(super) async fn a_controller_of_some_namespaces_serves_only_those(stage: &Stage) -> Result<()> {
    for ring in [SERVED, NOT_SERVED] {
        stage.fresh_namespace(ring.namespace).await?;
    }
    stage.scale_controller(0).await?;
    let everywhere = ["delete", "clusterrolebinding", CONTROLLER];
    stage.run_kubectl(&everywhere).await?;
    let outcome = serves_only_its_own(stage).await;
    for ring in [SERVED, NOT_SERVED] {
        stage.remove_namespace(ring.namespace).await?;
    }
    stage.install(Overlay::Cluster)?;
    stage.scale_controller(1).await?;
    outcome
}

async fn serves_only_its_own(stage: &Stage) -> Result<()> {
    stage.install(Overlay::Namespaced)?;
    stage.scale_controller(1).await?;
    for ring in [NOT_SERVED, SERVED] {
        stage
            .apply(ring.namespace, ring.name, &ring.spec(stage))
            .await?;
    }
    SERVED.ready(stage).await?;
    let account = format!("--as=system:serviceaccount:{NAMESPACE}:{CONTROLLER}");
    let may_list = async |ring: Ring| {
        let question = [
            "auth",
            "can-i",
            "list",
            "cassandraclusters",
            "-n",
            ring.namespace,
            &account,
        ];
        // An answer of no is an error of kubectl.
        stage.run_kubectl(&question).await.is_ok()
    };
    ensure!(
        may_list(SERVED).await,
        "it may not list clusters in {}",
        SERVED.namespace
    );
    ensure!(
        !may_list(NOT_SERVED).await,
        "it may list clusters in {}",
        NOT_SERVED.namespace
    );
    let members = NOT_SERVED.members(stage).await?;
    ensure!(members.is_empty(), "a foreign namespace has {members:?}");
    let log = ["logs", "-n", NAMESPACE, &format!("deployment/{CONTROLLER}")];
    let log = stage.run_kubectl(&log).await?;
    ensure!(
        !log.contains("forbidden"),
        "the controller asked for what it may not:\n{log}"
    );
    Ok(())
}
