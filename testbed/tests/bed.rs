//! The test bed itself, on a machine where it is up: `cargo xtask test --only testbed --long`. Built only with the
//! feature `bed`, since without a bed there is nothing to test.
//!
//! The tests break the bed's nodes and API server, so they run one after the other.

use std::io::Write as _;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use testbed::bed::{Bed, NODES, Node, Signal};
use testbed::process::{run, stdout};
use testbed::wait::wait_for;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
const MINUTE: Duration = Duration::from_mins(1);

/// A pod with a volume that writes when it started, under the restricted profile.
const POD: &str = r#"
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: p}
spec:
  serviceName: p
  selector: {matchLabels: {app: p}}
  template:
    metadata: {labels: {app: p}}
    spec:
      terminationGracePeriodSeconds: 1
      tolerations: [{operator: Exists}]
      securityContext:
        {runAsNonRoot: true, runAsUser: 999, fsGroup: 999, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: main
        image: docker.io/library/cassandra:5.0.9
        command: [sh, -c, "date >> /data/starts; exec sleep infinity"]
        resources: {requests: {memory: 16Mi}, limits: {memory: 64Mi}}
        securityContext:
          {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"#;

/// A namespace with one running pod, removed when the test ends.
struct TestCase {
    bed: Bed,
    namespace: String,
}

impl TestCase {
    fn new(name: &str) -> Result<Self> {
        let case = Self {
            bed: Bed::open()?,
            namespace: format!("bed-test-{name}"),
        };
        run(case
            .bed
            .kubectl()
            .args(["create", "namespace", &case.namespace]))?;
        let restricted = "pod-security.kubernetes.io/enforce=restricted";
        run(case
            .bed
            .kubectl()
            .args(["label", "namespace", &case.namespace, restricted]))?;
        let mut apply = case.bed.kubectl();
        apply
            .args(["apply", "-n", &case.namespace, "-f", "-"])
            .stdin(Stdio::piped());
        let mut child = apply.spawn()?;
        child
            .stdin
            .take()
            .context("an input")?
            .write_all(POD.as_bytes())?;
        ensure!(child.wait()?.success());
        case.wait_for_starts(1)?;
        Ok(case)
    }

    fn kubectl(&self, words: &[&str]) -> Result<String> {
        stdout(self.bed.kubectl().args(["-n", &self.namespace]).args(words))
    }

    fn wait_for_starts(&self, wanted: usize) -> Result<()> {
        wait_for(&format!("start {wanted} of the pod"), 2 * MINUTE, || {
            let read = self.kubectl(&["exec", "p-0", "--", "cat", "/data/starts"]);
            read.is_ok_and(|text| text.lines().count() == wanted)
        })
    }
}

impl Drop for TestCase {
    fn drop(&mut self) {
        let _ = run(self
            .bed
            .kubectl()
            .args(["delete", "namespace", &self.namespace]));
    }
}

fn alone() -> impl Drop {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_process_that_is_killed_starts_again_with_its_data() -> Result<()> {
    let _alone = alone();
    let case = TestCase::new("kill")?;
    case.bed
        .kill_process_in_pod(&case.namespace, "p-0", "main", Signal::KILL)?;
    case.wait_for_starts(2)
}

#[test]
fn a_destroyed_volume_comes_back_empty_with_the_next_pod() -> Result<()> {
    let _alone = alone();
    let case = TestCase::new("volume")?;
    case.bed
        .kill_process_in_pod(&case.namespace, "p-0", "main", Signal::KILL)?;
    case.wait_for_starts(2)?;
    case.bed.destroy_volume(&case.namespace, "data-p-0")?;
    case.kubectl(&["delete", "pod", "p-0"])?;
    case.wait_for_starts(1)
}

#[test]
fn a_claim_that_asks_for_more_gets_more() -> Result<()> {
    let _alone = alone();
    let case = TestCase::new("grow")?;
    let more = r#"{"spec":{"resources":{"requests":{"storage":"3Gi"}}}}"#;
    case.kubectl(&["patch", "pvc", "data-p-0", "--type=merge", "-p", more])?;
    wait_for("the larger volume", MINUTE, || {
        let size = [
            "get",
            "pvc",
            "data-p-0",
            "-o",
            "jsonpath={.status.capacity.storage}",
        ];
        case.kubectl(&size).is_ok_and(|text| text == "3Gi")
    })
}

#[test]
fn the_api_server_stops_and_starts() -> Result<()> {
    let _alone = alone();
    let case = TestCase::new("api")?;
    case.bed.stop_api_server()?;
    assert!(case.kubectl(&["get", "pods"]).is_err());
    case.bed
        .kill_process_in_pod(&case.namespace, "p-0", "main", Signal::KILL)?;
    case.bed.start_api_server()?;
    case.wait_for_starts(2)
}

#[test]
fn a_node_goes_and_comes_back() -> Result<()> {
    let _alone = alone();
    let case = TestCase::new("node")?;
    let name = case.kubectl(&["get", "pod", "p-0", "-o", "jsonpath={.spec.nodeName}"])?;
    let node = Node::named(&name).context("one of the nodes")?;
    case.bed.node_down(node)?;
    let ready = || {
        case.bed
            .status()
            .map(|status| status.ready_nodes)
            .unwrap_or_default()
    };
    wait_for("the node not to be ready", MINUTE, || {
        !ready().contains(&name)
    })?;
    case.bed.node_up(node)?;
    wait_for("all nodes to be ready", MINUTE, || {
        ready().len() == NODES.len()
    })?;
    case.wait_for_starts(2)
}
