//! The objects of one member in each of its cases.

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
    baseline::{CLUSTER_UID, NAMESPACE},
    member_case::MemberCase,
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
) -> Result<MemberObjects, Error> {
    let owned = &baseline.owned;
    let mut objects = MemberObjects::default();
    if case.has_member() {
        let member = owned.members.get(name);
        let member = member.map(|member| dressed(member, name, case, says));
        objects.member = member.transpose()?.map(Arc::new);
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
        let pod = set.map(|set| pods::of_member(set, name, case));
        objects.pod = pod.transpose()?.map(Arc::new);
    }
    Ok(objects)
}

/// The Member, as it was told and as its agent reports.
fn dressed(
    member: &CassandraMember,
    name: &str,
    case: MemberCase,
    says: &Says,
) -> Result<CassandraMember, Error> {
    let mut member = member.clone();
    let own = member.spec.broadcast_address.clone();
    let (epoch, mode) = told(case);
    let seeds = match mode {
        "Hold" => Vec::new(),
        "CreateRing" => own.into_iter().collect(),
        _ => vec!["10.0.0.99".to_owned()],
    };
    member.spec.start =
        serde_json::from_value(json!({ "epoch": epoch, "mode": mode, "seeds": seeds }))?;
    if case == MemberCase::MemberOnly {
        member.spec.broadcast_address = None;
    }
    if let (MemberCase::Behind, Some(workload)) = (case, &mut member.spec.workload) {
        workload.image = "docker.io/library/cassandra:5.0.8".into();
    }
    member.status = status(name, case, says)?;
    member.metadata.namespace = Some(NAMESPACE.into());
    Ok(member)
}

fn told(case: MemberCase) -> (i64, &'static str) {
    match case {
        MemberCase::Founding | MemberCase::Founded => (1, "CreateRing"),
        MemberCase::Starting
        | MemberCase::Joining
        | MemberCase::Interrupted
        | MemberCase::Joined => (1, "Join"),
        MemberCase::Normal
        | MemberCase::Behind
        | MemberCase::Down
        | MemberCase::Terminating
        | MemberCase::Lost => (2, "Rejoin"),
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
        | MemberCase::Swapped => (0, "Hold"),
    }
}

fn status(
    name: &str,
    case: MemberCase,
    says: &Says,
) -> Result<Option<CassandraMemberStatus>, Error> {
    let host_id = host_id(name);
    let own =
        json!({ "clusterUid": CLUSTER_UID, "member": name, "hostId": host_id, "joined": true });
    let marked = json!({ "clusterUid": CLUSTER_UID, "member": name });
    let foreign = json!({ "clusterUid": "another", "member": "another-a-0", "joined": true,
        "hostId": "host-of-another",
        "refusal": { "rule": "pvc_identity", "message": "it is of another member" } });
    let fresh = json!({});
    let (state, volume) = match case {
        MemberCase::Fresh | MemberCase::Lost => ("Waiting", fresh),
        MemberCase::Refused | MemberCase::Swapped => ("Refused", foreign),
        MemberCase::Founding | MemberCase::Starting => ("Starting", fresh),
        MemberCase::Joining => ("Joining", marked),
        MemberCase::Interrupted => ("Waiting", marked),
        MemberCase::Founded | MemberCase::Joined | MemberCase::Normal | MemberCase::Behind => {
            ("Ready", own)
        }
        MemberCase::Down => ("NotAnswering", own),
        MemberCase::Terminating => ("Draining", own),
        MemberCase::Returned => ("Waiting", own),
        MemberCase::Absent
        | MemberCase::MemberOnly
        | MemberCase::Prepared
        | MemberCase::Unscheduled
        | MemberCase::NotPulled
        | MemberCase::Outdated
        | MemberCase::Gone => return Ok(None),
    };
    let mut status = json!({ "state": state, "volume": volume });
    if let Some(fields) = status.as_object_mut() {
        let reported = case.serves()
            || matches!(
                case,
                MemberCase::Down | MemberCase::Terminating | MemberCase::Lost
            );
        if reported {
            fields.insert("hostId".into(), json!(host_id));
            fields.insert(
                "bootstrapped".into(),
                json!({ "at": "1970-01-01T00:00:00Z" }),
            );
        }
        if case.serves() {
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
    case: MemberCase,
) -> Arc<PersistentVolumeClaim> {
    let mut claim = Arc::clone(claim);
    if case.has_joined() && !matches!(case, MemberCase::Founded | MemberCase::Joined) {
        let annotations = &mut Arc::make_mut(&mut claim).metadata.annotations;
        let annotations = annotations.get_or_insert_default();
        annotations.insert(labels::HOST_ID.into(), host_id(name));
    }
    claim
}
