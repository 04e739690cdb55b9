//! Writes what the plan says of the cluster, if it differs from what is there, and tells of it in events.

use std::sync::Arc;

use cassandra_api::{
    conditions::{self, Wanted},
    rules::{Rule, Waiting},
    v1alpha1::{
        Blocked, CassandraCluster, CassandraClusterStatus, CassandraMember, MOST_BLOCKED, Phase,
        Record,
    },
};
use kube::{
    Api, Client, Resource as _, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::events::{Event as KubeEvent, EventType, Recorder},
};
use serde_json::json;

use super::{
    Error,
    act::{Acted, Owner},
    error::in_time,
    observe::Observed,
    plan::Event,
};
use crate::{fields, runtime::ErrorClass};

/// Longest note of an event (Kubernetes API: `events.k8s.io/v1`, `note`).
const LONGEST_NOTE: usize = 1024;

/// The status, with what came of carrying the plan out.
pub(super) fn conclude(
    observed: &Observed,
    mut status: CassandraClusterStatus,
    acted: &Acted,
    failure: Option<&Error>,
) -> CassandraClusterStatus {
    match failure {
        None => {
            for (kind, name) in acted.names_taken.iter().take(3) {
                let particulars = format!("{kind:?} {name} is not this cluster's");
                let waiting = Waiting::on(Rule::NameIsFree, particulars);
                status.blocked.insert(0, block(observed, waiting));
                status.phase = Some(Phase::Blocked);
            }
            status.blocked.truncate(MOST_BLOCKED);
        }
        // Somebody was faster; it is decided anew at once.
        Some(error) if error.class() == ErrorClass::Conflict => {}
        Some(error) => {
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
        }
    }
    status.conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
    status
}

fn block(observed: &Observed, waiting: Waiting) -> Blocked {
    let said = observed
        .cluster
        .status
        .as_ref()
        .map_or(&[][..], |status| &status.blocked);
    let before = said
        .iter()
        .find(|blocked| blocked.member.is_none() && blocked.rule == waiting.rule);
    Blocked {
        member: None,
        rule: waiting.rule,
        message: waiting.message,
        since: before.map_or_else(|| observed.now.clone(), |blocked| blocked.since.clone()),
    }
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

#[cfg(test)]
mod tests {
    use cassandra_api::k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
    use serde_json::json;

    use super::*;
    use crate::cluster::{kinds::Kind, kinds::Owned, observe::UserConfig};

    fn observed() -> Observed {
        let cluster = json!({
            "apiVersion": "cassandra-operator.rs/v1alpha1",
            "kind": "CassandraCluster",
            "metadata": { "name": "orders", "namespace": "shop" },
            "spec": { "racks": [], "storage": {} },
        });
        Observed {
            now: Time(Timestamp::UNIX_EPOCH),
            cluster: Arc::new(serde_json::from_value(cluster).unwrap()),
            operator_image: "operator:1".into(),
            user_config: UserConfig::None,
            owned: Owned::default(),
        }
    }

    #[test]
    fn names_that_are_taken_come_first_and_the_list_stays_within_the_schema() {
        let observed = observed();
        let waits = Waiting::on(Rule::NodeAvailable, "no node");
        let status = CassandraClusterStatus {
            blocked: vec![block(&observed, waits); MOST_BLOCKED],
            ..CassandraClusterStatus::default()
        };
        let names_taken = ["one", "two"].map(|name| (Kind::Service, name.to_owned()));
        let acted = Acted {
            names_taken: names_taken.into(),
            ..Acted::default()
        };
        let status = conclude(&observed, status, &acted, None);
        assert_eq!(status.blocked.len(), MOST_BLOCKED);
        let first = status.blocked.iter().take(2).map(|blocked| blocked.rule);
        assert!(first.eq([Rule::NameIsFree, Rule::NameIsFree]));
        assert_eq!(status.phase, Some(Phase::Blocked));
    }
}
