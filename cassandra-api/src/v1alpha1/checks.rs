//! What garde checks of a cluster's spec beside bounds: what goes across fields, and what belongs to the operator.
//! Each message names what is accepted.
#![allow(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "garde hands over a reference to the field"
)]

use std::collections::{BTreeMap, BTreeSet};

use garde::Error;
use serde_json::Value;

use super::syntax::{self, Syntax};
use crate::{names, owned_keys, quantity::Quantity};

/// What a check needs that is not in the field itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    cluster: String,
    memory_limit: Option<i128>,
}

impl Scope {
    /// For the spec of a cluster of this name, whose members have this memory limit.
    pub fn new(cluster: &str, memory_limit: Option<&Quantity>) -> Self {
        Self {
            cluster: cluster.into(),
            memory_limit: memory_limit.and_then(Quantity::units),
        }
    }
}

pub(super) fn refuse(problem: impl AsRef<str>) -> garde::Result {
    Err(Error::new(problem.as_ref()))
}

/// A text that looks so. One that is empty is refused by its length, where it is.
pub(super) fn written(syntax: &'static Syntax) -> impl Fn(&str, &Scope) -> garde::Result {
    move |text, _| {
        if text.is_empty() || syntax.accepts(text) {
            Ok(())
        } else {
            refuse(syntax.words())
        }
    }
}

/// Labels as nodes can have them.
pub(super) fn node_selector(labels: &BTreeMap<String, String>, _: &Scope) -> garde::Result {
    for (key, value) in labels {
        if !syntax::LABEL_KEY.accepts(key) {
            return refuse(format!("each key {}", syntax::LABEL_KEY.words()));
        }
        if value.len() > 63 || !syntax::LABEL_VALUE.accepts(value) {
            return refuse(format!("each value {}", syntax::LABEL_VALUE.words()));
        }
    }
    Ok(())
}

/// A release that the operator knows, unless there is an image.
pub(super) fn release(has_image: bool) -> impl FnOnce(&Option<String>, &Scope) -> garde::Result {
    move |version, _| match version {
        _ if has_image => Ok(()),
        None => refuse("set it (for instance 5.0.9), or spec.image"),
        Some(version) if is_known(version) => Ok(()),
        Some(version) => refuse(format!(
            "{version} is none of 4.0.x, 4.1.x and 5.0.x: set spec.image as well"
        )),
    }
}

fn is_known(version: &str) -> bool {
    let patch = ["4.0.", "4.1.", "5.0."]
        .iter()
        .find_map(|minor| version.strip_prefix(minor));
    patch.is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
}

/// No name twice.
pub(super) fn unique<'a>(things: &str, mut names: impl Iterator<Item = &'a str>) -> garde::Result {
    let mut seen = BTreeSet::new();
    match names.find(|name| !seen.insert(*name)) {
        None => Ok(()),
        Some(name) => refuse(format!(
            "there are two {things} of the name {name}; each needs a name of its own"
        )),
    }
}

/// Members of the rack get names that Kubernetes accepts.
pub(super) fn rack_name(rack: &str, scope: &Scope) -> garde::Result {
    if names::fits(&scope.cluster, rack) {
        return Ok(());
    }
    refuse(format!(
        "members would have names that Kubernetes refuses: the cluster's name has at most {} characters, and \
         with the rack's at most {}",
        names::MAX_CLUSTER_NAME,
        names::MAX_CLUSTER_AND_RACK_NAME,
    ))
}

/// A size, unless there are no volumes.
pub(super) fn size(ephemeral: bool) -> impl FnOnce(&Option<Quantity>, &Scope) -> garde::Result {
    move |size, _| match size {
        None if ephemeral => Ok(()),
        None => refuse("set it, for instance 100Gi"),
        Some(size) if is_amount(size) => Ok(()),
        Some(size) => refuse(format!("{size} is not a size such as 100Gi")),
    }
}

/// Volumes are taken over only where there are volumes.
pub(super) fn adoption(ephemeral: bool) -> impl FnOnce(&bool, &Scope) -> garde::Result {
    move |adopt, _| {
        if *adopt && ephemeral {
            return refuse("it can't be set with spec.storage.ephemeral");
        }
        Ok(())
    }
}

/// A quantity, if there is one.
pub(super) fn quantity(amount: &Option<Quantity>, _: &Scope) -> garde::Result {
    match amount {
        Some(amount) if !amount.is_valid() => {
            refuse(format!("{amount} is not a quantity such as 500m or 4Gi"))
        }
        _ => Ok(()),
    }
}

/// A quantity that is not negative, if there is one.
pub(super) fn amount(amount: &Option<Quantity>, scope: &Scope) -> garde::Result {
    match amount.as_ref().and_then(Quantity::milli) {
        Some(milli) if milli < 0 => refuse("must not be negative"),
        _ => quantity(amount, scope),
    }
}

/// A memory limit, which the heap follows.
pub(super) fn memory_limit(memory: Option<&Quantity>) -> garde::Result {
    match memory {
        None => refuse("memory is required, for instance 4Gi: the heap follows it"),
        Some(memory) if memory.is_valid() && !is_amount(memory) => {
            refuse("memory must be more than 0: the heap follows it")
        }
        // One that is no quantity is refused where it stands.
        Some(_) => Ok(()),
    }
}

/// A heap below the memory limit, if there is one.
pub(super) fn heap(heap: &Option<Quantity>, scope: &Scope) -> garde::Result {
    let (Some(heap), Some(limit)) = (heap, scope.memory_limit) else {
        return quantity(heap, scope);
    };
    if is_amount(heap) && heap.units().is_some_and(|bytes| bytes < limit) {
        return Ok(());
    }
    refuse(format!(
        "{heap} must be a size below the memory limit of {limit} bytes"
    ))
}

/// One option, and not one of the operator's own.
pub(super) fn jvm_option(option: &str, _: &Scope) -> garde::Result {
    if !option.starts_with('-') || option.contains('\n') {
        return refuse("it must be one option, beginning with a hyphen");
    }
    match owned_keys::in_jvm_options(option) {
        None => Ok(()),
        Some(owned) => refuse(format!(
            "{option} is owned by the operator: {}",
            owned.instead
        )),
    }
}

/// None of the operator's own keys.
pub(super) fn settings(settings: &BTreeMap<String, Value>, _: &Scope) -> garde::Result {
    let owned: Vec<_> = settings
        .keys()
        .filter_map(|key| owned_keys::in_cassandra_yaml(key))
        .map(|owned| format!("{} is owned by the operator: {}", owned.key, owned.instead))
        .collect();
    if owned.is_empty() {
        Ok(())
    } else {
        refuse(owned.join("; "))
    }
}

fn is_amount(quantity: &Quantity) -> bool {
    quantity.is_valid() && quantity.units().is_some_and(|units| units > 0)
}
