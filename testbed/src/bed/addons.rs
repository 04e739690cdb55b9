//! What runs in the cluster itself: its name server and its storage class.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::layout::{Layout, NODES};
use super::servers::{Server, start};
use super::{kubectl, layout::NETNS, status::ready_nodes};
use crate::process::run;
use crate::wait::wait_for;

const MANIFESTS: [&str; 2] = [
    include_str!("../../manifests/coredns.yaml"),
    include_str!("../../manifests/storage-class.yaml"),
];
/// The provisioner's name as a server of the bed.
pub(super) const PROVISIONER: &str = "provisioner";

/// Applies the manifests.
pub(super) fn apply(layout: &Layout) -> Result<()> {
    let mut child = kubectl(layout)
        .args(["apply", "--server-side", "--validate=false", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    let mut input = child.stdin.take().context("kubectl has an input")?;
    let manifests = MANIFESTS.join("\n---\n");
    let manifests = manifests.replace("DNS_SERVICE", layout.addresses().dns_service);
    input.write_all(manifests.as_bytes())?;
    drop(input);
    ensure!(child.wait()?.success(), "kubectl apply failed");
    Ok(())
}

/// Starts what makes volumes: this very program, of which `up` has made a copy.
pub(super) fn start_provisioner(layout: &Layout) -> Result<()> {
    let cache = layout.run().parent().context("a run is below the cache")?;
    let server = Server::new(PROVISIONER, NETNS, layout.program("xtask"))
        .path("cache-dir", cache.to_owned())
        .args(["testbed", "provisioner"]);
    start(layout, &server)
}

/// Waits until pods can run and find each other.
pub(super) fn wait_until_ready(layout: &Layout) -> Result<()> {
    wait_for("three ready nodes", Duration::from_mins(2), || {
        ready_nodes(layout).is_ok_and(|ready| ready.len() == NODES.len())
    })?;
    let rollout = [
        "-n",
        "kube-system",
        "rollout",
        "status",
        "deploy/coredns",
        "--timeout=120s",
    ];
    run(kubectl(layout).args(rollout))?;
    wait_for(
        "the default service account",
        Duration::from_secs(30),
        || {
            let account = ["get", "serviceaccount", "default", "-n", "default"];
            crate::process::succeeds(kubectl(layout).args(account))
        },
    )
}
