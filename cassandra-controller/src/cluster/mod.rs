//! The cluster's reconciliation: observe → validate → decide → act → report.

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
mod report;
mod validate;

use std::{sync::Arc, time::Duration};

use cassandra_api::v1alpha1::CassandraCluster;
use kube::{
    Client, ResourceExt as _,
    runtime::{controller::Action, events::Recorder},
};

pub use controller::ClusterController;
pub use decide::decide;
pub use error::Error;
pub use kinds::{Kind, Owned};
pub use observe::{Observed, UserConfig};
pub use plan::{Deletion, Desired, Event, Existing, Plan, RecordUpdate};

use self::{gauges::Gauges, kinds::Stores};
use crate::{clock::Clock, metrics::Metrics, runtime::Backoffs};

/// Everything is looked at again after this time even if no event came, since a watch can lose one.
const RESYNC: Duration = Duration::from_mins(10);

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
    let observed = observe::observe(&context, &namespace, &name).await?;
    let Some(observed) = observed.filter(|o| o.cluster.metadata.deletion_timestamp.is_none())
    else {
        // Kubernetes collects what the cluster owned; volumes stay.
        return Ok(Action::await_change());
    };
    let uid = observed
        .cluster
        .uid()
        .ok_or(Error::Malformed { missing: "a UID" })?;
    let plan = decide(&observed);
    tracing::debug!(plan = plan.in_words(), "decided");
    let owner = act::Owner {
        namespace,
        name,
        uid: uid.clone(),
    };
    let again = plan.requeue_after.map_or(RESYNC, |after| after.min(RESYNC));
    carry_out(&context, &owner, &observed, plan).await?;
    context.backoffs.succeeded(&uid);
    Ok(Action::requeue(again))
}

async fn carry_out(
    context: &Context,
    owner: &act::Owner,
    observed: &Observed,
    plan: Plan,
) -> Result<(), Error> {
    let Plan {
        record,
        apply,
        conditions,
        delete,
        status,
        mut events,
        requeue_after: _,
    } = plan;
    if let Some(update) = &record {
        act::write_record(&context.client, owner, update).await?;
    }
    let outcome = act::act(&context.client, owner, &apply, &delete).await;
    let told = act::tell(&context.client, owner, &conditions).await;
    let outcome = outcome.and_then(|acted| Ok(acted.and(told?)));
    if let Err(error) = &outcome
        && error.is_namespace_terminating()
    {
        // The cluster goes too. Nothing is wrong, and nobody has to be told.
        return Ok(());
    }
    let status = report::conclude(observed, status, &outcome);
    if outcome.is_err() {
        // They tell of what was to be done; it will be decided and told again.
        events.clear();
    }
    events.extend(report::transitions(observed, &status));
    report::report(&context.client, owner, observed, &status).await?;
    context.gauges.record(observed, &status);
    report::publish(&context.recorder, observed, &events).await;
    let acted = outcome?;
    context.metrics.wrote(acted.writes);
    Ok(())
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
