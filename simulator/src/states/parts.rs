//! The objects of one member in each of its lives.

use std::sync::Arc;

use cassandra_api::{
    k8s_openapi::api::{
        apps::v1::StatefulSet,
        core::v1::{PersistentVolumeClaim, Pod, Service},
    },
    labels, names,
    v1alpha1::{CassandraMember, CassandraMemberStatus},
};
use cassandra_controller::cluster::Observed;
use serde_json::{Error, Value, json};

use super::{
    bedrock::{CLUSTER_UID, NAMESPACE},
    life::Life,
    pods,
};

/// What is there of one member.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
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

/// The objects of a member in this life.
pub(super) fn of_member(
    bedrock: &Observed,
    name: &str,
    life: Life,
    says: &Says,
) -> Result<Parts, Error> {
    let owned = &bedrock.owned;
    let mut parts = Parts::default();
    if life.has_member() {
        let member = owned.members.get(name);
        let member = member.map(|member| dressed(member, name, life, says));
        parts.member = member.transpose()?.map(Arc::new);
    }
    if life.has_claim() {
        let claim = owned.volume_claims.get(&names::volume_claim(name));
        parts.claim = claim.map(|claim| annotated(claim, name, life));
    }
    if life.has_claim() && life != Life::Gone {
        parts.service = owned.services.get(name).cloned();
    }
    if life > Life::Prepared && life != Life::Gone {
        parts.stateful_set = owned.stateful_sets.get(name).cloned();
        let set = parts.stateful_set.as_ref();
        let pod = set.map(|set| pods::of_member(set, name, life));
        parts.pod = pod.transpose()?.map(Arc::new);
    }
    Ok(parts)
}

/// The Member, as it was told and as its agent reports.
fn dressed(
    member: &CassandraMember,
    name: &str,
    life: Life,
    says: &Says,
) -> Result<CassandraMember, Error> {
    let mut member = member.clone();
    let own = member.spec.broadcast_address.clone();
    let (epoch, mode) = told(life);
    let seeds = match mode {
        "Hold" => Vec::new(),
        "CreateRing" => own.into_iter().collect(),
        _ => vec!["10.0.0.99".to_owned()],
    };
    member.spec.start =
        serde_json::from_value(json!({ "epoch": epoch, "mode": mode, "seeds": seeds }))?;
    if life == Life::MemberOnly {
        member.spec.broadcast_address = None;
    }
    if let (Life::Behind, Some(workload)) = (life, &mut member.spec.workload) {
        workload.image = "docker.io/library/cassandra:5.0.8".into();
    }
    member.status = status(name, life, says)?;
    member.metadata.namespace = Some(NAMESPACE.into());
    Ok(member)
}

fn told(life: Life) -> (i64, &'static str) {
    match life {
        Life::Founding | Life::Founded => (1, "CreateRing"),
        Life::Starting | Life::Joining | Life::Interrupted | Life::Joined => (1, "Join"),
        Life::Normal | Life::Behind | Life::Down | Life::Terminating | Life::Lost => (2, "Rejoin"),
        Life::Absent
        | Life::MemberOnly
        | Life::Prepared
        | Life::Unscheduled
        | Life::NotPulled
        | Life::Outdated
        | Life::Fresh
        | Life::Refused
        | Life::Returned
        | Life::Gone
        | Life::Swapped => (0, "Hold"),
    }
}

fn status(name: &str, life: Life, says: &Says) -> Result<Option<CassandraMemberStatus>, Error> {
    let host_id = host_id(name);
    let own =
        json!({ "clusterUid": CLUSTER_UID, "member": name, "hostId": host_id, "joined": true });
    let marked = json!({ "clusterUid": CLUSTER_UID, "member": name });
    let foreign = json!({ "clusterUid": "another", "member": "another-a-0", "joined": true,
        "hostId": "host-of-another",
        "refusal": { "rule": "pvc_identity", "message": "it is of another member" } });
    let fresh = json!({});
    let (state, volume) = match life {
        Life::Fresh | Life::Lost => ("Waiting", fresh),
        Life::Refused | Life::Swapped => ("Refused", foreign),
        Life::Founding | Life::Starting => ("Starting", fresh),
        Life::Joining => ("Joining", marked),
        Life::Interrupted => ("Waiting", marked),
        Life::Founded | Life::Joined | Life::Normal | Life::Behind => ("Ready", own),
        Life::Down => ("NotAnswering", own),
        Life::Terminating => ("Draining", own),
        Life::Returned => ("Waiting", own),
        Life::Absent
        | Life::MemberOnly
        | Life::Prepared
        | Life::Unscheduled
        | Life::NotPulled
        | Life::Outdated
        | Life::Gone => return Ok(None),
    };
    let mut status = json!({ "state": state, "volume": volume });
    if let Some(fields) = status.as_object_mut() {
        let reported = life.serves() || matches!(life, Life::Down | Life::Terminating | Life::Lost);
        if reported {
            fields.insert("hostId".into(), json!(host_id));
            fields.insert(
                "bootstrapped".into(),
                json!({ "at": "1970-01-01T00:00:00Z" }),
            );
        }
        if life.serves() {
            fields.insert("mode".into(), json!("NORMAL"));
            fields.insert("ringView".into(), Value::Array(view(says)));
            fields.insert("schemaVersion".into(), json!(says.schema));
            fields.insert("releaseVersion".into(), json!("5.0.9"));
            if let Some(refresh) = &says.refresh {
                fields.insert("refresh".into(), json!({ "id": refresh }));
            }
        }
    }
    serde_json::from_value(status).map(Some)
}

fn view(says: &Says) -> Vec<Value> {
    let peers = says.peers.iter();
    peers
        .map(|(name, up)| {
            let state = if *up { "Up" } else { "Down" };
            json!({ "hostId": host_id(name), "address": name, "state": state })
        })
        .collect()
}

fn host_id(name: &str) -> String {
    format!("host-of-{name}")
}

/// The claim, with the host id on it if the operator has had the time to write it there.
fn annotated(
    claim: &Arc<PersistentVolumeClaim>,
    name: &str,
    life: Life,
) -> Arc<PersistentVolumeClaim> {
    let mut claim = Arc::clone(claim);
    if life.has_joined() && !matches!(life, Life::Founded | Life::Joined) {
        let annotations = &mut Arc::make_mut(&mut claim).metadata.annotations;
        let annotations = annotations.get_or_insert_default();
        annotations.insert(labels::HOST_ID.into(), host_id(name));
    }
    claim
}
