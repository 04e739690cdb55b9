//! The kubelets: each pod that has a node runs as a task of its own, which ends with the pod. On a machine that is off
//! nothing runs, and nobody reports it.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use tokio::{sync::watch, task::AbortHandle};

use super::{
    Environment,
    component_client::{ComponentClient, NODE, POD, is_deleted, text},
    pod::{self, PodSignal},
};
use crate::kubernetes::Object;

/// The pods that run.
#[derive(Default)]
pub(super) struct Kubelet {
    /// Pods by UID.
    running: BTreeMap<String, PodTask>,
    /// Nodes whose machines are off, as they were last, by name.
    off: BTreeMap<String, Arc<Object>>,
}

struct PodTask {
    signal: watch::Sender<PodSignal>,
    task: AbortHandle,
}

impl Drop for PodTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Kubelet {
    /// Starts pods, and ends those that are to go or gone.
    pub(super) fn step(&mut self, client: &ComponentClient, environment: &Arc<Environment>) {
        self.boot(client, environment);
        let pods: BTreeMap<_, _> = client
            .list(POD)
            .into_iter()
            .filter(|pod| environment.is_on(text(pod.value(), "/spec/nodeName")))
            .map(|pod| (text(pod.value(), "/metadata/uid").to_owned(), pod))
            .collect();
        // A pod that is gone was deleted by force, or has ended: nothing of it runs on.
        self.running.retain(|uid, _| pods.contains_key(uid));
        for (uid, pod) in pods {
            let pod = pod.value();
            if is_deleted(pod) && !self.running.contains_key(&uid) {
                // Nothing of it runs, or its machine was off since.
                drop(client.delete(pod, true));
                continue;
            }
            if text(pod, "/spec/nodeName").is_empty() {
                continue;
            }
            let running = self.running.entry(uid).or_insert_with(|| {
                let (signal, signals) = watch::channel(PodSignal::Run);
                let task = pod::run(client.clone(), environment.clone(), pod.clone(), signals);
                PodTask {
                    signal,
                    task: tokio::spawn(task).abort_handle(),
                }
            });
            if is_deleted(pod) {
                running.signal.send_if_modified(|signal| {
                    std::mem::replace(signal, PodSignal::Terminate) != PodSignal::Terminate
                });
            }
        }
    }

    /// A kubelet whose machine is on again tells that its node is ready, and makes it if somebody has deleted it.
    fn boot(&mut self, client: &ComponentClient, environment: &Environment) {
        for node in client.list(NODE) {
            let name = text(node.value(), "/metadata/name");
            if !environment.is_on(name) {
                self.off.insert(name.to_owned(), node);
            }
        }
        self.off.retain(|name, last| {
            let on = environment.is_on(name);
            if on {
                register(client, name, last.value());
            }
            !on
        });
    }
}

fn register(client: &ComponentClient, name: &str, last: &Value) {
    let conditions = json!([{ "type": "Ready", "status": "True", "reason": "KubeletReady" }]);
    let Some(node) = client.get(NODE, "", name) else {
        return drop(client.create(&json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": { "name": name, "labels": last["metadata"]["labels"] },
            "status": { "conditions": conditions },
        })));
    };
    let mut node = node.value().clone();
    node["status"]["conditions"] = conditions;
    drop(client.update_status(&node));
}
