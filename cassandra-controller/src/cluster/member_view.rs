//! What is known of each member that should exist, put together from its objects. A fact that is not known is
//! `None`, never a default.

use std::sync::Arc;

use cassandra_api::{
    identity::container,
    k8s_openapi::api::{
        apps::v1::StatefulSet,
        core::v1::{ContainerStatus, PersistentVolumeClaim, Pod, PodCondition, Service},
    },
    labels,
    rules::Waiting,
    v1alpha1::{
        CassandraMember, CassandraMemberStatus, MemberState, Peer, PeerState, Start, StartMode,
        VolumeStatus,
    },
};
use kube::ResourceExt as _;

/// One member that should exist.
#[derive(Clone, Debug)]
pub(crate) struct MemberView {
    /// The member's name.
    pub name: String,
    /// Its rack.
    pub rack: String,
    /// The rack's zone.
    pub zone: Option<String>,
    /// Its ordinal.
    pub ordinal: i32,
    /// Its Member object.
    pub member: Option<Arc<CassandraMember>>,
    /// Its Service.
    pub service: Option<Arc<Service>>,
    /// Its volume claim, if it is this cluster's.
    pub claim: Option<Arc<PersistentVolumeClaim>>,
    /// Its StatefulSet, if it is this Member's.
    pub stateful_set: Option<Arc<StatefulSet>>,
    /// Its pod.
    pub pod: Option<Arc<Pod>>,
    /// Why the host id that its status tells is not believed.
    pub doubt: Option<Waiting>,
}

impl MemberView {
    /// What the agent reports, if it ever did.
    pub(crate) fn status(&self) -> Option<&CassandraMemberStatus> {
        self.member.as_ref()?.status.as_ref()
    }

    /// What is on the volume, if the bootstrapper has looked.
    pub(crate) fn volume(&self) -> Option<&VolumeStatus> {
        self.status()?.volume.as_ref()
    }

    /// What is on the volume, if it is this member's: a foreign marker says nothing of this member.
    pub(crate) fn own_volume(&self) -> Option<&VolumeStatus> {
        let spec = &self.member.as_ref()?.spec;
        self.volume().filter(|volume| {
            let origin = volume.cluster_uid.as_ref();
            let ours = origin == Some(&spec.cluster.uid) || origin == spec.adopted_from.as_ref();
            origin.is_some()
                && ours
                && volume.member.as_ref() == Some(&self.name)
                && volume.refusal.is_none()
        })
    }

    /// How the member may start.
    pub(crate) fn mode(&self) -> StartMode {
        self.member
            .as_ref()
            .map(|member| member.spec.start.mode)
            .unwrap_or_default()
    }

    /// What the agent last said.
    pub(crate) fn state(&self) -> MemberState {
        self.status().map(|status| status.state).unwrap_or_default()
    }

    /// Whether it may be permitted to start for the first time: it holds, and its bootstrapper waits.
    pub(crate) fn may_be_permitted(&self) -> bool {
        self.mode() == StartMode::Hold && self.waits_for_permit()
    }

    /// Whether what starts or runs was permitted by this.
    pub(crate) fn has_taken(&self, permit: &Start) -> bool {
        self.status().and_then(|status| status.start_epoch) == Some(permit.epoch)
    }

    /// How far the agent is with this operation.
    pub(crate) fn progress_of(&self, operation: &str) -> Option<&str> {
        let reported = self.status()?.operation.as_ref();
        reported
            .filter(|reported| reported.id == operation)?
            .progress
            .as_deref()
    }

    /// The configuration that Cassandra was started with, if it runs and the agent has told.
    pub(crate) fn config_in_use(&self) -> Option<&str> {
        let reported = self.status()?.config_in_use.as_deref();
        reported.filter(|_| self.cassandra_runs())
    }

    /// The epoch of the last change of the mode.
    pub(crate) fn epoch(&self) -> i64 {
        self.member
            .as_ref()
            .map_or(0, |member| member.spec.start.epoch)
    }

    /// Its state for a sentence.
    pub(crate) fn state_in_words(&self) -> String {
        let state = self.state();
        if state == MemberState::Ready {
            "not ready for Kubernetes".into()
        } else {
            state.as_str().into()
        }
    }

    /// The host id of this member: the one that it is known by, else what is reported of it, if that is believed.
    pub(crate) fn host_id(&self) -> Option<&str> {
        let volume = self.own_volume().filter(|_| self.doubt.is_none());
        let marked = || volume.and_then(|volume| volume.host_id.as_deref());
        let reported = || self.reported_host_id().filter(|_| self.doubt.is_none());
        self.known_host_id().or_else(reported).or_else(marked)
    }

    /// The host id that the operator has noted, in the Member or on its claim. What a status says does not change it.
    pub(crate) fn known_host_id(&self) -> Option<&str> {
        let member = self.member.as_ref();
        let noted = member.and_then(|member| member.spec.host_id.as_deref());
        let annotated = || {
            let claim = self.claim.as_ref()?;
            claim.annotations().get(labels::HOST_ID).map(String::as_str)
        };
        noted.or_else(annotated)
    }

    /// The host id that the status tells of a member that has joined. Before, its agent may only have read what some
    /// volume says.
    pub(crate) fn reported_host_id(&self) -> Option<&str> {
        let status = self.status().filter(|status| status.bootstrapped.is_some());
        status?.host_id.as_deref()
    }

    /// Whether this member is known to have joined a ring, now or ever.
    pub(crate) fn has_joined(&self) -> bool {
        let reported = self
            .status()
            .is_some_and(|status| status.bootstrapped.is_some());
        let marked = self.own_volume().is_some_and(|volume| volume.joined);
        let annotated = || {
            self.claim
                .as_ref()
                .is_some_and(|claim| claim.annotations().contains_key(labels::HOST_ID))
        };
        reported || marked || annotated()
    }

    /// Whether the agent has ever seen this member joined.
    pub(crate) fn reports_joined(&self) -> bool {
        self.status()
            .is_some_and(|status| status.bootstrapped.is_some())
    }

    /// Whether the bootstrapper has looked at the volume and found nothing to object to, and waits.
    pub(crate) fn waits_for_permit(&self) -> bool {
        self.state() == MemberState::Waiting
            && self.volume().is_some_and(|volume| volume.refusal.is_none())
    }

    /// Whether the volume of a member that had joined is empty: what it held is gone.
    pub(crate) fn has_lost_its_volume(&self) -> bool {
        let looked = matches!(self.state(), MemberState::Waiting | MemberState::Refused);
        let empty = self
            .volume()
            .is_some_and(|volume| volume.cluster_uid.is_none() && !volume.joined);
        looked && empty && self.has_joined()
    }

    /// The address that other nodes know it by.
    pub(crate) fn address(&self, member_service: bool) -> Option<String> {
        if member_service {
            return self.broadcast_address();
        }
        self.pod.as_ref()?.status.as_ref()?.pod_ip.clone()
    }

    /// The address that the ring knows: the Service's, or the one on record while the Service is being put back.
    pub(crate) fn broadcast_address(&self) -> Option<String> {
        let recorded = || self.member.as_ref()?.spec.broadcast_address.clone();
        self.service_address().or_else(recorded)
    }

    /// The ClusterIP of the member's Service.
    pub(crate) fn service_address(&self) -> Option<String> {
        let address = self.service.as_ref()?.spec.as_ref()?.cluster_ip.clone()?;
        (!address.is_empty() && address != "None").then_some(address)
    }

    /// Whether the pod is ready, as the kubelet sees it.
    pub(crate) fn pod_is_ready(&self) -> bool {
        let ready = self.pod_condition("Ready");
        !self.pod_is_going() && ready.is_some_and(|condition| condition.status == "True")
    }

    /// The pod's condition of this type.
    pub(crate) fn pod_condition(&self, type_: &str) -> Option<&PodCondition> {
        let conditions = self.pod.as_ref()?.status.as_ref()?.conditions.as_ref()?;
        conditions.iter().find(|condition| condition.type_ == type_)
    }

    /// The node that the pod is on.
    pub(crate) fn node(&self) -> Option<&str> {
        self.pod.as_ref()?.spec.as_ref()?.node_name.as_deref()
    }

    /// Whether the member serves: its agent says so and the kubelet agrees.
    pub(crate) fn is_ready(&self) -> bool {
        self.state() == MemberState::Ready && self.pod_is_ready()
    }

    /// Whether this one, which has joined, is on its way to serve for the first time: its process runs, and is neither stuck
    /// nor on its way down.
    pub(crate) fn is_coming_up(&self) -> bool {
        let on_its_way = matches!(
            self.state(),
            MemberState::Unknown
                | MemberState::Starting
                | MemberState::Joining
                | MemberState::NotServing
                | MemberState::Ready
        );
        on_its_way && !self.is_ready() && !self.pod_is_going() && self.cassandra_runs()
    }

    /// Whether this node holds that one for down.
    pub(crate) fn sees_down(&self, other: &Self) -> bool {
        let view = self.status().map_or(&[][..], |status| &status.ring_view);
        let down = |peer: &&Peer| peer.state == PeerState::Down;
        let host_id = other.host_id();
        host_id.is_some()
            && view
                .iter()
                .filter(down)
                .any(|peer| Some(peer.host_id.as_str()) == host_id)
    }

    /// Whether Cassandra serves and only the kubelet has not asked for its readiness yet.
    pub(crate) fn is_about_to_be_ready(&self) -> bool {
        let stays = self
            .pod
            .as_ref()
            .is_some_and(|pod| pod.metadata.deletion_timestamp.is_none());
        self.state() == MemberState::Ready && stays && self.cassandra_runs()
    }

    /// The containers of the pod, initial ones first.
    pub(crate) fn containers(&self) -> impl Iterator<Item = &ContainerStatus> {
        let status = self.pod.as_ref().and_then(|pod| pod.status.as_ref());
        status
            .into_iter()
            .flat_map(|status| [&status.init_container_statuses, &status.container_statuses])
            .flatten()
            .flatten()
    }

    /// Whether the images of the operator are there and run.
    pub(crate) fn pod_gets_as_far_as_the_agent(&self) -> bool {
        let mut agents = self.containers().filter(|c| c.name == container::AGENT);
        agents.any(|container| container.started == Some(true))
    }

    /// Whether the pod was made for an earlier Member of the name: its agent reports to nobody.
    pub(crate) fn pod_is_of_an_earlier_member(&self) -> bool {
        let uid = self.member.as_ref().and_then(|member| member.uid());
        let pod = self.pod.as_ref();
        let told = pod.and_then(|pod| pod.annotations().get(labels::MEMBER_UID));
        told.is_some_and(|told| Some(told) != uid.as_ref())
    }

    /// Whether nobody hears what its agent says: its pod was made for an earlier Member of the name, or for an account that
    /// is gone. What it last said is old. The API server takes a token for some seconds longer (kube-apiserver,
    /// `TokenSuccessCacheTTL`), so the last word may be of a member that was just being restarted.
    pub(crate) fn agent_is_mute(&self) -> bool {
        self.pod_is_of_an_earlier_member()
            || self.pod_differs_by(labels::SERVICE_ACCOUNT_UID) == Some(true)
    }

    /// Whether the StatefulSet would write something else on the pod. None: one of them is not there, or says nothing of it.
    pub(crate) fn pod_differs_by(&self, annotation: &str) -> Option<bool> {
        let template = self.template_annotation(annotation)?;
        let pod = self.pod.as_ref()?.annotations().get(annotation)?;
        Some(pod != template)
    }

    /// Whether the pod that is there is on its way out.
    pub(crate) fn pod_is_going(&self) -> bool {
        let pod = self.pod.as_ref();
        pod.is_some_and(|pod| pod.metadata.deletion_timestamp.is_some())
    }

    /// What the StatefulSet writes on the pods that it makes.
    pub(crate) fn template_annotation(&self, annotation: &str) -> Option<&String> {
        let template = &self.stateful_set.as_ref()?.spec.as_ref()?.template;
        template
            .metadata
            .as_ref()?
            .annotations
            .as_ref()?
            .get(annotation)
    }

    /// Whether the Cassandra process runs, as the kubelet sees it.
    pub(crate) fn cassandra_runs(&self) -> bool {
        self.containers()
            .filter(|container| container.name == container::CASSANDRA)
            .any(|container| {
                container
                    .state
                    .as_ref()
                    .is_some_and(|state| state.running.is_some())
            })
    }
}
