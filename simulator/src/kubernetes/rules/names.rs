//! The rules of `metadata`, which are the same for all kinds but for the form of names.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "of many kinds few are particular"
)]

use serde_json::Value;

use crate::json::At as _;
use crate::kubernetes::{
    catalogue::{Family, Resource},
    refusal::Cause,
};

fn is_part(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// Whether this is a label of the domain name system.
pub(super) fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_part(text)
}

fn is_domain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_part)
}

fn is_name(family: Family, name: &str) -> bool {
    match family {
        Family::Service => is_label(name) && name.starts_with(|c: char| c.is_ascii_lowercase()),
        Family::Namespace | Family::StatefulSet => is_label(name),
        Family::PodDisruptionBudget
        | Family::Role
        | Family::RoleBinding
        | Family::ClusterRole
        | Family::ClusterRoleBinding => !name.contains(['/', '%']) && name != "." && name != "..",
        _ => is_domain(name),
    }
}

/// A name with an optional domain before it.
fn is_qualified(text: &str) -> bool {
    let (prefix, name) = text
        .split_once('/')
        .map_or((None, text), |(p, n)| (Some(p), n));
    prefix.is_none_or(is_domain) && is_value(name) && !name.is_empty()
}

/// What a label may be.
fn is_value(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let ends = |c: char| c.is_ascii_alphanumeric();
    text.is_empty()
        || (text.len() <= 63
            && text.chars().all(inner)
            && text.starts_with(ends)
            && text.ends_with(ends))
}

/// What is wrong with an object's metadata.
pub(crate) fn metadata(resource: &Resource, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let field = |name: &str| {
        object
            .get("metadata")
            .and_then(|metadata| metadata.get(name))
    };
    let name = field("name").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() {
        causes.push(Cause::required("metadata.name"));
    } else if !is_name(resource.family, name) {
        causes.push(Cause::invalid("metadata.name", name));
    }
    for (key, value) in field("labels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        if !is_qualified(key) || !value.as_str().is_some_and(is_value) {
            causes.push(Cause::invalid("metadata.labels", key));
        }
    }
    for (key, _) in field("annotations")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        if !is_qualified(&key.to_lowercase()) {
            causes.push(Cause::invalid("metadata.annotations", key));
        }
    }
    for finalizer in field("finalizers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let text = finalizer.as_str().unwrap_or_default();
        let known = ["orphan", "foregroundDeletion"].contains(&text);
        if !is_qualified(text) {
            causes.push(Cause::invalid("metadata.finalizers", text));
        } else if !text.contains('/') && !known && resource.family != Family::Namespace {
            let message = "name is neither a standard finalizer name nor is it fully qualified";
            causes.push(Cause::invalid("metadata.finalizers[0]", message));
        }
    }
    causes.extend(owners(field("ownerReferences")));
    causes
}

fn owners(references: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let list = references
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    for reference in list {
        for name in ["apiVersion", "kind", "name", "uid"] {
            if reference.get(name).is_none_or(super::is_empty) {
                let path = format!(
                    "metadata.ownerReferences.{}",
                    name.replace("apiVersion", "version")
                );
                causes.push(Cause::invalid(&path, "must not be empty"));
            }
        }
    }
    let controls = |reference: &&Value| reference.get("controller") == Some(&Value::Bool(true));
    if list.iter().filter(controls).count() > 1 {
        let message = "Only one reference can have Controller set to true";
        causes.push(Cause::invalid("metadata.ownerReferences", message));
    }
    causes
}

/// What is wrong with a change of metadata.
pub(crate) fn metadata_change(old: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let field = |object: &Value, name: &str| object.at(&format!("/metadata/{name}")).cloned();
    for name in [
        "name",
        "namespace",
        "uid",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        if field(old, name) != field(new, name) {
            causes.push(Cause::invalid(
                &format!("metadata.{name}"),
                "field is immutable",
            ));
        }
    }
    if field(old, "deletionTimestamp").is_some() {
        let there = field(old, "finalizers");
        let there = there
            .as_ref()
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let wanted = field(new, "finalizers");
        let wanted = wanted
            .as_ref()
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        if wanted
            .into_iter()
            .any(|finalizer| !there.contains(finalizer))
        {
            let message = "no new finalizers can be added if the object is being deleted";
            causes.push(Cause::forbidden("metadata.finalizers", message));
        }
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_form_of_their_kind() {
        assert!(
            is_name(Family::Pod, "a.b-c")
                && !is_name(Family::Pod, "A")
                && !is_name(Family::Pod, "-a")
        );
        assert!(!is_name(Family::Service, "a.b") && !is_name(Family::Service, "1a"));
        assert!(is_name(Family::Role, "a:b"));
    }
}
