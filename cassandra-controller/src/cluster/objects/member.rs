//! The Member and its Service, the node's address for as long as the member lives.

use cassandra_api::{
    GROUP, labels, ports,
    v1alpha1::{CassandraMember, CassandraMemberSpec},
};
use kube::ResourceExt as _;
use serde_json::json;

use super::{owned_by_cluster, owner};
use crate::{
    cluster::{
        drift::{Guard, ensure},
        kinds::Kind,
        member_view::MemberView,
        plan::{Desired, Existing},
        validate::Validated,
    },
    fields,
};

/// The Member, with this spec. Its spec continues what was read, so it is written only over that.
pub(crate) fn member(
    cluster: &Validated<'_>,
    view: &MemberView,
    spec: &CassandraMemberSpec,
) -> Option<Desired> {
    let object = json!({
        "apiVersion": format!("{GROUP}/v1alpha1"),
        "kind": "CassandraMember",
        "metadata": {
            "name": view.name,
            "labels": labels::of_member(&cluster.name, &cluster.uid, &view.rack, &view.name),
            "ownerReferences": owned_by_cluster(cluster),
        },
        "spec": spec,
    });
    let live = view.member.as_deref();
    let write = ensure::<CassandraMember>(
        Kind::CassandraMember,
        &view.name,
        fields::MEMBER,
        Guard::Version,
        object.clone(),
        &cluster.observed.owned,
        live,
    );
    // What is absent from the wanted spec must go as well: a containment check does not see that.
    // Jobs are others' to order: an apply leaves theirs alone.
    let is_same_but_for_jobs = |there: &CassandraMemberSpec| {
        let mut there = there.clone();
        there.jobs.clone_from(&spec.jobs);
        there == *spec
    };
    let stale = live.filter(|live| live.spec != *spec && !is_same_but_for_jobs(&live.spec));
    write.or_else(|| {
        let live = stale?;
        let existing = Existing::Differs {
            uid: live.uid()?,
            resource_version: live.resource_version(),
        };
        Some(Desired {
            kind: Kind::CassandraMember,
            name: view.name.clone(),
            manager: fields::MEMBER,
            existing,
            object,
        })
    })
}

/// The member's Service. Peers must reach a member before it is ready, or it never will be. A Service that was
/// deleted comes back with the address that the ring knows.
pub(crate) fn member_service(
    cluster: &Validated<'_>,
    view: &MemberView,
    member: &CassandraMember,
) -> Option<Desired> {
    let mut spec = json!({
        "selector": labels::selecting_member(&cluster.name, &view.name),
        "publishNotReadyAddresses": true,
        "ports": [
            { "name": "internode", "port": ports::INTERNODE, "protocol": "TCP" },
            { "name": "internode-tls", "port": ports::INTERNODE_TLS, "protocol": "TCP" },
            { "name": "cql", "port": ports::CQL, "protocol": "TCP" },
        ],
    });
    if let (Some(address), Some(fields)) = (view.broadcast_address(), spec.as_object_mut()) {
        fields.insert("clusterIP".into(), address.into());
    }
    let object = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": view.name,
            "labels": labels::of_member(&cluster.name, &cluster.uid, &view.rack, &view.name),
            "ownerReferences": owner("CassandraMember", &view.name, &member.uid()?),
        },
        "spec": spec,
    });
    ensure(
        Kind::Service,
        &view.name,
        fields::MEMBER,
        Guard::Uid,
        object,
        &cluster.observed.owned,
        view.service.as_deref(),
    )
}
