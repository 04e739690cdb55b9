//! What a member's pod is made of. It is frozen in the Member: a changed spec reaches a member that can't run at once, and
//! is pending for one that runs, until that runs with what the spec asks for.

use cassandra_api::{
    labels,
    v1alpha1::{CassandraMemberSpec, MemberState, StartMode, Workload},
};
use kube::ResourceExt as _;

use super::{configuration::Revision, waiting};
use crate::cluster::{
    kinds::Kind, member_view::MemberView, objects, plan::Deletion, validate::Validated,
};

/// What the pod is made of: what the spec asks for if the member can't run with what it has, else what it has.
pub(super) fn workload(
    cluster: &Validated<'_>,
    view: &MemberView,
    revision: Option<&Revision>,
) -> Option<Workload> {
    let ordered = ordered(view).cloned();
    match (revision, ordered) {
        (Some(revision), None) => Some(wanted(cluster, view, revision)),
        (Some(revision), Some(ordered)) if takes_changes(view) => {
            // The operator's own image changes only together with something that the user changed.
            let mut wanted = wanted(cluster, view, revision);
            let same_but_for_it = Workload {
                operator_image: ordered.operator_image.clone(),
                ..wanted.clone()
            } == ordered;
            if same_but_for_it && view.pod_gets_as_far_as_the_agent() {
                wanted.operator_image = ordered.operator_image;
            }
            Some(wanted)
        }
        (_, ordered) => ordered,
    }
}

/// What its Member says that the pod is made of.
fn ordered(view: &MemberView) -> Option<&Workload> {
    view.member.as_ref()?.spec.workload.as_ref()
}

fn wanted(cluster: &Validated<'_>, view: &MemberView, revision: &Revision) -> Workload {
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
pub(super) fn takes_changes(view: &MemberView) -> bool {
    let not_begun = view.mode() == StartMode::Hold && !view.cassandra_runs();
    not_begun || waiting::is_stuck(view)
}

/// Which parts of the spec this member does not run with: its Member does not have them, or Cassandra was started before
/// it had.
pub(super) fn pending_parts(
    cluster: &Validated<'_>,
    view: &MemberView,
    revision: &Revision,
) -> Vec<&'static str> {
    let Some(ordered) = ordered(view) else {
        return Vec::new();
    };
    let spec = cluster.spec;
    let in_use = view.config_in_use().unwrap_or(&ordered.config_revision);
    let configured = ordered.config_revision == revision.name && in_use == revision.name;
    let placed = ordered.placement == spec.placement && ordered.zone == view.zone;
    let parts = [
        ("the image", ordered.image == cluster.image),
        ("the configuration", configured),
        ("the resources", ordered.resources == spec.resources),
        ("the placement", placed),
        (
            "the image pull policy",
            ordered.image_pull_policy == spec.image_pull_policy,
        ),
        (
            "the image pull secrets",
            ordered.image_pull_secrets == spec.image_pull_secrets,
        ),
    ];
    let pending = parts.into_iter().filter(|(_, same)| !same);
    pending.map(|(part, _)| part).collect()
}

/// The pod of a member that can't run with it goes, so that the corrected one can come. Never one in which
/// Cassandra runs.
pub(super) fn outdated_pod(
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
