//! Each member's objects: the Member itself, its Service, its volume claim, its StatefulSet. What a pod is made
//! of is frozen in the Member: a changed spec reaches a member that can't run at once, and is shown as pending for
//! one that runs.

use std::collections::BTreeMap;

use cassandra_api::{
    labels,
    rules::{Rule, Waiting},
    v1alpha1::{
        Broadcast, CassandraMemberSpec, ClusterReference, MemberState, StartMode, Workload,
    },
};
use kube::ResourceExt as _;

use super::{
    super::{
        kinds::Kind,
        member_view::MemberView,
        objects,
        plan::{Claim, Deletion, Desired, Event, Plan},
        validate::Validated,
    },
    configuration::Revision,
    start::StartOrder,
    waiting,
};

/// How one member stands, for the status.
#[allow(
    clippy::struct_excessive_bools,
    reason = "view that do not exclude each other"
)]
#[derive(Clone, Debug)]
pub(super) struct MemberSummary {
    pub(super) name: String,
    pub(super) rack: String,
    pub(super) exists: bool,
    pub(super) ready: bool,
    /// It had joined the ring and does not serve.
    pub(super) down: bool,
    pub(super) release: Option<String>,
    pub(super) waiting: Option<Waiting>,
    pub(super) restart_pending: bool,
}

/// Records the ordinals of the members that the spec asks for. They only rise.
pub(super) fn reserve_ordinals(cluster: &Validated<'_>, claim: &mut Claim) {
    for rack in &cluster.spec.racks {
        let existing = cluster.observed.owned.members.values();
        let highest = existing
            .filter(|member| member.spec.rack == rack.name)
            .map(|member| member.spec.ordinal + 1)
            .max();
        let next = claim.next_ordinals.entry(rack.name.clone()).or_default();
        *next = (*next).max(rack.members).max(highest.unwrap_or(0));
    }
}

/// Plans every member's objects and says how each stands.
pub(super) fn decide(
    cluster: &Validated<'_>,
    members: Vec<MemberView>,
    mut told: BTreeMap<String, StartOrder>,
    revision: Option<&Revision>,
    plan: &mut Plan,
) -> Vec<MemberSummary> {
    members
        .into_iter()
        .map(|view| {
            let told = told.remove(&view.name).unwrap_or_default();
            let workload = workload(cluster, &view, revision);
            let waiting = reason(cluster, &view, &told, workload.as_ref(), revision);
            announce(&view, waiting.as_ref(), plan);
            let summary = summary(cluster, &view, waiting.clone(), revision);
            if let Some(workload) = workload {
                let spec = spec(cluster, &view, told, waiting, workload);
                let mut objects = objects(cluster, &view, &spec);
                // A claim that is taken over now is not made as well, whatever the cache has of it yet.
                objects.retain(|object| !plan.has(object));
                plan.apply.extend(objects);
                plan.delete.extend(outdated_pod(cluster, &view, &spec));
            }
            summary
        })
        .collect()
}

/// The writes that put the member's objects right.
fn objects(cluster: &Validated<'_>, view: &MemberView, spec: &CassandraMemberSpec) -> Vec<Desired> {
    let mut writes = Vec::new();
    writes.extend(objects::member(cluster, view, spec));
    let Some(member) = &view.member else {
        return writes;
    };
    writes.extend(objects::member_service(cluster, view, member));
    if !cluster.spec.storage.ephemeral {
        writes.extend(objects::volume_claim(cluster, view));
    }
    writes.extend(objects::stateful_set(cluster, view, member, spec));
    writes
}

/// What the pod is made of: what the spec asks for if the member can't run with what it has, else what it has.
fn workload(
    cluster: &Validated<'_>,
    view: &MemberView,
    revision: Option<&Revision>,
) -> Option<Workload> {
    let existing = view
        .member
        .as_ref()
        .and_then(|member| member.spec.workload.clone());
    match (revision, existing) {
        (Some(revision), None) => Some(wanted_workload(cluster, view, revision)),
        (Some(revision), Some(existing)) if takes_changes(view) => {
            // The operator's own image changes only together with something that the user changed.
            let mut wanted = wanted_workload(cluster, view, revision);
            if (Workload {
                operator_image: existing.operator_image.clone(),
                ..wanted.clone()
            }) == existing
                && view.pod_gets_as_far_as_the_agent()
            {
                wanted.operator_image = existing.operator_image;
            }
            Some(wanted)
        }
        (_, existing) => existing,
    }
}

fn wanted_workload(cluster: &Validated<'_>, view: &MemberView, revision: &Revision) -> Workload {
    let spec = cluster.spec;
    Workload {
        image: cluster.image.clone(),
        operator_image: cluster.observed.operator_image.clone(),
        image_pull_policy: spec.image_pull_policy,
        image_pull_secrets: spec.image_pull_secrets.clone(),
        config_revision: revision.name.clone(),
        resources: spec.resources.clone(),
        zone: view.zone.clone(),
        placement: spec.placement.clone(),
        ephemeral: spec.storage.ephemeral,
    }
}

/// Whether a changed spec reaches this member at once: it has not been permitted to start, or it can't run.
fn takes_changes(view: &MemberView) -> bool {
    let not_begun = view.mode() == StartMode::Hold && !view.cassandra_runs();
    not_begun || waiting::is_stuck(view)
}

fn spec(
    cluster: &Validated<'_>,
    view: &MemberView,
    told: StartOrder,
    waiting: Option<Waiting>,
    workload: Workload,
) -> CassandraMemberSpec {
    let adopted_from = view
        .claim
        .as_ref()
        .and_then(|claim| claim.annotations().get(labels::ADOPTED_FROM).cloned());
    let by_service = cluster.spec.network.broadcast == Broadcast::MemberService;
    CassandraMemberSpec {
        cluster: ClusterReference {
            name: cluster.name.clone(),
            uid: cluster.uid.clone(),
        },
        cluster_name: cluster.cluster_name.clone(),
        datacenter: cluster.spec.datacenter.clone(),
        rack: view.rack.clone(),
        ordinal: view.ordinal,
        workload: Some(workload),
        start: told.start,
        broadcast_address: view.broadcast_address().filter(|_| by_service),
        adopted_from,
        refresh: told.refresh,
        operation: None,
        jobs: Vec::new(),
        waiting,
    }
}

/// Why the member waits: Kubernetes first, then the member itself, then the ring, then a restart.
fn reason(
    cluster: &Validated<'_>,
    view: &MemberView,
    told: &StartOrder,
    workload: Option<&Workload>,
    revision: Option<&Revision>,
) -> Option<Waiting> {
    view.member.as_ref()?;
    if let Some(waiting) = waiting::on_kubernetes(view) {
        return Some(waiting);
    }
    if let Some(lost) = told
        .waiting
        .as_ref()
        .filter(|waiting| waiting.rule == Rule::VolumeLost)
    {
        return Some(lost.clone());
    }
    if let Some(waiting) = waiting::on_the_member(view).or_else(|| told.waiting.clone()) {
        return Some(waiting);
    }
    if !view.is_ready() {
        let particulars = format!("{} is {}", view.name, view.state_in_words());
        return Some(Waiting::on(Rule::Starting, particulars));
    }
    let changed = changed_parts(cluster, view, revision?, workload?).join(", ");
    (!changed.is_empty()).then(|| {
        Waiting::on(
            Rule::RestartPending,
            format!("{changed} of the spec changed"),
        )
    })
}

/// Which parts of the spec this member does not run with.
fn changed_parts(
    cluster: &Validated<'_>,
    view: &MemberView,
    revision: &Revision,
    existing: &Workload,
) -> Vec<&'static str> {
    let spec = cluster.spec;
    let parts = [
        ("the image", existing.image != cluster.image),
        (
            "the configuration",
            existing.config_revision != revision.name,
        ),
        ("the resources", existing.resources != spec.resources),
        (
            "the placement",
            existing.placement != spec.placement || existing.zone != view.zone,
        ),
        (
            "the image pull policy",
            existing.image_pull_policy != spec.image_pull_policy,
        ),
        (
            "the image pull secrets",
            existing.image_pull_secrets != spec.image_pull_secrets,
        ),
    ];
    parts
        .into_iter()
        .filter(|(_, changed)| *changed)
        .map(|(part, _)| part)
        .collect()
}

fn summary(
    cluster: &Validated<'_>,
    view: &MemberView,
    waiting: Option<Waiting>,
    revision: Option<&Revision>,
) -> MemberSummary {
    let existing = view
        .member
        .as_ref()
        .and_then(|member| member.spec.workload.as_ref());
    let behind = existing.zip(revision).is_some_and(|(existing, revision)| {
        !changed_parts(cluster, view, revision, existing).is_empty()
    });
    MemberSummary {
        name: view.name.clone(),
        rack: view.rack.clone(),
        exists: view.member.is_some(),
        ready: view.is_ready(),
        down: view.has_joined() && !view.is_ready() && !view.is_about_to_be_ready(),
        release: view
            .status()
            .and_then(|status| status.release_version.clone()),
        restart_pending: behind && !takes_changes(view),
        waiting,
    }
}

/// An event on the member when it begins to wait for somebody.
fn announce(view: &MemberView, waiting: Option<&Waiting>, plan: &mut Plan) {
    let said = view
        .member
        .as_ref()
        .and_then(|member| member.spec.waiting.as_ref());
    let news = |waiting: &&Waiting| {
        !matches!(
            waiting.rule,
            Rule::Starting | Rule::AgentReports | Rule::PodCreated
        )
    };
    let Some(waiting) = waiting.filter(news) else {
        return;
    };
    if said.is_none_or(|said| said.rule != waiting.rule) {
        let note = waiting.message.clone();
        let make = if waiting.rule.needs_user() {
            Event::warning
        } else {
            Event::normal
        };
        let event = make("Waiting", format!("{}: {note}", waiting.rule));
        plan.events
            .push(event.about(&view.name).action(waiting.rule.name()));
    }
}

/// The pod of a member that can't run with it goes, so that the corrected one can come. Never one in which
/// Cassandra runs.
fn outdated_pod(
    cluster: &Validated<'_>,
    view: &MemberView,
    spec: &CassandraMemberSpec,
) -> Option<Deletion> {
    let (pod, member) = (view.pod.as_ref()?, view.member.as_ref()?);
    if pod.metadata.deletion_timestamp.is_some()
        || view.cassandra_runs()
        || !takes_changes(view)
        || view.state() == MemberState::Ready
    {
        return None;
    }
    let template = view
        .stateful_set
        .as_ref()?
        .spec
        .as_ref()?
        .template
        .metadata
        .as_ref()?;
    let wanted = template
        .annotations
        .as_ref()?
        .get(labels::TEMPLATE_DIGEST)?;
    if pod.annotations().get(labels::TEMPLATE_DIGEST) == Some(wanted) {
        return None;
    }
    // Only when the StatefulSet has the new template: it is what the next pod is made from.
    let settled = objects::stateful_set(cluster, view, member, spec).is_none();
    settled.then_some(())?;
    Some(Deletion {
        kind: Kind::Pod,
        name: pod.name_any(),
        uid: pod.uid()?,
        resource_version: pod.resource_version()?,
        reason: "it can't run, and the spec has changed since it was made".into(),
    })
}
