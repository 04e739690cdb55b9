//! The kubelets: each pod that has a node gets a life of its own, which ends with the pod.

use std::{collections::BTreeMap, sync::Arc};

use tokio::{sync::watch, task::AbortHandle};

use super::{
    Surroundings,
    hand::{Hand, POD, is_deleted, text},
    pod,
};

/// What a pod's life is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Live.
    Live,
    /// End in good order.
    End,
}

/// Pods that live, by UID.
#[derive(Default)]
pub(super) struct Kubelet {
    lives: BTreeMap<String, Life>,
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
        let pods: BTreeMap<_, _> = hand
            .list(POD)
            .into_iter()
            .map(|pod| (text(pod.value(), "/metadata/uid").to_owned(), pod))
            .collect();
        // A pod that is gone was deleted by force, or has ended: nothing of it runs on.
        self.lives.retain(|uid, _| pods.contains_key(uid));
        for (uid, pod) in pods {
            let pod = pod.value();
            if text(pod, "/spec/nodeName").is_empty() {
                if is_deleted(pod) {
                    drop(hand.delete(pod, true));
                }
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
}
