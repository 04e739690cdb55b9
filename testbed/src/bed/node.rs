//! A node: containerd, kubelet and kube-proxy in the node's network namespace.
//!
//! Whatever two kubelets or two containerds on one machine would share by default is set to a folder
//! of the node: pod logs (kubelets delete those that they do not know), sandboxes' namespaces, runc's
//! state, plug-ins.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::cgroup;
use super::layout::{Layout, Node, POD_NETWORK};
use super::servers::{self, Server, start};
use crate::images::PAUSE_IMAGE;
use crate::wait::wait_for;

/// Writes the node's configuration.
pub(super) fn configure(layout: &Layout, node: Node) -> Result<()> {
    fs::write(
        layout.node(node, "containerd.toml"),
        containerd_config(layout, node),
    )?;
    fs::write(
        layout.node(node, "cni/10-bed.conflist"),
        network_config(layout, node),
    )?;
    fs::write(
        layout.node(node, "kubelet.yaml"),
        kubelet_config(layout, node),
    )?;
    fs::write(layout.node(node, "proxy.yaml"), proxy_config(layout, node))?;
    cgroup::make(node)
}

/// Starts containerd and waits until it answers.
pub(super) fn start_containerd(layout: &Layout, node: Node) -> Result<()> {
    let name = containerd_name(node);
    let config = layout.node(node, "containerd.toml");
    let program = crate::process::find("containerd").unwrap_or_else(|| "containerd".into());
    let server = Server::new(&name, node.netns(), program).path("config", config);
    // What an abrupt end left behind would pass for a containerd that listens.
    crate::cache::remove(&layout.containerd_socket(node))?;
    start(layout, &server)?;
    let answers = || {
        ctr(layout, node)
            .arg("version")
            .output()
            .is_ok_and(|o| o.status.success())
    };
    wait_for(&name, Duration::from_secs(30), || {
        answers() || servers::check(layout, &name).is_err()
    })?;
    servers::check(layout, &name)
}

/// Starts kubelet and kube-proxy.
pub(super) fn start_kubelet(layout: &Layout, node: Node) -> Result<()> {
    let name = node.name();
    let kubelet = Server::new(kubelet_name(node), node.netns(), layout.program("kubelet"))
        .path("config", layout.node(node, "kubelet.yaml"))
        .path("kubeconfig", layout.kubeconfig(&format!("kubelet-{name}")))
        .path("root-dir", layout.node(node, "kubelet"))
        .path("cert-dir", layout.node(node, "pki"))
        .args([
            format!("--hostname-override={name}"),
            format!("--node-ip={}", layout.family().node(node)),
            format!("--node-labels=topology.kubernetes.io/zone={}", node.zone()),
        ]);
    start(layout, &kubelet)?;
    let proxy = Server::new(proxy_name(node), node.netns(), layout.program("kube-proxy"))
        .path("config", layout.node(node, "proxy.yaml"));
    start(layout, &proxy)
}

pub(super) fn containerd_name(node: Node) -> String {
    format!("containerd-{}", node.name())
}

pub(super) fn kubelet_name(node: Node) -> String {
    format!("kubelet-{}", node.name())
}

pub(super) fn proxy_name(node: Node) -> String {
    format!("kube-proxy-{}", node.name())
}

/// containerd's own client, set on this node and on the kubelet's images and containers.
pub(super) fn ctr(layout: &Layout, node: Node) -> Command {
    let mut ctr = Command::new("ctr");
    ctr.arg("--address")
        .arg(layout.containerd_socket(node))
        .args(["--namespace", "k8s.io"]);
    ctr
}

/// A container of a pod on this node, and its first process.
pub(super) fn container_process(
    layout: &Layout,
    node: Node,
    (namespace, pod, container): (&str, &str, &str),
) -> Result<Option<i32>> {
    let filter = format!(
        "labels.\"io.kubernetes.pod.namespace\"=={namespace},labels.\"io.kubernetes.pod.name\"=={pod},\
         labels.\"io.kubernetes.container.name\"=={container}"
    );
    let ids =
        crate::process::stdout(ctr(layout, node).args(["containers", "list", "-q", &filter]))?;
    let tasks = crate::process::stdout(ctr(layout, node).args(["tasks", "list"]))?;
    let mut running = Vec::new();
    for task in tasks.lines().skip(1) {
        let fields: Vec<&str> = task.split_whitespace().collect();
        if let [id, pid, "RUNNING"] = fields.as_slice()
            && ids.lines().any(|known| known == *id)
        {
            running.push(pid.parse()?);
        }
    }
    match running.as_slice() {
        [] => Ok(None),
        [pid] => Ok(Some(*pid)),
        _ => bail!("{namespace}/{pod} has more than one running container {container}"),
    }
}

fn containerd_config(layout: &Layout, node: Node) -> String {
    let path = |file: &str| layout.node(node, file).display().to_string();
    format!(
        r#"version = 2
root = "{root}"
state = "{state}"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing",
]

[grpc]
  address = "{socket}"

[plugins."io.containerd.internal.v1.opt"]
  path = "{opt}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # A machine may lack CAP_SYS_RESOURCE; runc would then end with "can't get final child's PID".
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{cni}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      Root = "{runc}"
"#,
        root = path("containerd"),
        state = path("containerd-state"),
        socket = layout.containerd_socket(node).display(),
        opt = path("opt"),
        cni = path("cni"),
        runc = path("runc"),
    )
}

fn network_config(layout: &Layout, node: Node) -> String {
    let bridge = serde_json::json!({
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": true,
        "ipMasq": false,
        "hairpinMode": true,
        "ipam": {
            "type": "host-local",
            "dataDir": layout.node(node, "ipam"),
            "ranges": [[{"subnet": layout.family().pods(node)}]],
            "routes": [{"dst": layout.addresses().everywhere}],
        },
    });
    let ports = serde_json::json!({"type": "portmap", "capabilities": {"portMappings": true}});
    let list = serde_json::json!({
        "cniVersion": "0.4.0",
        "name": POD_NETWORK,
        "plugins": [bridge, ports],
    });
    list.to_string()
}

fn kubelet_config(layout: &Layout, node: Node) -> String {
    let certificate = format!("kubelet-{}", node.name());
    serde_json::json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": layout.addresses().any,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}", node.cgroup()),
        "containerRuntimeEndpoint": format!("unix://{}", layout.containerd_socket(node).display()),
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": layout.pki("ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": layout.pki(&format!("{certificate}.crt")),
        "tlsPrivateKeyFile": layout.pki(&format!("{certificate}.key")),
        "clusterDomain": "cluster.local",
        "clusterDNS": [layout.addresses().dns_service],
        "resolvConf": "",
        "failSwapOn": false,
        "failCgroupV1": false,
        "enforceNodeAllocatable": [],
        "podLogsDir": layout.node(node, "pod-logs"),
        "volumePluginDir": layout.node(node, "volume-plugins"),
        "nodeLeaseDurationSeconds": 20,
        // The disk is the machine's: how full it is must not decide about pods.
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
            "imagefs.inodesFree": "0%",
        },
        "imageGCHighThresholdPercent": 100,
        // Three on one machine start their pods at the same time.
        "registryPullQPS": 0,
        "syncFrequency": "20s",
    })
    .to_string()
}

fn proxy_config(layout: &Layout, node: Node) -> String {
    serde_json::json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "bindAddress": layout.addresses().any,
        "clientConnection": {"kubeconfig": layout.kubeconfig("kube-proxy")},
        "hostnameOverride": node.name(),
        // The table of connections is the machine's, and may not be written here.
        "conntrack": {"maxPerCore": 0, "min": 0},
        "iptables": {"minSyncPeriod": "0s"},
    })
    .to_string()
}
