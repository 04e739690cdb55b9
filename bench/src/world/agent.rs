//! What the agent of a member reports, with all that the real one fills in.

use cassandra_api::conditions::{READY, Wanted};
use cassandra_api::v1alpha1::{
    Bootstrapped, CassandraMember, CassandraMemberStatus, MemberState, Peer, PeerState, StartMode,
    VolumeStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::{Resource as _, ResourceExt as _};
use serde_json::{Value, json};
use testbed::cache::recipe_key;

use crate::clusters::member_names;

/// The agent's field manager.
pub(super) const MANAGER: &str = "member-agent";
const AT: Time = Time(Timestamp::UNIX_EPOCH);
const RELEASE: &str = "5.0.9";

/// The status of a member that had joined before, by the permit that it has.
pub(super) fn status(member: &CassandraMember, members_of_each: usize) -> CassandraMemberStatus {
    let name = member.name_any();
    let spec = &member.spec;
    let host_id = Some(uuid("host", &name));
    let pvc_uid = Some(uuid("volume", &name));
    let waiting = CassandraMemberStatus {
        observed_generation: member.metadata.generation,
        state: MemberState::Waiting,
        conditions: vec![ready(member, false)],
        host_id: host_id.clone(),
        address: spec.broadcast_address.clone(),
        agent_version: Some(env!("CARGO_PKG_VERSION").into()),
        config_in_use: spec
            .workload
            .as_ref()
            .map(|workload| workload.config_revision.clone()),
        volume: Some(VolumeStatus {
            pvc_uid: pvc_uid.clone(),
            cluster_uid: Some(spec.cluster.uid.clone()),
            member: Some(name.clone()),
            host_id,
            joined: true,
            refusal: None,
        }),
        bootstrapped: Some(Bootstrapped { pvc_uid, at: AT }),
        refresh: spec.refresh.clone(),
        ..CassandraMemberStatus::default()
    };
    if spec.start.mode == StartMode::Hold {
        return waiting;
    }
    CassandraMemberStatus {
        state: MemberState::Ready,
        conditions: vec![ready(member, true)],
        mode: Some("NORMAL".into()),
        native_transport: true,
        ring_view: ring(&spec.cluster.name, members_of_each),
        schema_version: Some(uuid("schema", &spec.cluster.name)),
        tokens_digest: Some(format!(
            "{0}{0}{0}{0}{0}1234",
            recipe_key([name.as_bytes()])
        )),
        release_version: Some(RELEASE.into()),
        load: Some("64MiB".into()),
        start_epoch: Some(spec.start.epoch),
        seeds: spec.start.seeds.clone(),
        ..waiting
    }
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

fn ready(
    member: &CassandraMember,
    is: bool,
) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition {
    let (reason, message) = if is {
        ("Serving", "Cassandra is Normal and serves CQL")
    } else {
        ("Waiting", "it waits for its permit to start")
    };
    Wanted::new(READY, is, reason, message).onto(&[], member.metadata.generation, &AT)
}

/// Every node, up, with one schema.
fn ring(cluster: &str, members: usize) -> Vec<Peer> {
    let peer = |(number, name): (usize, String)| Peer {
        host_id: uuid("host", &name),
        address: format!("10.96.{}.{}", 100 + number, 100 + number),
        state: PeerState::Up,
        schema: Some(uuid("schema", cluster)),
        datacenter: Some("dc1".into()),
        rack: Some(format!("r{}", number % 3 + 1)),
    };
    let mut ring: Vec<_> = member_names(cluster, members)
        .into_iter()
        .enumerate()
        .map(peer)
        .collect();
    ring.sort();
    ring
}

/// Always the same for the same thing.
fn uuid(kind: &str, name: &str) -> String {
    let digest = recipe_key([kind.as_bytes(), name.as_bytes()]);
    format!("{}-{}-4000-8000-{digest}", &digest[..8], &digest[8..12])
}
