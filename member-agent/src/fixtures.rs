//! What the tests have in common: one member, its identity, marker and node.

use cassandra_api::{
    identity::Identity,
    v1alpha1::{
        CassandraMember, CassandraMemberSpec, ClusterReference, Job, JobArguments, JobKind, Peer,
        PeerState, Start, StartMode,
    },
};
use cassandra_management::{
    Mode, NodeFacts,
    marker::{Marker, VERSION},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

pub(crate) fn identity() -> Identity {
    Identity {
        member: "orders-r1-0".into(),
        member_uid: "m-1".into(),
        pod_ip: Some("10.0.0.1".into()),
        broadcast_address: None,
        pvc_uid: Some("p-1".into()),
    }
}

pub(crate) fn member() -> CassandraMember {
    let spec = CassandraMemberSpec {
        cluster: ClusterReference {
            name: "orders".into(),
            uid: "c-1".into(),
        },
        cluster_name: "orders".into(),
        datacenter: "dc1".into(),
        rack: "r1".into(),
        ordinal: 0,
        workload: None,
        start: Start {
            epoch: 2,
            mode: StartMode::Rejoin,
            seeds: vec!["10.0.0.1".into()],
        },
        broadcast_address: None,
        adopted_from: None,
        host_id: None,
        refresh: None,
        operation: None,
        jobs: Vec::new(),
    };
    let mut member = CassandraMember::new("orders-r1-0", spec);
    member.metadata.namespace = Some("shop".into());
    member.metadata.uid = Some("m-1".into());
    member.metadata.generation = Some(1);
    member
}

pub(crate) fn marker() -> Marker {
    Marker {
        version: VERSION,
        cluster_uid: "c-1".into(),
        cluster_name: "orders".into(),
        datacenter: "dc1".into(),
        rack: "r1".into(),
        member: "orders-r1-0".into(),
        member_uid: "m-1".into(),
        pvc_uid: Some("p-1".into()),
        host_id: None,
        joined: false,
        release: None,
        seeds: vec!["10.0.0.1".into()],
        config_revision: Some("orders-rev-1".into()),
        start_epoch: 2,
    }
}

/// A node that is in the ring and serves.
pub(crate) fn serving() -> NodeFacts {
    let peer = |host_id: &str, address: &str| Peer {
        host_id: host_id.into(),
        address: address.into(),
        state: PeerState::Up,
        schema: Some("s-1".into()),
        datacenter: Some("dc1".into()),
        rack: Some("r1".into()),
    };
    NodeFacts {
        mode: Some(Mode::Normal),
        host_id: Some("h-1".into()),
        release_version: Some("5.0.9".into()),
        schema_version: Some("s-1".into()),
        tokens: vec!["-5".into(), "12".into()],
        native_transport: true,
        load_bytes: Some(70_000),
        ring: vec![peer("h-1", "10.0.0.1"), peer("h-2", "10.0.0.2")],
        missing: Vec::new(),
    }
}

/// A time, in seconds.
pub(crate) fn at(second: i64) -> Time {
    Time(jiff::Timestamp::from_second(second).unwrap())
}

/// A job of this id.
pub(crate) fn flush(id: &str) -> Job {
    Job {
        id: id.into(),
        kind: JobKind::Flush,
        arguments: JobArguments::default(),
    }
}
