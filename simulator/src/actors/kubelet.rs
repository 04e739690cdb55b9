//! The kubelets: each pod that has a node gets a life of its own, which ends with the pod. On a machine that is off
//! nothing lives, and nobody tells of it.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use tokio::{sync::watch, task::AbortHandle};

use super::{
    Surroundings,
    hand::{Hand, NODE, POD, is_deleted, text},
    pod,
};
use crate::kubernetes::Object;

/// What a pod's life is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Live.
    Live,
    /// End in good order.
    End,
}

/// What lives.
#[derive(Default)]
pub(super) struct Kubelet {
    /// Pods by UID.
    lives: BTreeMap<String, Life>,
    /// Nodes whose machines are off, as they were last, by name.
    off: BTreeMap<String, Arc<Object>>,
}

struct Life {
    word: watch::Sender<Word>,
    task: AbortHandle,
}

impl Drop for Life {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Kubelet {
    /// Begins lives, and ends those whose pods are to go or gone.
    pub(super) fn step(&mut self, hand: &Hand, surroundings: &Arc<Surroundings>) {
        self.boot(hand, surroundings);
        let pods: BTreeMap<_, _> = hand
            .list(POD)
            .into_iter()
            .filter(|pod| surroundings.is_on(text(pod.value(), "/spec/nodeName")))
            .map(|pod| (text(pod.value(), "/metadata/uid").to_owned(), pod))
            .collect();
        // A pod that is gone was deleted by force, or has ended: nothing of it runs on.
        self.lives.retain(|uid, _| pods.contains_key(uid));
        for (uid, pod) in pods {
            let pod = pod.value();
            if is_deleted(pod) && !self.lives.contains_key(&uid) {
                // Nothing of it runs, or its machine was off since.
                drop(hand.delete(pod, true));
                continue;
            }
            if text(pod, "/spec/nodeName").is_empty() {
                continue;
            }
            let life = self.lives.entry(uid).or_insert_with(|| {
                let (word, told) = watch::channel(Word::Live);
                let life = pod::live(hand.clone(), surroundings.clone(), pod.clone(), told);
                Life {
                    word,
                    task: tokio::spawn(life).abort_handle(),
                }
            });
            if is_deleted(pod) {
                life.word
                    .send_if_modified(|word| std::mem::replace(word, Word::End) != Word::End);
            }
        }
    }

    /// A kubelet whose machine is on again tells that its node is ready, and makes it if somebody has deleted it.
    fn boot(&mut self, hand: &Hand, surroundings: &Surroundings) {
        for node in hand.list(NODE) {
            let name = text(node.value(), "/metadata/name");
            if !surroundings.is_on(name) {
                self.off.insert(name.to_owned(), node);
            }
        }
        self.off.retain(|name, last| {
            let on = surroundings.is_on(name);
            if on {
                register(hand, name, last.value());
            }
            !on
        });
    }
}

fn register(hand: &Hand, name: &str, last: &Value) {
    let conditions = json!([{ "type": "Ready", "status": "True", "reason": "KubeletReady" }]);
    let Some(node) = hand.get(NODE, "", name) else {
        return drop(hand.create(&json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": { "name": name, "labels": last["metadata"]["labels"] },
            "status": { "conditions": conditions },
        })));
    };
    let mut node = node.value().clone();
    node["status"]["conditions"] = conditions;
    drop(hand.update_status(&node));
}
