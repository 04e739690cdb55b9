//! Writes what the plan says of the cluster, if it differs from what is there, and tells of it in events.

use std::sync::Arc;

use cassandra_api::{
    conditions::{self, Wanted},
    v1alpha1::{CassandraCluster, CassandraClusterStatus, CassandraMember, Phase, Record},
};
use kube::{
    Api, Client, Resource as _, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::events::{Event as KubeEvent, EventType, Recorder},
};
use serde_json::json;

use super::{Error, act::Owner, error::in_time, observe::Observed, plan::Event};
use crate::{fields, runtime::ErrorClass};

/// Longest note of an event (Kubernetes API: `events.k8s.io/v1`, `note`).
const LONGEST_NOTE: usize = 1024;

/// The status, with what came of carrying the plan out. What was refused is in it already, as a rule that waits.
pub(super) fn conclude(
    observed: &Observed,
    mut status: CassandraClusterStatus,
    failure: Option<&Error>,
) -> CassandraClusterStatus {
    // Where somebody was faster, it is decided anew at once.
    let failure = failure.filter(|error| error.class() != ErrorClass::Conflict);
    if let Some(error) = failure.filter(|error| error.refusal().is_none()) {
        let old = observed
            .cluster
            .status
            .as_ref()
            .map_or(&[][..], |status| &status.conditions);
        let generation = observed.cluster.metadata.generation;
        let wanted = Wanted::new(
            conditions::PROGRESSING,
            false,
            error.reason(),
            error.in_full(),
        );
        let failed = wanted.onto(old, generation, &observed.now);
        status
            .conditions
            .retain(|condition| condition.type_ != conditions::PROGRESSING);
        status.conditions.push(failed);
        // All may stand as it should, but what is to be done is not done.
        if matches!(status.phase, Some(Phase::Ready | Phase::Creating)) {
            status.phase = Some(Phase::Progressing);
        }
    }
    status.conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
    status
}

/// Writes the status, unless it says so already. The record is not among what is written: it is written by
/// compare-and-swap.
pub(super) async fn report(
    client: &Client,
    owner: &Owner,
    observed: &Observed,
    status: &CassandraClusterStatus,
) -> Result<bool, Error> {
    let without_record = |status: &CassandraClusterStatus| CassandraClusterStatus {
        record: Record::default(),
        ..status.clone()
    };
    let wanted = without_record(status);
    let there = observed.cluster.status.as_ref().map(without_record);
    let there = there.unwrap_or_default();
    if wanted == there {
        return Ok(false);
    }
    let clusters: Api<CassandraCluster> = Api::namespaced(client.clone(), &owner.namespace);
    let patch = Patch::Apply(json!({
        "apiVersion": CassandraCluster::api_version(&()),
        "kind": CassandraCluster::kind(&()),
        "metadata": { "name": owner.name, "uid": owner.uid },
        "status": wanted,
    }));
    let params = PatchParams::apply(fields::STATUS).force();
    let request = clusters.patch_status(&owner.name, &params, &patch);
    let failed = |source| Error::Report {
        name: owner.name.clone(),
        source: Box::new(source),
    };
    in_time("write the status of", owner.name.clone(), request)
        .await?
        .map_err(failed)?;
    Ok(true)
}

/// Events for the conditions that have flipped.
pub(super) fn transitions(observed: &Observed, status: &CassandraClusterStatus) -> Vec<Event> {
    let old = observed
        .cluster
        .status
        .as_ref()
        .map_or(&[][..], |status| &status.conditions);
    let flipped = status.conditions.iter().filter(|condition| {
        conditions::find(old, &condition.type_).is_none_or(|old| old.status != condition.status)
    });
    flipped
        .filter_map(|condition| {
            let was_true = conditions::is_true(old, &condition.type_);
            let bad = match (condition.status.as_str(), condition.type_.as_str()) {
                ("True", type_) => type_ == conditions::DEGRADED,
                (_, conditions::AVAILABLE) => was_true,
                (_, type_) => [conditions::VALID, conditions::DURABLE].contains(&type_),
            };
            let first = old.is_empty() && !bad;
            let note = format!(
                "{} is {}: {}",
                condition.type_, condition.status, condition.message
            );
            let make = if bad { Event::warning } else { Event::normal };
            (!first).then(|| make(&condition.reason, note))
        })
        .collect()
}

/// Publishes events. One that can't be published is logged: nothing depends on it.
pub(super) async fn publish(recorder: &Recorder, observed: &Observed, events: &[Event]) {
    for event in events {
        let reference = |name: &Option<String>| {
            let member: &Arc<CassandraMember> = observed.owned.members.get(name.as_ref()?)?;
            Some(member.object_ref(&()))
        };
        let about = reference(&event.member).unwrap_or_else(|| observed.cluster.object_ref(&()));
        let published = KubeEvent {
            type_: if event.warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: event.reason.clone(),
            note: Some(event.note.chars().take(LONGEST_NOTE).collect()),
            action: event.action.clone(),
            secondary: reference(&event.related),
        };
        tracing::info!(reason = event.reason, about = about.name, "{}", event.note);
        if let Err(error) = recorder.publish(&published, &about).await {
            tracing::warn!(cluster = observed.cluster.name_any(), %error, "failed to publish an event");
        }
    }
}
