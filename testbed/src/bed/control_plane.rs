//! etcd, API server, controller manager and scheduler, one of each, without election of a leader:
//! a controller manager that loses an election ends, and here nobody would start it again.

use std::time::Duration;

use anyhow::Result;

use super::family::Addresses;
use super::layout::{Layout, NETNS};
use super::servers::{Server, check, start};
use crate::bed::kubectl;
use crate::process::succeeds;
use crate::wait::wait_for;

/// The API server's name as a server of the bed.
pub(super) const API_SERVER: &str = "kube-apiserver";

/// Starts all of it and waits for the API.
pub(super) fn up(layout: &Layout) -> Result<()> {
    start(layout, &etcd(layout))?;
    start_api_server(layout)?;
    start(layout, &controller_manager(layout))?;
    start(layout, &scheduler(layout))
}

/// Starts the API server and waits until it is ready.
pub(super) fn start_api_server(layout: &Layout) -> Result<()> {
    start(layout, &api_server(layout))?;
    let ready = || api_ready(layout) || check(layout, API_SERVER).is_err();
    wait_for("the API server", Duration::from_secs(90), ready)?;
    check(layout, API_SERVER)
}

/// Whether the API server says that it is ready.
pub(super) fn api_ready(layout: &Layout) -> bool {
    succeeds(kubectl(layout).args(["--request-timeout=5s", "get", "--raw", "/readyz"]))
}

fn etcd(layout: &Layout) -> Server {
    Server::new("etcd", NETNS, layout.program("etcd"))
        .path("data-dir", layout.run().join("etcd"))
        .args([
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--unsafe-no-fsync",
        ])
}

fn api_server(layout: &Layout) -> Server {
    let Addresses {
        from_nodes,
        services,
        ..
    } = layout.addresses();
    Server::new(API_SERVER, NETNS, layout.program(API_SERVER))
        .args([
            "--etcd-servers=http://127.0.0.1:2379".to_owned(),
            format!("--advertise-address={from_nodes}"),
            "--secure-port=6443".to_owned(),
            format!("--service-cluster-ip-range={services}"),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            "--authorization-mode=Node,RBAC".to_owned(),
            "--enable-admission-plugins=NodeRestriction".to_owned(),
            "--allow-privileged=true".to_owned(),
            // Nothing here resolves the names of nodes, which logs and exec would ask for.
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
        ])
        .path("client-ca-file", layout.pki("ca.crt"))
        .path("tls-cert-file", layout.pki("apiserver.crt"))
        .path("tls-private-key-file", layout.pki("apiserver.key"))
        .path("service-account-key-file", layout.pki("sa.pub"))
        .path("service-account-signing-key-file", layout.pki("sa.key"))
        .path("kubelet-client-certificate", layout.pki("admin.crt"))
        .path("kubelet-client-key", layout.pki("admin.key"))
}

fn controller_manager(layout: &Layout) -> Server {
    client(layout, "kube-controller-manager")
        .args([
            "--use-service-account-credentials=true",
            "--node-monitor-grace-period=20s",
            "--node-monitor-period=2s",
        ])
        .path("service-account-private-key-file", layout.pki("sa.key"))
        .path("root-ca-file", layout.pki("ca.crt"))
}

fn scheduler(layout: &Layout) -> Server {
    client(layout, "kube-scheduler")
}

fn client(layout: &Layout, name: &str) -> Server {
    let config = layout.kubeconfig(name);
    Server::new(name, NETNS, layout.program(name))
        .path("kubeconfig", config.clone())
        .path("authentication-kubeconfig", config.clone())
        .path("authorization-kubeconfig", config)
        .args(["--leader-elect=false"])
}
