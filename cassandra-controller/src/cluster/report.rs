//! Writes what the plan says of the cluster, if it differs from what is there, and tells of it in events.

use std::sync::Arc;

use cassandra_api::{
    conditions::{self, Wanted},
    k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition,
    v1alpha1::{CassandraCluster, CassandraClusterStatus, CassandraMember, Phase, Record},
};
use kube::{
    Api, Client, Resource as _, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::events::{Event as KubeEvent, EventType, Recorder},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

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
        if matches!(status.phase, None | Some(Phase::Ready | Phase::Creating)) {
            let phase = if error.may_pass() {
                Phase::Progressing
            } else {
                Phase::Blocked
            };
            status.phase = Some(phase);
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

/// Events for the conditions that have flipped, and for those that are wrong by another reason than before.
pub(super) fn transitions(observed: &Observed, status: &CassandraClusterStatus) -> Vec<Event> {
    let old = observed
        .cluster
        .status
        .as_ref()
        .map_or(&[][..], |status| &status.conditions);
    let event = |condition: &Condition| {
        let before = conditions::find(old, &condition.type_);
        let flipped = before.is_none_or(|before| before.status != condition.status);
        let other_reason = before.is_some_and(|before| before.reason != condition.reason);
        let bad = is_bad(condition, conditions::is_true(old, &condition.type_));
        let news = (flipped && (bad || !old.is_empty())) || (other_reason && bad);
        let note = format!(
            "{} is {}: {}",
            condition.type_, condition.status, condition.message
        );
        let make = if bad { Event::warning } else { Event::normal };
        news.then(|| make(&condition.reason, note))
    };
    let told = |condition: &&Condition| !is_told_by_another(condition);
    status
        .conditions
        .iter()
        .filter(told)
        .filter_map(event)
        .collect()
}

/// Whether something is wrong if a condition says this now.
fn is_bad(condition: &Condition, was_true: bool) -> bool {
    match (condition.type_.as_str(), condition.status.as_str()) {
        (conditions::DEGRADED, status) => status == "True",
        (conditions::AVAILABLE, "False") => was_true,
        (conditions::VALID | conditions::DURABLE, "False") => true,
        (conditions::PROGRESSING, "False") => {
            !["Settled", "Paused"].contains(&condition.reason.as_str())
        }
        _ => false,
    }
}

/// Whether the condition Valid tells the same.
fn is_told_by_another(condition: &Condition) -> bool {
    condition.type_ == conditions::PROGRESSING && condition.reason == "InvalidSpec"
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
            action: action(event),
            secondary: reference(&event.related),
        };
        tracing::info!(reason = event.reason, about = about.name, "{}", event.note);
        if let Err(error) = recorder.publish(&published, &about).await {
            tracing::warn!(cluster = observed.cluster.name_any(), %error, "failed to publish an event");
        }
    }
}

/// What is being done, other for each text: of events that are alike in all else the recorder keeps the first text and
/// counts the others (kube `Recorder`, `EventKey`).
fn action(event: &Event) -> String {
    let digest = Sha256::digest(&event.note);
    let digest = digest.iter().take(4);
    let digest = digest.fold(0_u32, |digest, byte| (digest << 8) | u32::from(*byte));
    format!("{}-{digest:08x}", event.action)
}
