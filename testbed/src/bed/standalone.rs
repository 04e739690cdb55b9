//! etcd and an API server on free loopback ports, and nothing else: no node, no controller, no network namespace.
//! For what needs Kubernetes' API and no pod that runs. It ends, and its files go, with the value or the program.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::binaries::Binaries;
use super::layout::Layout;
use super::{kubectl, pki};
use crate::background::{Background, tied};
use crate::cache::{Cache, remove};
use crate::loopback::{self, ADDRESS};
use crate::process::succeeds;
use crate::progress::Progress;
use crate::wait::wait_for;

const SERVICES: &str = "10.96.0.0/16";
const FIRST_SERVICE: &str = "10.96.0.1";

/// An API server of one's own.
#[derive(Debug)]
pub struct Standalone {
    layout: Layout,
    port: u16,
    etcd_port: u16,
    api_server: Option<Background>,
    etcd: Option<Background>,
    _lock: File,
}

impl Standalone {
    /// Starts it with its files in `folder` of the cache. Who has a kubeconfig is an administrator; the requests of
    /// `audited` are written down.
    pub fn start(cache: &Cache, folder: &str, audited: &str, progress: Progress) -> Result<Self> {
        let binaries = Binaries::build(cache, progress)?;
        let lock = cache.lock(folder)?;
        let layout = Layout::at(cache.root().join(folder));
        remove(layout.run())?;
        for name in ["bin", "pki", "log"] {
            fs::create_dir_all(layout.run().join(name))?;
        }
        symlink(&binaries.etcd, layout.program("etcd"))?;
        for name in ["kube-apiserver", "kubectl"] {
            symlink(&binaries.kubernetes, layout.program(name))?;
        }
        let [port, etcd_port, peer_port] = loopback::free_ports()?;
        parties(&layout, audited, port)?;
        let mut standalone = Self {
            layout,
            port,
            etcd_port,
            api_server: None,
            etcd: None,
            _lock: lock,
        };
        standalone.etcd = Some(standalone.start_etcd(peer_port)?);
        standalone.start_api_server()?;
        Ok(standalone)
    }

    /// The kubeconfig of `admin` or of the user whose requests are written down.
    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        self.layout.kubeconfig(user)
    }

    /// Where the requests are written down, one JSON object a line.
    pub fn audit_log(&self) -> PathBuf {
        self.layout.log("audit")
    }

    /// Where a program that belongs to this may write its log.
    pub fn log(&self, name: &str) -> PathBuf {
        self.layout.log(name)
    }

    /// Kills the API server and starts it again: every watch is cut, and resumes from what is no longer known.
    pub fn restart_api_server(&mut self) -> Result<()> {
        self.api_server = None;
        self.start_api_server()
    }

    fn start_etcd(&self, peer_port: u16) -> Result<Background> {
        let mut etcd = tied(&self.layout.program("etcd"));
        let clients = format!("http://{ADDRESS}:{}", self.etcd_port);
        let peers = format!("http://{ADDRESS}:{peer_port}");
        etcd.arg("--data-dir").arg(self.layout.run().join("etcd"));
        etcd.args([
            format!("--listen-client-urls={clients}"),
            format!("--advertise-client-urls={clients}"),
            format!("--listen-peer-urls={peers}"),
            format!("--initial-advertise-peer-urls={peers}"),
            format!("--initial-cluster=default={peers}"),
            "--unsafe-no-fsync".to_owned(),
        ]);
        Background::start("etcd", etcd, self.layout.log("etcd"))
    }

    fn start_api_server(&mut self) -> Result<()> {
        let layout = &self.layout;
        let mut command = tied(&layout.program("kube-apiserver"));
        command.args([
            format!("--etcd-servers=http://{ADDRESS}:{}", self.etcd_port),
            format!("--bind-address={ADDRESS}"),
            format!("--advertise-address={ADDRESS}"),
            format!("--secure-port={}", self.port),
            format!("--service-cluster-ip-range={SERVICES}"),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            // Nothing here makes the tokens that it would give to pods.
            "--disable-admission-plugins=ServiceAccount".to_owned(),
            // One file: whoever reads it goes on where it was.
            "--audit-log-maxsize=100000".to_owned(),
        ]);
        let files = [
            ("client-ca-file", layout.pki("ca.crt")),
            ("tls-cert-file", layout.pki("apiserver.crt")),
            ("tls-private-key-file", layout.pki("apiserver.key")),
            ("service-account-key-file", layout.pki("sa.pub")),
            ("service-account-signing-key-file", layout.pki("sa.key")),
            ("audit-policy-file", layout.run().join("audit-policy.json")),
            ("audit-log-path", self.audit_log()),
        ];
        for (flag, file) in files {
            command.arg(format!("--{flag}")).arg(file);
        }
        let log = layout.log("kube-apiserver");
        let mut server = Background::start("kube-apiserver", command, log)?;
        let ready = || {
            let asked = ["--request-timeout=5s", "get", "--raw", "/readyz"];
            succeeds(kubectl(layout).args(asked)) || server.ended()
        };
        wait_for("the API server", Duration::from_mins(2), ready)?;
        server.check()?;
        self.api_server = Some(server);
        Ok(())
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        self.api_server = None;
        self.etcd = None;
        let _ = remove(self.layout.run());
    }
}

fn parties(layout: &Layout, audited: &str, port: u16) -> Result<()> {
    pki::authority(layout)?;
    let names = format!("DNS:localhost,IP:{ADDRESS},IP:{FIRST_SERVICE}");
    pki::certificate(layout, "apiserver", "/CN=kube-apiserver", &names)?;
    for user in ["admin", audited] {
        pki::certificate(layout, user, &format!("/O=system:masters/CN={user}"), "")?;
        pki::kubeconfig(layout, user, ADDRESS, port)?;
    }
    // When it arrives, so that a watch is counted once and at once.
    let policy = json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["ResponseStarted", "ResponseComplete", "Panic"],
        "rules": [{ "level": "Metadata", "users": [audited] }, { "level": "None" }],
    });
    let file = layout.run().join("audit-policy.json");
    Ok(fs::write(file, policy.to_string())?)
}
