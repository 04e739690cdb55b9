//! The cluster's reconciliation: observe → validate → decide → act → … → decide → act → report.

mod act;
mod controller;
mod decide;
mod drift;
mod error;
mod gauges;
mod kinds;
mod member_view;
mod objects;
mod observe;
mod plan;
mod refused;
mod report;
mod requests;
mod shapes;
mod validate;

use std::{sync::Arc, time::Duration};

use cassandra_api::v1alpha1::{CassandraCluster, CassandraClusterStatus};
use kube::{
    Client, ResourceExt as _,
    runtime::{controller::Action, events::Recorder},
};

pub use controller::ClusterController;
pub use decide::decide;
pub use error::Error;
pub use kinds::{Kind, Owned};
pub use observe::{Observed, Refused, UserConfig};
pub use plan::{Deletion, Desired, Event, Existing, Plan, RecordUpdate};

use self::{act::Acted, gauges::Gauges, kinds::Stores};
use crate::{clock::Clock, metrics::Metrics, runtime::Backoffs};

/// Everything is looked at again after this time even if no event came, since a watch can lose one.
const RESYNC: Duration = Duration::from_mins(10);
/// Decisions of one pass. A birth takes five.
const ROUNDS: usize = 12;
/// When a pass that did not come to rest is followed by another.
const SOON: Duration = Duration::from_millis(100);

/// What a reconciliation works with.
struct Context {
    client: Client,
    /// What the operator owns, by kind.
    stores: Stores,
    clock: Arc<dyn Clock>,
    /// The image with agent and bootstrapper for new members.
    operator_image: String,
    /// Publishes events.
    recorder: Recorder,
    metrics: Metrics,
    gauges: Gauges,
    /// Failures in a row, by cluster.
    backoffs: Backoffs,
}

/// Brings one cluster a step closer to what its spec asks for.
async fn reconcile(cluster: Arc<CassandraCluster>, context: Arc<Context>) -> Result<Action, Error> {
    let (namespace, name) = (cluster.namespace().unwrap_or_default(), cluster.name_any());
    let _timed = context.metrics.time_reconcile();
    let reading = observe::observe(&context, &namespace, &name).await?;
    let stays = |r: &observe::Reading| r.observed.cluster.metadata.deletion_timestamp.is_none();
    let Some(observe::Reading { observed, failure }) = reading.filter(stays) else {
        // Kubernetes collects what the cluster owned; volumes stay.
        return Ok(Action::await_change());
    };
    let uid = observed
        .cluster
        .uid()
        .ok_or(Error::Malformed { missing: "a UID" })?;
    let owner = act::Owner {
        namespace,
        name,
        uid: uid.clone(),
    };
    if let Some(failure) = failure {
        // What the status says stands until it is read again: soon, unless somebody has to help.
        if failure.may_pass() && observed.cluster.status.is_some() {
            return Err(failure);
        }
        let status = decide::unread(&observed);
        tell_outcome(
            &context,
            &owner,
            &observed,
            status,
            Some(&failure),
            Vec::new(),
        )
        .await?;
        return Err(failure);
    }
    let again = carry_out(&context, &owner, observed).await?;
    context.backoffs.succeeded(&uid);
    Ok(Action::requeue(again))
}

/// Decides, writes, takes in what the API server returns, and decides again, until there is nothing more to write: what
/// depends on the outcome of a write needs no event to come. Then deletes, and writes the status once. Each decision
/// stands on what was read or answered. Tells after which time to look again.
async fn carry_out(
    context: &Context,
    owner: &act::Owner,
    mut observed: Observed,
) -> Result<Duration, Error> {
    let (mut acted, mut events) = (Acted::default(), Vec::new());
    let mut rounds = 0..ROUNDS;
    let (status, conditions, outcome) = loop {
        let plan = decide(&observed);
        tracing::debug!(plan = plan.in_words(), "decided");
        if let Some(update) = &plan.record {
            // What is on record comes first, and everything else is decided on what then is on record.
            let written = act::write_record(&context.client, owner, update).await;
            let Ok(cluster) = written else {
                report::publish(&context.recorder, &observed, &events).await;
                return written.map(|_| SOON);
            };
            observed.cluster = Arc::new(cluster);
            note(&mut events, plan.events);
            if rounds.next().is_some() {
                continue;
            }
            break (plan.status, plan.conditions, Ok(SOON));
        }
        let there = &mut observed.owned;
        match act::write(context, owner, &plan.apply, there, &mut acted).await {
            Ok(0) if observed.refused == acted.refused => {}
            Ok(_) if rounds.next().is_some() => {
                // What was refused is told by the next decision, and not tried again in this pass.
                observed.refused.clone_from(&acted.refused);
                note(&mut events, plan.events);
                continue;
            }
            Ok(_) => {
                note(&mut events, plan.events);
                break (plan.status, plan.conditions, Ok(SOON));
            }
            // The cluster goes too. Nothing is wrong, and nobody has to be told.
            Err(error) if error.is_namespace_terminating() => return Ok(RESYNC),
            // The events tell of what was to be done; it will be decided and told again.
            Err(error) => break (plan.status, plan.conditions, Err(error)),
        }
        let deleted = act::delete(&context.client, owner, &plan.delete, &mut acted).await;
        if deleted.is_ok() {
            note(&mut events, plan.events);
        }
        let again = plan.requeue_after.map_or(RESYNC, |after| after.min(RESYNC));
        break (plan.status, plan.conditions, deleted.map(|()| again));
    };
    let there = &mut observed.owned;
    let told = act::tell(context, owner, &conditions, there, &mut acted).await;
    let outcome = outcome.and_then(|again| told.map(|()| again));
    // Tried again later and later.
    let outcome = outcome.and_then(|again| acted.failure.take().map_or(Ok(again), Err));
    context.stores.remember(&owner.namespace, &observed.owned);
    tell_outcome(
        context,
        owner,
        &observed,
        status,
        outcome.as_ref().err(),
        events,
    )
    .await?;
    context.metrics.wrote(acted.writes);
    outcome
}

/// Says how the cluster stands, with what came of carrying the plan out: in its status, metrics and events.
async fn tell_outcome(
    context: &Context,
    owner: &act::Owner,
    observed: &Observed,
    status: CassandraClusterStatus,
    failure: Option<&Error>,
    mut events: Vec<Event>,
) -> Result<(), Error> {
    let status = report::conclude(observed, status, failure);
    events.extend(report::transitions(observed, &status));
    report::report(&context.client, owner, observed, &status).await?;
    context.gauges.record(observed, &status);
    report::publish(&context.recorder, observed, &events).await;
    Ok(())
}

/// What a plan tells is told once, also if a later one of the same pass tells it again.
fn note(events: &mut Vec<Event>, more: Vec<Event>) {
    for event in more {
        if !events.contains(&event) {
            events.push(event);
        }
    }
}

/// After a failure: again at once if somebody else was faster, else later and later.
#[allow(clippy::needless_pass_by_value, reason = "kube fixes the signature")]
fn after_error(cluster: Arc<CassandraCluster>, error: &Error, context: Arc<Context>) -> Action {
    let uid = cluster.uid().unwrap_or_default();
    let (delay, log) = context
        .backoffs
        .failed(&uid, error.class(), error.in_full());
    context.metrics.failed(error.reason());
    if log {
        tracing::warn!(
            namespace = cluster.namespace(),
            name = cluster.name_any(),
            reason = error.reason(),
            "{}",
            error.in_full()
        );
    }
    Action::requeue(delay)
}
