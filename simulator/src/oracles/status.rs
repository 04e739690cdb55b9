//! What the status of a cluster tells.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Write, text};
use crate::json::At as _;

/// What was seen of a cluster's status.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    observed: i64,
    founder: Option<String>,
    ordinals: BTreeMap<String, i64>,
}

pub(super) fn check(write: &Write<'_>, clusters: &mut BTreeMap<String, Seen>) -> Vec<String> {
    let (Some(new), "CassandraCluster") = (write.new, write.kind) else {
        return Vec::new();
    };
    let seen = clusters
        .entry(text(new, "/metadata/uid").to_owned())
        .or_default();
    let mut found = Vec::new();
    found.extend(generations_rise(write, new, seen));
    found.extend(one_founder(write, new, seen));
    found.extend(ordinals_rise(write, new, seen));
    found.extend(times_follow_conditions(write, new));
    found
}

/// S37: the generation that was looked at only rises, and never beyond what there is.
fn generations_rise(write: &Write<'_>, new: &Value, seen: &mut Seen) -> Option<String> {
    let number = |pointer| new.at(pointer).and_then(Value::as_i64).unwrap_or(0);
    let (observed, generation) = (
        number("/status/observedGeneration"),
        number("/metadata/generation"),
    );
    let before = std::mem::replace(&mut seen.observed, observed);
    (observed < before || observed > generation).then(|| {
        format!(
            "S37: {} observed {observed} after {before}, of {generation}",
            write.name()
        )
    })
}

/// S12: the founder is chosen once.
fn one_founder(write: &Write<'_>, new: &Value, seen: &mut Seen) -> Option<String> {
    let founder = text(new, "/status/record/founder/member");
    let founder = (!founder.is_empty()).then(|| founder.to_owned());
    let before = seen.founder.clone();
    if founder.is_some() {
        seen.founder.clone_from(&founder);
    }
    (before.is_some() && before != founder).then(|| {
        format!(
            "S12: the founder of {} was {before:?} and is {founder:?}",
            write.name()
        )
    })
}

/// S34: ordinals are never used twice.
fn ordinals_rise(write: &Write<'_>, new: &Value, seen: &mut Seen) -> Option<String> {
    let ordinals = new
        .at("/status/record/nextOrdinals")
        .and_then(Value::as_object);
    let now: BTreeMap<_, _> = ordinals
        .into_iter()
        .flatten()
        .filter_map(|(rack, next)| Some((rack.clone(), next.as_i64()?)))
        .collect();
    let fell = seen
        .ordinals
        .iter()
        .any(|(rack, next)| now.get(rack).copied().unwrap_or(0) < *next);
    let before = std::mem::replace(&mut seen.ordinals, now.clone());
    fell.then(|| {
        format!(
            "S34: the ordinals of {} were {before:?} and are {now:?}",
            write.name()
        )
    })
}

/// S39: a condition has another time exactly when it has another status.
fn times_follow_conditions(write: &Write<'_>, new: &Value) -> Option<String> {
    let conditions = |object: &Value| {
        object
            .at("/status/conditions")
            .and_then(Value::as_array)
            .cloned()
    };
    let (before, now) = (conditions(write.old?)?, conditions(new)?);
    let wrong = now.iter().find(|condition| {
        let was = before
            .iter()
            .find(|was| text(was, "/type") == text(condition, "/type"));
        was.is_some_and(|was| {
            text(was, "/status") == text(condition, "/status")
                && text(was, "/lastTransitionTime") != text(condition, "/lastTransitionTime")
        })
    })?;
    Some(format!(
        "S39: {} of {} has another time and the same status",
        text(wrong, "/type"),
        write.name()
    ))
}
