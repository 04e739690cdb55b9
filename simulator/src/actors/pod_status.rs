//! What the kubelet tells of a pod.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::component_client::{ComponentClient, POD, text};
use crate::json::At as _;

/// A pod's status as the kubelet knows it, and the way to write it.
pub(super) struct PodStatus {
    client: ComponentClient,
    namespace: String,
    name: String,
    uid: String,
    status: Mutex<Value>,
}

/// How a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container<'a> {
    /// It can't start, for this reason.
    Waiting(&'a str),
    /// It runs; whether it has started by its probe.
    Running(bool),
    /// It ended well.
    Done,
    /// It ended with this message, and is started again later.
    Failed(&'a str),
}

impl PodStatus {
    pub(super) fn new(client: ComponentClient, pod: &Value, ip: &str) -> Self {
        let names = |list: &str| {
            let containers = pod.at(list).and_then(Value::as_array);
            let containers = containers.into_iter().flatten();
            let waiting = |c: &Value| container(text(c, "/name"), text(c, "/image"));
            containers.map(waiting).collect::<Vec<_>>()
        };
        let status = json!({
            "phase": "Pending",
            "podIP": ip,
            "podIPs": [{ "ip": ip }],
            "hostIP": "192.0.2.1",
            "conditions": [
                { "type": "PodScheduled", "status": "True" },
                { "type": "Ready", "status": "False" },
            ],
            "initContainerStatuses": names("/spec/initContainers"),
            "containerStatuses": names("/spec/containers"),
        });
        Self {
            client,
            namespace: text(pod, "/metadata/namespace").into(),
            name: text(pod, "/metadata/name").into(),
            uid: text(pod, "/metadata/uid").into(),
            status: Mutex::new(status),
        }
    }

    /// A container is another way than before.
    pub(super) fn set(&self, name: &str, now: Container<'_>) {
        self.change(|status| {
            for list in ["initContainerStatuses", "containerStatuses"] {
                let all = status.get_mut(list).and_then(Value::as_array_mut);
                for container in all
                    .into_iter()
                    .flatten()
                    .filter(|c| text(c, "/name") == name)
                {
                    turn(container, now);
                }
            }
            if matches!(now, Container::Running(_)) && name == "cassandra" {
                status["phase"] = json!("Running");
            }
        });
    }

    /// The pod is ready, or not.
    pub(super) fn ready(&self, ready: bool) {
        let word = if ready { "True" } else { "False" };
        self.change(|status| {
            let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
            for condition in conditions
                .into_iter()
                .flatten()
                .filter(|c| text(c, "/type") == "Ready")
            {
                condition["status"] = json!(word);
            }
            let containers = status
                .get_mut("containerStatuses")
                .and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten() {
                container["ready"] = json!(ready);
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let before = status.clone();
        change(&mut status);
        if *status != before {
            self.write(&status);
        }
    }

    /// Writes what there is to tell at the beginning.
    pub(super) fn begin(&self) {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(&status);
    }

    fn write(&self, status: &Value) {
        let pod = self.client.get(POD, &self.namespace, &self.name);
        let Some(pod) = pod.filter(|pod| text(pod.value(), "/metadata/uid") == self.uid) else {
            return;
        };
        let mut pod = pod.value().clone();
        let class = pod.at("/status/qosClass").cloned();
        pod["status"] = status.clone();
        if let Some(class) = class {
            pod["status"]["qosClass"] = class;
        }
        drop(self.client.update_status(&pod));
    }

    /// Takes the pod out: everything in it has ended.
    pub(super) fn gone(&self) {
        if let Some(pod) = self.client.get(POD, &self.namespace, &self.name)
            && text(pod.value(), "/metadata/uid") == self.uid
        {
            drop(self.client.delete(pod.value(), true));
        }
    }
}

fn container(name: &str, image: &str) -> Value {
    json!({
        "name": name,
        "image": image,
        "imageID": "",
        "ready": false,
        "started": false,
        "restartCount": 0,
        "state": { "waiting": { "reason": "PodInitializing" } },
    })
}

fn turn(container: &mut Value, now: Container<'_>) {
    let earlier = container.get("state").cloned().unwrap_or_default();
    container["started"] = json!(matches!(now, Container::Running(true)));
    container["state"] = match now {
        Container::Waiting(reason) => json!({ "waiting": { "reason": reason } }),
        Container::Running(_) => json!({ "running": {} }),
        Container::Done => json!({ "terminated": { "exitCode": 0, "reason": "Completed" } }),
        Container::Failed(_) => json!({ "waiting": { "reason": "CrashLoopBackOff" } }),
    };
    container["ready"] = json!(
        now == Container::Done
            || now == Container::Running(true) && earlier.get("running").is_some()
    );
    if let Container::Failed(message) = now {
        let restarts = container
            .get("restartCount")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        container["restartCount"] = json!(restarts + 1);
        let terminated = json!({ "exitCode": 3, "reason": "Error", "message": message });
        container["lastState"] = json!({ "terminated": terminated });
    }
}
