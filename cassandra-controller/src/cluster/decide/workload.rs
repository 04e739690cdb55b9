//! What a member's pod is made of. It is frozen in the Member. A changed spec reaches at once a member that has never run,
//! and of one that has data only what that one fails by; for all others it is pending.

use cassandra_api::{
    k8s_openapi::jiff::SignedDuration,
    labels,
    rules::Rule,
    v1alpha1::{CassandraMemberSpec, MemberState, StartMode, Workload},
};
use kube::ResourceExt as _;

use super::{configuration::Revision, waiting};
use crate::cluster::{
    kinds::Kind, member_view::MemberView, objects, plan::Deletion, validate::Validated,
};

/// Parts of what a pod is made of that are corrected together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Which image Cassandra is started from.
    Image,
    /// Which image agent and bootstrapper are started from.
    OperatorImage,
    /// How images are pulled.
    Pulling,
    /// Its configuration.
    Configuration,
    /// What it asks for of a node.
    Resources,
    /// On which nodes it may be.
    Placement,
}

/// How long Kubernetes may take to make a pod again before what it is made from counts as refused.
pub(super) const POD_IS_MADE_WITHIN: SignedDuration = SignedDuration::from_secs(30);

/// What the pod is made of: what it has, and of what the spec asks for the parts that reach this member at once.
pub(super) fn workload(
    cluster: &Validated<'_>,
    view: &MemberView,
    revision: Option<&Revision>,
) -> Option<Workload> {
    let had = || ordered(view).cloned();
    let Some(revision) = revision else {
        return had();
    };
    let wanted = wanted(cluster, view, revision);
    let Some(ordered) = had() else {
        // A Member that is made again for data that is there: the release that wrote it.
        let noted = view.claim.as_ref().filter(|_| view.has_joined());
        let noted = noted.and_then(|claim| claim.annotations().get(labels::IMAGE).cloned());
        return Some(Workload {
            image: noted.unwrap_or_else(|| wanted.image.clone()),
            ..wanted
        });
    };
    let mut corrected = ordered.clone();
    let reachable = reachable(cluster, view);
    for part in reachable {
        correct(&mut corrected, *part, &wanted);
    }
    // The operator's own image changes only together with something that the user changed, or if it fails itself.
    let fails = reachable.contains(&Part::OperatorImage) && !view.pod_gets_as_far_as_the_agent();
    if corrected != ordered || fails {
        corrected.operator_image = wanted.operator_image;
    }
    Some(corrected)
}

fn correct(workload: &mut Workload, part: Part, wanted: &Workload) {
    let Workload {
        image,
        operator_image: _,
        image_pull_policy,
        image_pull_secrets,
        config_revision,
        resources,
        zone,
        placement,
        ephemeral,
    } = wanted.clone();
    match part {
        Part::Image => workload.image = image,
        // Decided when all else is.
        Part::OperatorImage => {}
        Part::Pulling => {
            workload.image_pull_policy = image_pull_policy;
            workload.image_pull_secrets = image_pull_secrets;
        }
        Part::Configuration => workload.config_revision = config_revision,
        Part::Resources => workload.resources = resources,
        Part::Placement => {
            (workload.placement, workload.zone) = (placement, zone);
            workload.ephemeral = ephemeral;
        }
    }
}

/// The parts of a changed spec that reach this member at once. All of them, if it has not been permitted to start or can't
/// run. One that has joined has data, and keeps what it has but for what it fails by: it never comes back on another
/// release because its node was cordoned.
fn reachable(cluster: &Validated<'_>, view: &MemberView) -> &'static [Part] {
    const ALL: &[Part] = &[
        Part::Image,
        Part::OperatorImage,
        Part::Pulling,
        Part::Configuration,
        Part::Resources,
        Part::Placement,
    ];
    if !view.has_joined() {
        let not_begun = view.mode() == StartMode::Hold && !view.cassandra_runs();
        let all = not_begun || waiting::is_stuck(view);
        return if all { ALL } else { &[] };
    }
    let refused = view.volume().and_then(|volume| volume.refusal.as_ref());
    let held_up = waiting::on_kubernetes(view).or_else(|| refused.cloned());
    let Some(rule) = held_up.map(|waiting| waiting.rule) else {
        return &[];
    };
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "by any other rule nothing of what it is made of is to blame"
    )]
    match rule {
        Rule::NodeAvailable | Rule::VolumeAvailable => &[Part::Resources, Part::Placement],
        Rule::ImageAvailable if waiting::lacks_the_operators_image(view) => {
            &[Part::OperatorImage, Part::Pulling]
        }
        Rule::ImageAvailable => &[Part::Image, Part::Pulling],
        Rule::CassandraRuns => &[Part::Configuration, Part::Resources],
        Rule::ConfigurationUsable => &[Part::Configuration],
        // A quota or a policy may refuse it; the events that say so may be lost.
        Rule::PodCreated if is_refused_a_pod(cluster, view) => {
            &[Part::Pulling, Part::Resources, Part::Placement]
        }
        _ => &[],
    }
}

/// Whether Kubernetes says that it is refused, or the pod has not been there for longer than it takes to make one.
fn is_refused_a_pod(cluster: &Validated<'_>, view: &MemberView) -> bool {
    if cluster.observed.pods_refused.contains_key(&view.name) {
        return true;
    }
    let told = cluster.status.blocked.iter();
    let mut told = told.filter(|told| told.member.as_ref() == Some(&view.name));
    told.any(|told| {
        let lasting = cluster.observed.now.0.duration_since(told.since.0);
        told.rule == Rule::PodCreated && lasting >= POD_IS_MADE_WITHIN
    })
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
        resources: spec.resources.with_all_requests(),
        zone: view.zone.clone(),
        placement: spec.placement.clone(),
        ephemeral: spec.storage.ephemeral,
    }
}

/// Whether something of a changed spec reaches this member at once.
pub(super) fn takes_changes(cluster: &Validated<'_>, view: &MemberView) -> bool {
    !reachable(cluster, view).is_empty()
}

/// Which parts of the spec this member does not run with, when it is made of this: it is not made of them, or Cassandra was
/// started before it was.
pub(super) fn pending_parts(
    cluster: &Validated<'_>,
    view: &MemberView,
    revision: &Revision,
    ordered: &Workload,
) -> Vec<&'static str> {
    let spec = cluster.spec;
    let in_use = view.config_in_use().unwrap_or(&ordered.config_revision);
    let configured = ordered.config_revision == revision.name && in_use == revision.name;
    let placed = ordered.placement == spec.placement && ordered.zone == view.zone;
    let parts = [
        ("the image", ordered.image == cluster.image),
        ("the configuration", configured),
        (
            "the resources",
            ordered.resources == spec.resources.with_all_requests(),
        ),
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
        || !takes_changes(cluster, view)
        || view.state() == MemberState::Ready
    {
        return None;
    }
    let wanted = view.template_annotation(labels::TEMPLATE_DIGEST)?;
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
