//! What the agent of a member reports that had joined before, by the permit that it has.

use cassandra_api::testing::agent::{self, Node};
use cassandra_api::v1alpha1::{
    CassandraMember, CassandraMemberStatus, MemberState, Peer, PeerState, StartMode,
};
use kube::{Resource as _, ResourceExt as _};
use serde_json::{Value, json};

use crate::clusters::member_names;

/// The status by the permit.
pub(super) fn status(member: &CassandraMember, members_of_each: usize) -> CassandraMemberStatus {
    let holds = member.spec.start.mode == StartMode::Hold;
    let (state, ring_view) = if holds {
        (MemberState::Waiting, Vec::new())
    } else {
        let cluster = &member.spec.cluster.name;
        (MemberState::Ready, ring(cluster, members_of_each))
    };
    let node = Node {
        state,
        volume: Some(agent::own_volume(member, true)),
        seen_in_ring: true,
        ring_view,
    };
    agent::status(member, node)
}

/// The status as it is applied.
pub(super) fn report(member: &CassandraMember, status: &CassandraMemberStatus) -> Value {
    json!({
        "apiVersion": CassandraMember::api_version(&()),
        "kind": CassandraMember::kind(&()),
        "metadata": { "name": member.name_any(), "uid": member.uid() },
        "status": status,
    })
}

/// Every node, up.
fn ring(cluster: &str, members: usize) -> Vec<Peer> {
    let peer = |(number, name): (usize, String)| {
        let of_cluster = name.strip_prefix(cluster).unwrap_or_default();
        let rack = of_cluster.trim_start_matches('-').split('-').next();
        let address = format!("10.96.{}.{}", 100 + number, 100 + number);
        agent::peer(
            cluster,
            &name,
            rack.unwrap_or_default(),
            &address,
            PeerState::Up,
        )
    };
    let names = member_names(cluster, members).into_iter().enumerate();
    let mut ring: Vec<_> = names.map(peer).collect();
    ring.sort();
    ring
}
