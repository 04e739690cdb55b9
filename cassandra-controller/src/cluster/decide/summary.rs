//! How each member stands, and why it waits: what the cluster's status is made of.

use cassandra_api::{
    rules::{Rule, Waiting},
    v1alpha1::{OperationKind, Start},
};

use super::{
    ring::{Apart, StartOrder},
    waiting,
};
use crate::cluster::{
    member_view::MemberView,
    plan::{Event, Plan},
    validate::Validated,
};

/// How one member stands.
#[allow(
    clippy::struct_excessive_bools,
    reason = "facts that do not exclude each other"
)]
#[derive(Clone, Debug)]
pub(super) struct MemberSummary {
    pub(super) name: String,
    pub(super) rack: String,
    pub(super) exists: bool,
    /// It serves, and most others see it up.
    pub(super) ready: bool,
    /// It had joined the ring and does not serve.
    pub(super) down: bool,
    pub(super) release: Option<String>,
    pub(super) waiting: Option<Waiting>,
    pub(super) restart_pending: bool,
    /// What it is told about starting.
    pub(super) start: Start,
}

impl MemberSummary {
    /// What holds it up, but that it is starting.
    pub(super) fn held_up(&self) -> Option<String> {
        let waiting = self.waiting.as_ref();
        let waiting = waiting.filter(|waiting| waiting.rule != Rule::Starting)?;
        Some(waiting.message.clone())
    }
}

/// How this member stands, when this is ordered, it waits for that, and is behind the spec or not.
pub(super) fn summary(
    view: &MemberView,
    order: &StartOrder,
    apart: Option<&Apart>,
    waiting: Option<Waiting>,
    behind: bool,
) -> MemberSummary {
    let status = view.status();
    let serves = view.is_ready() && !apart.is_some_and(|apart| apart.is_cut_off);
    // Neither its node nor its agent is silent; the kubelet has not asked yet.
    let about_to_be_ready = !view.is_ready()
        && view.is_about_to_be_ready()
        && !matches!(
            waiting.as_ref().map(|waiting| waiting.rule),
            Some(Rule::NodeAnswers | Rule::AgentReports)
        );
    // Who has just joined is not missed before it has served.
    let arriving = order
        .operation
        .as_ref()
        .is_some_and(|part| matches!(part.kind, OperationKind::CreateRing | OperationKind::Join));
    MemberSummary {
        name: view.name.clone(),
        rack: view.rack.clone(),
        exists: view.member.is_some(),
        ready: serves,
        down: view.has_joined() && !serves && !arriving && !about_to_be_ready,
        release: status.and_then(|status| status.release_version.clone()),
        restart_pending: behind,
        waiting,
        start: order.start.clone(),
    }
}

/// Why the member waits: what was refused to it, its node and Kubernetes first, then the member itself, then the ring, then a
/// restart. `told` is why it was told to wait.
pub(super) fn reason(
    cluster: &Validated<'_>,
    view: &MemberView,
    apart: Option<&Apart>,
    told: Option<&Waiting>,
    behind: &[&str],
) -> Option<Waiting> {
    let now = cluster.observed.now.0;
    let refused = cluster.observed.refused.iter();
    let mut refused = refused.filter(|refused| refused.member.as_ref() == Some(&view.name));
    if let Some(refused) = refused.next() {
        return Some(refused.waiting.clone());
    }
    view.member.as_ref()?;
    if let Some(doubt) = &view.doubt {
        return Some(doubt.clone());
    }
    if let Some(waiting) = waiting::on_the_node(view, now) {
        return Some(waiting);
    }
    if let Some(refused) = cluster.observed.pods_refused.get(&view.name)
        && view.pod.is_none()
    {
        return Some(refused.clone());
    }
    if let Some(waiting) =
        waiting::on_kubernetes(view).or_else(|| waiting::unbound_for_long(view, now))
    {
        return Some(waiting);
    }
    // What the status says is no answer to these.
    let first = [Rule::VolumeLost, Rule::AgentReports];
    if let Some(told) = told.filter(|waiting| first.contains(&waiting.rule)) {
        return Some(told.clone());
    }
    if let Some(waiting) = waiting::on_the_member(view).or_else(|| told.cloned()) {
        return Some(waiting);
    }
    if let Some(waiting) = waiting::on_the_agent(view, now) {
        return Some(waiting);
    }
    if let Some(apart) = apart {
        return Some(apart.waiting.clone());
    }
    if !view.is_ready() {
        let particulars = format!("{} is {}", view.name, view.state_in_words());
        return Some(Waiting::on(Rule::Starting, particulars));
    }
    (!behind.is_empty()).then(|| {
        let particulars = format!("{} of the spec changed", behind.join(", "));
        Waiting::on(Rule::RestartPending, particulars)
    })
}

/// An event on the member when it begins to wait for somebody.
pub(super) fn announce(view: &MemberView, waiting: Option<&Waiting>, plan: &mut Plan) {
    let member = view.member.as_ref();
    let said = member.and_then(|member| member.waiting());
    let news = |waiting: &&Waiting| {
        !matches!(
            waiting.rule,
            Rule::Starting | Rule::AgentReports | Rule::PodCreated | Rule::SeenUp
        )
    };
    let Some(waiting) = waiting.filter(news) else {
        return;
    };
    if said.is_none_or(|said| said.rule != waiting.rule) {
        let make = if waiting.rule.needs_user() {
            Event::warning
        } else {
            Event::normal
        };
        let event = make("Waiting", format!("{}: {}", waiting.rule, waiting.message));
        plan.events
            .push(event.about(&view.name).action(waiting.rule.name()));
    }
}
