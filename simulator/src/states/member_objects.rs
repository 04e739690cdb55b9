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

use super::{member_case::MemberCase, pods};

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
    if case.has_claim() && case != MemberCase::Gone {
        objects.service = owned.services.get(name).cloned();
    }
    if case > MemberCase::Prepared && case != MemberCase::Gone {
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
    let (epoch, mode) = told(case);
    let seeds = match mode {
        StartMode::Hold => Vec::new(),
        StartMode::CreateRing => own.into_iter().collect(),
        StartMode::Join | StartMode::Rejoin | _ => vec!["10.0.0.99".to_owned()],
    };
    member.spec.start = Start { epoch, mode, seeds };
    if case == MemberCase::MemberOnly {
        member.spec.broadcast_address = None;
    }
    if let (MemberCase::Behind, Some(workload)) = (case, &mut member.spec.workload) {
        workload.image = "docker.io/library/cassandra:5.0.8".into();
    }
    member.status = status(&member, case, says);
    member.metadata.namespace = Some(NAMESPACE.into());
    member
}

fn told(case: MemberCase) -> (i64, StartMode) {
    match case {
        MemberCase::Founding | MemberCase::Founded => (1, StartMode::CreateRing),
        MemberCase::Starting
        | MemberCase::Joining
        | MemberCase::Interrupted
        | MemberCase::Joined => (1, StartMode::Join),
        MemberCase::Normal
        | MemberCase::Behind
        | MemberCase::Down
        | MemberCase::Terminating
        | MemberCase::Lost => (2, StartMode::Rejoin),
        MemberCase::Absent
        | MemberCase::MemberOnly
        | MemberCase::Prepared
        | MemberCase::Unscheduled
        | MemberCase::NotPulled
        | MemberCase::Outdated
        | MemberCase::Fresh
        | MemberCase::Refused
        | MemberCase::Returned
        | MemberCase::Gone
        | MemberCase::Swapped => (0, StartMode::Hold),
    }
}

/// What the agent reports. None: there is none, or it has not reported yet.
fn status(
    member: &CassandraMember,
    case: MemberCase,
    says: &Says,
) -> Option<CassandraMemberStatus> {
    let own = || agent::own_volume(member, true);
    let marked = || agent::own_volume(member, false);
    let (state, volume) = match case {
        MemberCase::Fresh | MemberCase::Lost => (MemberState::Waiting, VolumeStatus::default()),
        MemberCase::Refused | MemberCase::Swapped => {
            (MemberState::Refused, agent::foreign_volume())
        }
        MemberCase::Founding | MemberCase::Starting => {
            (MemberState::Starting, VolumeStatus::default())
        }
        MemberCase::Joining => (MemberState::Joining, marked()),
        MemberCase::Interrupted => (MemberState::Waiting, marked()),
        MemberCase::Founded | MemberCase::Joined | MemberCase::Normal | MemberCase::Behind => {
            (MemberState::Ready, own())
        }
        MemberCase::Down => (MemberState::NotAnswering, own()),
        MemberCase::Terminating => (MemberState::Draining, own()),
        MemberCase::Returned => (MemberState::Waiting, own()),
        MemberCase::Absent
        | MemberCase::MemberOnly
        | MemberCase::Prepared
        | MemberCase::Unscheduled
        | MemberCase::NotPulled
        | MemberCase::Outdated
        | MemberCase::Gone => return None,
    };
    let kept = matches!(
        case,
        MemberCase::Down | MemberCase::Terminating | MemberCase::Lost
    );
    let serves = case.serves();
    let node = Node {
        state,
        volume: Some(volume),
        seen_in_ring: serves || kept,
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
    if case.has_joined() && !matches!(case, MemberCase::Founded | MemberCase::Joined) {
        let annotations = &mut Arc::make_mut(&mut claim).metadata.annotations;
        let annotations = annotations.get_or_insert_default();
        annotations.insert(labels::HOST_ID.into(), agent::host_id(name));
    }
    claim
}
