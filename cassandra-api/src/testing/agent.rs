//! The status of a member as its agent reports it, by what has become of its Cassandra and its volume.
//!
//! How a node sees the ring is told where it serves. Nodes that leave or move are not played.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

use super::uuid;
use crate::{
    conditions::{READY, Wanted},
    rules::{Rule, Waiting},
    v1alpha1::{
        Bootstrapped, CassandraMember, CassandraMemberStatus, MemberState, Peer, PeerState,
        Replication, VolumeStatus,
    },
};

/// The agent's field manager.
pub const MANAGER: &str = "member-agent";
/// The Cassandra release that runs.
pub const RELEASE: &str = "5.0.9";
/// When all this is.
const AT: Time = Time(Timestamp::UNIX_EPOCH);

/// What an agent finds.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// The state.
    pub state: MemberState,
    /// What is on the volume. None: nobody has looked.
    pub volume: Option<VolumeStatus>,
    /// Whether this agent has ever seen Cassandra in the ring.
    pub seen_in_ring: bool,
    /// How Cassandra sees the ring, if it serves.
    pub ring_view: Vec<Peer>,
}

/// What the agent of this member reports. The marker on its volume is that of its last permit.
pub fn status(member: &CassandraMember, node: Node) -> CassandraMemberStatus {
    let name = member.metadata.name.as_deref().unwrap_or_default();
    let spec = &member.spec;
    let serves = node.state == MemberState::Ready;
    let volume = node.volume;
    let marked = volume.as_ref().filter(|volume| {
        volume.member.as_deref() == Some(name)
            && volume.cluster_uid.as_ref() == Some(&spec.cluster.uid)
    });
    CassandraMemberStatus {
        observed_generation: member.metadata.generation,
        state: node.state,
        conditions: vec![ready(member, node.state, volume.as_ref())],
        host_id: node
            .seen_in_ring
            .then(|| host_id(name))
            .or_else(|| marked?.host_id.clone()),
        address: spec.broadcast_address.clone(),
        mode: mode(node.state).map(Into::into),
        native_transport: serves,
        ring_view: node.ring_view,
        schema_version: serves.then(|| uuid("schema", &spec.cluster.name)),
        replication: if serves { replication() } else { Vec::new() },
        tokens_digest: node.seen_in_ring.then(|| tokens_digest(name)),
        release_version: node.seen_in_ring.then(|| RELEASE.into()),
        agent_version: Some(env!("CARGO_PKG_VERSION").into()),
        config_in_use: spec
            .workload
            .as_ref()
            .filter(|_| marked.is_some())
            .map(|workload| workload.config_revision.clone()),
        load: node.seen_in_ring.then(|| "64MiB".into()),
        bootstrapped: node.seen_in_ring.then(|| Bootstrapped {
            pvc_uid: Some(pvc_uid(name)),
            at: AT,
        }),
        start_epoch: marked.map(|_| spec.start.epoch),
        seeds: marked.map(|_| spec.start.seeds.clone()).unwrap_or_default(),
        refresh: spec.refresh.clone(),
        volume,
        operation: None,
        jobs: Vec::new(),
    }
}

/// How the ring's keyspaces are replicated: one over the racks, the other one as Cassandra makes it.
pub fn replication() -> Vec<Replication> {
    let alike = |strategy: &str, option: &str, count: &str, keyspace: &str| Replication {
        strategy: strategy.into(),
        options: [(option.into(), count.into())].into(),
        keyspaces: vec![keyspace.into()],
    };
    vec![
        alike("NetworkTopologyStrategy", "dc1", "3", "shop"),
        alike("SimpleStrategy", "replication_factor", "1", "system_auth"),
    ]
}

/// What Cassandra says that it does, where it answers.
fn mode(state: MemberState) -> Option<&'static str> {
    let modes = [
        (MemberState::Joining, "JOINING"),
        (MemberState::Ready, "NORMAL"),
        (MemberState::Draining, "DRAINING"),
    ];
    let mode = modes.into_iter().find(|(of, _)| *of == state);
    mode.map(|(_, mode)| mode)
}

fn ready(member: &CassandraMember, state: MemberState, volume: Option<&VolumeStatus>) -> Condition {
    let refusal = volume.and_then(|volume| volume.refusal.as_ref());
    let message = match state {
        MemberState::Waiting => "the bootstrapper waits for its permit to start Cassandra",
        MemberState::Refused => refusal.map_or("", |refusal| &refusal.message),
        MemberState::Starting => "Cassandra is starting",
        MemberState::Joining => "Cassandra is joining the ring",
        MemberState::Ready => "Cassandra is in the ring and serves CQL",
        MemberState::NotAnswering => "Cassandra's management interface does not answer in time",
        MemberState::Draining => "Cassandra is drained or draining, and takes no requests",
        MemberState::Stopped => "Cassandra is not running",
        MemberState::Unknown => "the agent has not looked yet",
        MemberState::JoinFailed
        | MemberState::Leaving
        | MemberState::Moving
        | MemberState::DecommissionFailed
        | MemberState::Decommissioned
        | MemberState::NotServing => state.as_str(),
    };
    let is = state == MemberState::Ready;
    Wanted::new(READY, is, state.as_str(), message).onto(&[], member.metadata.generation, &AT)
}

/// A volume with the data of this member; whether it has joined a ring with it.
pub fn own_volume(member: &CassandraMember, joined: bool) -> VolumeStatus {
    let name = member.metadata.name.as_deref().unwrap_or_default();
    VolumeStatus {
        pvc_uid: Some(pvc_uid(name)),
        cluster_uid: Some(member.spec.cluster.uid.clone()),
        member: Some(name.into()),
        host_id: joined.then(|| host_id(name)),
        joined,
        refusal: None,
    }
}

/// A volume with the data of a member of another cluster, which is refused.
pub fn foreign_volume() -> VolumeStatus {
    VolumeStatus {
        pvc_uid: None,
        cluster_uid: Some("another".into()),
        member: Some("another-a-0".into()),
        host_id: Some(host_id("another-a-0")),
        joined: true,
        refusal: Some(Waiting::saying(
            Rule::PvcIdentity,
            "it is of another member",
        )),
    }
}

/// A node of the ring of this cluster, as another one sees it.
pub fn peer(cluster: &str, member: &str, rack: &str, address: &str, state: PeerState) -> Peer {
    Peer {
        host_id: host_id(member),
        address: address.into(),
        state,
        schema: Some(uuid("schema", cluster)),
        datacenter: Some("dc1".into()),
        rack: Some(rack.into()),
    }
}

/// The host id of a member's Cassandra.
pub fn host_id(member: &str) -> String {
    uuid("host", member)
}

fn pvc_uid(member: &str) -> String {
    uuid("volume", member)
}

fn tokens_digest(member: &str) -> String {
    let half = uuid("tokens", member).replace('-', "");
    format!("{half}{half}")
}
