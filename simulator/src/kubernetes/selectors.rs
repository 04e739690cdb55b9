//! Label and field selectors.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    catalogue::{NAMESPACED, Resource},
    refusal::Refusal,
};
use crate::json::At as _;

/// Which objects of a kind are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    labels: Vec<Requirement>,
    fields: Vec<(String, bool, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, BTreeSet<String>),
    NotIn(String, BTreeSet<String>),
    Exists(String),
    Absent(String),
}

impl Selection {
    /// Reads both selectors of a request.
    pub(crate) fn parse(labels: &str, fields: &str, resource: &Resource) -> Result<Self, Refusal> {
        let labels = split(labels).map(|part| requirement(part.trim()));
        let unreadable = || Refusal::bad_request("unable to parse requirement");
        let labels = labels.collect::<Option<Vec<_>>>().ok_or_else(unreadable)?;
        let fields = fields.split(',').filter(|part| !part.is_empty());
        let fields = fields.map(|part| term(part, resource));
        Ok(Self {
            labels,
            fields: fields.collect::<Result<_, _>>()?,
        })
    }

    /// Whether the object is meant.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = object.at("/metadata/labels");
        let label = |name: &str| {
            labels
                .and_then(|labels| labels.get(name))
                .and_then(Value::as_str)
        };
        let by_label = self.labels.iter().all(|requirement| match requirement {
            Requirement::In(name, values) => label(name).is_some_and(|v| values.contains(v)),
            Requirement::NotIn(name, values) => label(name).is_none_or(|v| !values.contains(v)),
            Requirement::Exists(name) => label(name).is_some(),
            Requirement::Absent(name) => label(name).is_none(),
        });
        by_label
            && self.fields.iter().all(|(path, equal, value)| {
                let found = object.at(path).and_then(Value::as_str).unwrap_or_default();
                (found == value) == *equal
            })
    }
}

/// At the commas that are not in parentheses.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .filter(|part| !part.trim().is_empty())
}

fn requirement(part: &str) -> Option<Requirement> {
    if let Some(name) = part.strip_prefix('!') {
        return Some(Requirement::Absent(name.trim().into()));
    }
    let set = |list: &str| -> Option<BTreeSet<String>> {
        let inner = list.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(
            inner
                .split(',')
                .map(|value| value.trim().to_owned())
                .collect(),
        )
    };
    let one = |value: &str| BTreeSet::from([value.trim().to_owned()]);
    if let Some((name, list)) = part.split_once(" notin ") {
        return Some(Requirement::NotIn(name.trim().into(), set(list)?));
    }
    if let Some((name, list)) = part.split_once(" in ") {
        return Some(Requirement::In(name.trim().into(), set(list)?));
    }
    if let Some((name, value)) = part.split_once("!=") {
        return Some(Requirement::NotIn(name.trim().into(), one(value)));
    }
    if let Some((name, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Requirement::In(name.trim().into(), one(value)));
    }
    (!part.contains([' ', '(', ')'])).then(|| Requirement::Exists(part.into()))
}

fn term(part: &str, resource: &Resource) -> Result<(String, bool, String), Refusal> {
    let (path, equal, value) = if let Some((path, value)) = part.split_once("!=") {
        (path, false, value)
    } else {
        let split = part.split_once("==").or_else(|| part.split_once('='));
        let (path, value) = split.ok_or_else(|| Refusal::bad_request("invalid selector"))?;
        (path, true, value)
    };
    let known = match path {
        "metadata.name" => true,
        "metadata.namespace" => resource.is(NAMESPACED),
        "spec.nodeName" | "status.phase" | "spec.serviceAccountName" | "status.podIP" => {
            resource.plural == "pods"
        }
        "regarding.uid" | "reason" => resource.kind == "Event" && resource.group == "events.k8s.io",
        "spec.cluster.name" => resource.plural == "cassandramembers",
        _ => false,
    };
    if !known {
        let message = format!("field label not supported: {path}");
        return Err(Refusal::bad_request(message));
    }
    Ok((
        format!("/{}", path.replace('.', "/")),
        equal,
        value.to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubernetes::catalogue::Catalogue;

    fn matches(labels: &str, object: &Value) -> bool {
        let catalogue = Catalogue::shipped();
        let pods = catalogue.at("", "v1", "pods").unwrap();
        Selection::parse(labels, "", pods).unwrap().matches(object)
    }

    #[test]
    fn every_form_of_a_label_selector_is_understood() {
        let object = json!({"metadata": {"labels": {"a": "1", "b": "2"}}});
        for selector in [
            "a=1",
            "a==1,b",
            "a in (1,2),b!=3",
            "b notin (1, 3)",
            "!c",
            "",
        ] {
            assert!(matches(selector, &object), "{selector}");
        }
        for selector in ["a=2", "c", "a notin (1)", "!a", "c in (1)"] {
            assert!(!matches(selector, &object), "{selector}");
        }
        assert!(matches("c!=1", &object));
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let catalogue = Catalogue::shipped();
        let maps = catalogue.at("", "v1", "configmaps").unwrap();
        assert_eq!(
            Selection::parse("", "spec.x=1", maps).unwrap_err().code,
            400
        );
        assert!(Selection::parse("", "metadata.name=a", maps).is_ok());
    }
}
