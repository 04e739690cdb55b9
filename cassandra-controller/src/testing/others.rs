//! What others do: the StatefulSet controller, the kubelet, and of each member the bootstrapper, Cassandra and the agent.

use std::sync::Arc;

use cassandra_api::{
    conditions::WAITING,
    k8s_openapi::api::core::v1::{Pod, PodStatus},
    names,
    testing::{
        agent::{self, Node},
        pods::{self, Stage},
    },
    v1alpha1::{MemberState, Peer, PeerState, StartMode},
};
use kube::ResourceExt as _;
use serde_json::Value;

use super::{CLUSTER, NAMESPACE, World};

impl World {
    /// The StatefulSet controller makes the pod, unless it is there.
    pub fn make_pod(&mut self, member: &str) {
        if self.observed.owned.pods.contains_key(&names::pod(member)) {
            return;
        }
        let version = self.next_version();
        let owned = &mut self.observed.owned;
        let mut pod = pods::of_set(owned.stateful_sets.get(member).unwrap()).unwrap();
        pod.metadata.namespace = Some(NAMESPACE.into());
        pod.metadata.uid = Some(format!("pod-{version}"));
        pod.metadata.resource_version = Some(version);
        pod.status = Some(PodStatus::default());
        owned.pods.insert(names::pod(member), Arc::new(pod));
    }

    /// The pod is gone, as after a deletion by the user.
    pub fn remove_pod(&mut self, member: &str) {
        let pods = &mut self.observed.owned.pods;
        pods.remove(&names::pod(member)).unwrap();
    }

    /// The kubelet says this of the pod.
    pub fn set_pod_status(&mut self, member: &str, status: Value) {
        self.pod(member).status = Some(serde_json::from_value(status).unwrap());
    }

    fn pod(&mut self, member: &str) -> &mut Pod {
        let pods = &mut self.observed.owned.pods;
        Arc::make_mut(pods.get_mut(&names::pod(member)).unwrap())
    }

    /// What the bootstrapper, Cassandra and the agent of one member do next.
    pub fn agent(&mut self, name: &str) {
        if !self.observed.owned.pods.contains_key(&names::pod(name)) {
            return;
        }
        let member = self.member(name);
        let earlier = member.status.clone().unwrap_or_default();
        let node = if member.spec.start.mode == StartMode::Hold {
            Node {
                state: MemberState::Waiting,
                volume: Some(earlier.volume.unwrap_or_default()),
                seen_in_ring: earlier.bootstrapped.is_some(),
                ring_view: Vec::new(),
            }
        } else {
            Node {
                state: MemberState::Ready,
                volume: Some(agent::own_volume(member, true)),
                seen_in_ring: true,
                ring_view: earlier.ring_view,
            }
        };
        let is_ready = node.state == MemberState::Ready;
        let mut status = agent::status(member, node);
        let waiting = earlier.conditions.into_iter();
        status
            .conditions
            .extend(waiting.filter(|condition| condition.type_ == WAITING));
        *self.member_status(name) = status;
        self.gossip();
        let stage = if is_ready { Stage::Ready } else { Stage::Waits };
        let pod = self.pod(name);
        pod.status = Some(pods::status(pod, stage));
    }

    /// Everybody who is up sees everybody who has joined.
    fn gossip(&mut self) {
        let members = self.observed.owned.members.values();
        let view = members.filter_map(|member| {
            let status = member.status.as_ref()?;
            status.bootstrapped.as_ref()?;
            let up = status.state == MemberState::Ready;
            let state = if up { PeerState::Up } else { PeerState::Down };
            let name = member.name_any();
            Some(Peer {
                host_id: status.host_id.clone()?,
                datacenter: Some(member.spec.datacenter.clone()),
                ..agent::peer(CLUSTER, &name, &member.spec.rack, &name, state)
            })
        });
        let view: Vec<_> = view.collect();
        for name in self.joined() {
            let status = self.member_status(&name);
            if status.state == MemberState::Ready {
                status.ring_view.clone_from(&view);
            }
        }
    }
}
