//! A certificate authority for one run, a certificate for each party, and the kubeconfigs.

use std::fs;

use anyhow::Result;

use super::family::{Addresses, with_port};
use super::layout::{Layout, NODES};
use crate::process::{line, run};

const API_PORT: u16 = 6443;
const NEW_KEY: &str = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

/// Makes all keys and certificates.
pub(super) fn make(layout: &Layout) -> Result<()> {
    authority(layout)?;
    let names = "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:localhost";
    let Addresses {
        from_nodes,
        from_host,
        first_service,
        ..
    } = layout.addresses();
    let addresses = format!("IP:127.0.0.1,IP:{from_nodes},IP:{from_host},IP:{first_service}");
    certificate(
        layout,
        "apiserver",
        "/CN=kube-apiserver",
        &format!("{names},{addresses}"),
    )?;
    certificate(layout, "admin", "/O=system:masters/CN=admin", "")?;
    for user in ["kube-controller-manager", "kube-scheduler", "kube-proxy"] {
        certificate(layout, user, &format!("/CN=system:{user}"), "")?;
    }
    for node in NODES {
        let (name, address) = (node.name(), layout.family().node(node));
        let subject = format!("/O=system:nodes/CN=system:node:{name}");
        let names = format!("DNS:{name},IP:{address}");
        certificate(layout, &format!("kubelet-{name}"), &subject, &names)?;
    }
    Ok(())
}

/// Makes the authority, and the keys of service accounts.
pub(super) fn authority(layout: &Layout) -> Result<()> {
    run(line(&format!(
        "{NEW_KEY} -x509 -days 365 -subj /CN=bed-ca -keyout"
    ))
    .arg(layout.pki("ca.key"))
    .arg("-out")
    .arg(layout.pki("ca.crt")))?;
    run(
        line("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out")
            .arg(layout.pki("sa.key")),
    )?;
    // The API server takes no public key out of a private one that is not RSA.
    run(line("openssl pkey -pubout -in")
        .arg(layout.pki("sa.key"))
        .arg("-out")
        .arg(layout.pki("sa.pub")))
}

/// Makes a party's certificate.
pub(super) fn certificate(layout: &Layout, user: &str, subject: &str, names: &str) -> Result<()> {
    let file = |end: &str| layout.pki(&format!("{user}.{end}"));
    run(line(NEW_KEY)
        .args(["-subj", subject, "-keyout"])
        .arg(file("key"))
        .arg("-out")
        .arg(file("csr")))?;
    let usage = "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\n";
    let names = match names {
        "" => String::new(),
        names => format!("subjectAltName={names}\n"),
    };
    fs::write(file("ext"), format!("{usage}{names}"))?;
    run(line("openssl x509 -req -days 365 -CAcreateserial -CA")
        .arg(layout.pki("ca.crt"))
        .arg("-CAkey")
        .arg(layout.pki("ca.key"))
        .arg("-in")
        .arg(file("csr"))
        .arg("-extfile")
        .arg(file("ext"))
        .arg("-out")
        .arg(file("crt")))
}

/// Writes the kubeconfig of every party.
pub(super) fn kubeconfigs(layout: &Layout) -> Result<()> {
    let Addresses {
        from_nodes,
        from_host,
        ..
    } = layout.addresses();
    kubeconfig(layout, "admin", from_host, API_PORT)?;
    for user in ["kube-controller-manager", "kube-scheduler", "kube-proxy"] {
        kubeconfig(layout, user, from_nodes, API_PORT)?;
    }
    for node in NODES {
        let user = format!("kubelet-{}", node.name());
        kubeconfig(layout, &user, from_nodes, API_PORT)?;
    }
    Ok(())
}

/// Writes the kubeconfig of one party.
pub(super) fn kubeconfig(layout: &Layout, user: &str, server: &str, port: u16) -> Result<()> {
    let file = |name: String| layout.pki(&name);
    let server = with_port(server, port)?;
    let config = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bed",
        "contexts": [{"name": "bed", "context": {"cluster": "bed", "user": user}}],
        "clusters": [{"name": "bed", "cluster": {
            "server": format!("https://{server}"),
            "certificate-authority": file("ca.crt".to_owned()),
        }}],
        "users": [{"name": user, "user": {
            "client-certificate": file(format!("{user}.crt")),
            "client-key": file(format!("{user}.key")),
        }}],
    });
    Ok(fs::write(
        layout.kubeconfig(user),
        serde_json::to_vec_pretty(&config)?,
    )?)
}
