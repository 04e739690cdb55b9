//! Puts the operator into a Kubernetes, from the manifests that users install.

#[cfg(test)]
mod manifests;

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::operator_image::RELEASE;
use crate::process::{run, stdout, succeeds};
use crate::target::Target;
use crate::workspace;

/// Where the controller runs.
pub const NAMESPACE: &str = "cassandra-operator";
/// The controller's Deployment, ServiceAccount and Lease.
pub const CONTROLLER: &str = "cassandra-controller";
/// Annotation of the namespace: who put the operator there, so that nobody else's is ever removed.
const INSTALLED_BY: &str = "cassandra-operator.rs/installed-by";
/// The field manager of everything that is applied here.
const FIELD_MANAGER: &str = "testbed";

/// Which namespaces the operator serves: a folder of `deploy/overlays`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlay {
    /// All of them.
    Cluster,
    /// Those that the overlay lists.
    Namespaced,
}

/// Applies an overlay with this image and waits until the controller is ready.
pub fn install(target: &Target, overlay: Overlay, image: &str, by: &str) -> Result<()> {
    let found = succeeds(target.kubectl().args(["get", "namespace", NAMESPACE]));
    let manifests = render(target, overlay, image)?;
    apply(target, &manifests)?;
    if !found {
        let mark = format!("{INSTALLED_BY}={by}");
        run(target
            .kubectl()
            .args(["annotate", "namespace", NAMESPACE, &mark]))?;
    }
    run(target
        .kubectl()
        .args([
            "wait",
            "--for=condition=Established",
            "--timeout=60s",
            "crd",
        ])
        .args(crds()))?;
    let deployment = format!("deployment/{CONTROLLER}");
    let ready = [
        "rollout",
        "status",
        &deployment,
        "--namespace",
        NAMESPACE,
        "--timeout=180s",
    ];
    run(target.kubectl().args(ready)).with_context(|| {
        let logs = ["logs", &deployment, "--namespace", NAMESPACE, "--tail=20"];
        let said = stdout(target.kubectl().args(logs)).unwrap_or_else(|error| error.to_string());
        format!("the controller is not ready; its log ends with\n{said}")
    })
}

/// Removes the operator and its kinds if `by` has installed it and no cluster is left.
pub fn uninstall(target: &Target, by: &str) -> Result<()> {
    let template = format!(
        "jsonpath={{.metadata.annotations.{}}}",
        INSTALLED_BY.replace('.', "\\.")
    );
    let asked = [
        "get",
        "namespace",
        NAMESPACE,
        "--ignore-not-found",
        "-o",
        &template,
    ];
    let owner = stdout(target.kubectl().args(asked))?;
    if owner.is_empty() && !succeeds(target.kubectl().args(["get", "namespace", NAMESPACE])) {
        return Ok(());
    }
    if owner != by {
        println!("  the operator is not removed: something else has installed it");
        return Ok(());
    }
    let clusters = ["get", "cassandraclusters", "--all-namespaces", "-o", "name"];
    let left = stdout(target.kubectl().args(clusters))?;
    ensure!(
        left.is_empty(),
        "the operator is not removed, since there are clusters of yours:\n{left}"
    );
    let manifests = render(target, Overlay::Cluster, RELEASE)?;
    let mut delete = target.kubectl();
    delete.args([
        "delete",
        "--ignore-not-found",
        "--timeout=180s",
        "--filename=-",
    ]);
    feed(&mut delete, &manifests)
}

/// Applies manifests, given as YAML or JSON.
pub fn apply(target: &Target, manifests: &str) -> Result<()> {
    let manager = format!("--field-manager={FIELD_MANAGER}");
    let mut apply = target.kubectl();
    apply.args([
        "apply",
        "--server-side",
        "--force-conflicts",
        &manager,
        "--filename=-",
    ]);
    feed(&mut apply, manifests)
}

/// The manifests of an overlay, with this image wherever the release's is named.
fn render(target: &Target, overlay: Overlay, image: &str) -> Result<String> {
    let folder = match overlay {
        Overlay::Cluster => "deploy/overlays/cluster",
        Overlay::Namespaced => "deploy/overlays/namespaced",
    };
    let folder = workspace::root()?.join(folder);
    let rendered = stdout(target.kubectl().arg("kustomize").arg(folder))?;
    ensure!(
        rendered.contains(RELEASE),
        "the manifests do not name {RELEASE}"
    );
    Ok(rendered.replace(RELEASE, image))
}

fn crds() -> Vec<String> {
    let definitions = cassandra_api::v1alpha1::definitions();
    definitions
        .into_iter()
        .filter_map(|definition| definition.metadata.name)
        .collect()
}

/// Runs a program that reads from its standard input.
fn feed(command: &mut Command, input: &str) -> Result<()> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting kubectl")?;
    let written = child
        .stdin
        .take()
        .context("kubectl's input")?
        .write_all(input.as_bytes());
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!(
            "kubectl: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(written?)
}
