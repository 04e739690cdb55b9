//! The objects of one member in each of its cases.

use std::sync::Arc;

use cassandra_api::{
    k8s_openapi::api::{
        apps::v1::StatefulSet,
        core::v1::{PersistentVolumeClaim, Pod, Service},
    },
    labels, names,
    testing::agent::{self, Node},
    v1alpha1::{
        CassandraMember, CassandraMemberStatus, MemberState, Peer, PeerState, Refresh, Start,
        StartMode, VolumeStatus,
    },
};
use cassandra_controller::{
    cluster::Observed,
    testing::{CLUSTER, NAMESPACE},
};

use super::{
    member_case::{MemberCase, PodCase, VolumeCase},
    pods,
};

/// What is there of one member.
#[derive(Clone, Debug, Default)]
pub(super) struct MemberObjects {
    pub(super) member: Option<Arc<CassandraMember>>,
    pub(super) service: Option<Arc<Service>>,
    pub(super) claim: Option<Arc<PersistentVolumeClaim>>,
    pub(super) stateful_set: Option<Arc<StatefulSet>>,
    pub(super) pod: Option<Arc<Pod>>,
}

/// What a member that can be asked says of the others.
#[derive(Clone, Debug)]
pub(super) struct Says {
    /// Each node's name, and whether it is seen up.
    pub(super) peers: Vec<(String, bool)>,
    pub(super) schema: &'static str,
    /// The question that it has answered.
    pub(super) refresh: Option<String>,
}

/// The objects of a member in this case.
pub(super) fn of_member(
    baseline: &Observed,
    name: &str,
    case: MemberCase,
    says: &Says,
) -> MemberObjects {
    let owned = &baseline.owned;
    let mut objects = MemberObjects::default();
    if case.has_member() {
        let member = owned.members.get(name);
        objects.member = member.map(|member| Arc::new(dressed(member, case, says)));
    }
    if case.has_claim() {
        let claim = owned.volume_claims.get(&names::volume_claim(name));
        objects.claim = claim.map(|claim| annotated(claim, name, case));
    }
    if case.has_claim() && case.has_member() {
        objects.service = owned.services.get(name).cloned();
    }
    if case.pod != PodCase::Absent {
        objects.stateful_set = owned.stateful_sets.get(name).cloned();
        let set = objects.stateful_set.as_ref();
        let pod = set.and_then(|set| pods::of_member(set, name, case));
        objects.pod = pod.map(Arc::new);
    }
    objects
}

/// The Member, as it was told and as its agent reports.
fn dressed(member: &CassandraMember, case: MemberCase, says: &Says) -> CassandraMember {
    let mut member = member.clone();
    let own = member.spec.broadcast_address.clone();
    let mode = case.order.unwrap_or_default();
    let epoch = match mode {
        StartMode::CreateRing | StartMode::Join => 1,
        StartMode::Rejoin => 2,
        StartMode::Hold | _ => 0,
    };
    let seeds = match mode {
        StartMode::Hold => Vec::new(),
        StartMode::CreateRing => own.into_iter().collect(),
        StartMode::Join | StartMode::Rejoin | _ => vec!["10.0.0.99".to_owned()],
    };
    member.spec.start = Start { epoch, mode, seeds };
    if !case.has_claim() {
        member.spec.broadcast_address = None;
    }
    if let (true, true, Some(workload)) =
        (case.is_outdated, case.serves(), &mut member.spec.workload)
    {
        workload.image = "docker.io/library/cassandra:5.0.8".into();
    }
    member.status = status(&member, case, says);
    member.metadata.namespace = Some(NAMESPACE.into());
    member
}

/// What the agent reports. None: there is none, or it has not reported yet.
fn status(
    member: &CassandraMember,
    case: MemberCase,
    says: &Says,
) -> Option<CassandraMemberStatus> {
    let state = match case.pod {
        PodCase::Absent | PodCase::Unscheduled | PodCase::NotPulled => return None,
        PodCase::Waits if case.volume == VolumeCase::Foreign => MemberState::Refused,
        PodCase::Waits => MemberState::Waiting,
        PodCase::Starts => MemberState::Starting,
        PodCase::Joins => MemberState::Joining,
        PodCase::Serves => MemberState::Ready,
        PodCase::Hangs => MemberState::NotAnswering,
        PodCase::Drains => MemberState::Draining,
    };
    let volume = match case.volume {
        VolumeCase::Absent | VolumeCase::Fresh => VolumeStatus::default(),
        VolumeCase::Marked => agent::own_volume(member, false),
        VolumeCase::Own => agent::own_volume(member, true),
        VolumeCase::Foreign => agent::foreign_volume(),
    };
    let serves = case.serves();
    let node = Node {
        state,
        volume: Some(volume),
        // A Member that is new has not seen what was before it.
        seen_in_ring: serves || (case.had_joined && case.order == Some(StartMode::Rejoin)),
        ring_view: if serves { view(says) } else { Vec::new() },
    };
    let reported = agent::status(member, node);
    // Who does not serve has not answered the question yet.
    let refresh = says.refresh.as_ref().filter(|_| serves);
    Some(CassandraMemberStatus {
        refresh: refresh.map(|id| Refresh { id: id.clone() }),
        schema_version: serves.then(|| says.schema.into()),
        ..reported
    })
}

fn view(says: &Says) -> Vec<Peer> {
    let peers = says.peers.iter();
    peers
        .map(|(name, up)| {
            let state = if *up { PeerState::Up } else { PeerState::Down };
            agent::peer(CLUSTER, name, "a", name, state)
        })
        .collect()
}

/// The claim, with the host id on it if the operator has had the time to write it there.
fn annotated(
    claim: &Arc<PersistentVolumeClaim>,
    name: &str,
    case: MemberCase,
) -> Arc<PersistentVolumeClaim> {
    let mut claim = Arc::clone(claim);
    if case.had_joined {
        let annotations = &mut Arc::make_mut(&mut claim).metadata.annotations;
        let annotations = annotations.get_or_insert_default();
        annotations.insert(labels::HOST_ID.into(), agent::host_id(name));
    }
    claim
}
