//! A set of fields: a tree, as `fieldsV1` writes it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Map, Value, json};

use crate::kubernetes::schema::{Merge, Type};

/// One step of the way to a field. Values are kept as JSON text, which has an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Field(Arc<str>),
    Key(Vec<(String, String)>),
    Value(String),
}

impl Step {
    pub(crate) fn field(name: &str) -> Self {
        Self::Field(name.into())
    }

    /// The step to an element of a list that is merged. None: the element has no place in such a list.
    pub(crate) fn to_element(value: &Value, element: &Type, merge: &Merge) -> Option<Self> {
        match merge {
            Merge::Atomic => None,
            Merge::Set => match value {
                Value::Null | Value::Array(_) | Value::Object(_) => None,
                Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    Some(Self::Value(value.to_string()))
                }
            },
            Merge::Keyed(keys) => {
                let map = value.as_object()?;
                let mut found: Vec<_> = keys
                    .iter()
                    .filter_map(|key| Some((key.clone(), key_of(map, key, element)?)))
                    .collect();
                found.sort();
                (!found.is_empty()).then_some(Self::Key(found))
            }
        }
    }

    fn write(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Value(text) => format!("v:{text}"),
            Self::Key(keys) => {
                let entries: Vec<_> = keys
                    .iter()
                    .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())))
                    .collect();
                format!("k:{{{}}}", entries.join(","))
            }
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Self::field(rest)),
            "v" => Some(Self::Value(rest.to_owned())),
            "k" => {
                let map: Map<String, Value> = serde_json::from_str(rest).ok()?;
                let mut keys: Vec<_> = map.into_iter().map(|(k, v)| (k, v.to_string())).collect();
                keys.sort();
                Some(Self::Key(keys))
            }
            _ => None,
        }
    }
}

fn key_of(map: &Map<String, Value>, key: &str, element: &Type) -> Option<String> {
    if let Some(value) = map.get(key) {
        return Some(value.to_string());
    }
    let Type::Record(record) = element else {
        return None;
    };
    Some(record.fields.get(key)?.default.as_ref()?.to_string())
}

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Set {
    members: BTreeSet<Step>,
    children: BTreeMap<Step, Self>,
}

impl Set {
    /// The set of the fields at these paths of names.
    pub(crate) fn of(paths: &[&[&str]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            let steps: Vec<_> = path.iter().map(|name| Step::field(name)).collect();
            set.insert(&steps);
        }
        set
    }

    pub(crate) fn insert(&mut self, path: &[Step]) {
        match path {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => {
                if !self.children.contains_key(first) {
                    self.children.insert(first.clone(), Self::default());
                }
                if let Some(child) = self.children.get_mut(first) {
                    child.insert(rest);
                }
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.values().all(Self::is_empty)
    }

    pub(crate) fn has(&self, step: &Step) -> bool {
        self.members.contains(step)
    }

    pub(crate) fn below(&self, step: &Step) -> Option<&Self> {
        self.children.get(step).filter(|set| !set.is_empty())
    }

    pub(crate) fn union(mut self, other: &Self) -> Self {
        self.members.extend(other.members.iter().cloned());
        for (step, child) in &other.children {
            let mine = self.children.remove(step).unwrap_or_default();
            self.children.insert(step.clone(), mine.union(child));
        }
        self
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let children = self.children.iter().filter_map(|(step, child)| {
            let both = child.intersection(other.children.get(step)?);
            (!both.is_empty()).then(|| (step.clone(), both))
        });
        Self {
            members: self.members.intersection(&other.members).cloned().collect(),
            children: children.collect(),
        }
    }

    pub(crate) fn difference(&self, other: &Self) -> Self {
        let children = self.children.iter().filter_map(|(step, child)| {
            let left = match other.children.get(step) {
                Some(taken) => child.difference(taken),
                None => child.clone(),
            };
            (!left.is_empty()).then(|| (step.clone(), left))
        });
        Self {
            members: self.members.difference(&other.members).cloned().collect(),
            children: children.collect(),
        }
    }

    /// Without these fields and all that is below them.
    pub(crate) fn without(&self, other: &Self) -> Self {
        let kept = self
            .children
            .iter()
            .filter(|(step, _)| !other.members.contains(step));
        let children = kept.filter_map(|(step, child)| {
            let left = match other.children.get(step) {
                Some(taken) => child.without(taken),
                None => child.clone(),
            };
            (!left.is_empty()).then(|| (step.clone(), left))
        });
        Self {
            members: self.members.difference(&other.members).cloned().collect(),
            children: children.collect(),
        }
    }

    /// With a record's fields as members if something below them is.
    pub(crate) fn with_named(&self, ty: &Type) -> Self {
        let mut members = self.members.clone();
        let children = self.children.iter().map(|(step, child)| {
            if let Step::Field(name) = step
                && ty.names(name)
            {
                members.insert(step.clone());
            }
            let below = match (step, ty) {
                (Step::Field(name), _) => ty.child(name),
                (_, Type::List { element, .. }) => Some(element),
                _ => None,
            };
            let below = below.map_or(&Type::Any, AsRef::as_ref);
            (step.clone(), child.with_named(below))
        });
        let children = children.collect();
        Self { members, children }
    }

    /// The paths of its members, for messages and causes.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect("", &mut paths);
        paths
    }

    fn collect(&self, prefix: &str, into: &mut Vec<String>) {
        let name = |step: &Step| match step {
            Step::Field(name) => format!("{prefix}.{name}"),
            Step::Value(text) => format!("{prefix}[={text}]"),
            Step::Key(keys) => {
                let keys: Vec<_> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
                format!("{prefix}[{}]", keys.join(","))
            }
        };
        into.extend(self.members.iter().map(name));
        for (step, child) in &self.children {
            child.collect(&name(step), into);
        }
    }

    /// As `fieldsV1`.
    pub(crate) fn write(&self) -> Value {
        Value::Object(self.entries(false))
    }

    fn entries(&self, is_member: bool) -> Map<String, Value> {
        let mut map = Map::new();
        if is_member && !(self.members.is_empty() && self.children.is_empty()) {
            map.insert(".".into(), json!({}));
        }
        for step in &self.members {
            map.insert(step.write(), json!({}));
        }
        for (step, child) in &self.children {
            let entries = child.entries(self.members.contains(step));
            map.insert(step.write(), Value::Object(entries));
        }
        map
    }

    /// From `fieldsV1`.
    pub(crate) fn read(value: &Value) -> Self {
        let mut set = Self::default();
        for (key, below) in value.as_object().into_iter().flatten() {
            let Some(step) = Step::read(key) else {
                continue;
            };
            let child = Self::read(below);
            let is_leaf = below.as_object().is_none_or(Map::is_empty);
            if is_leaf || below.get(".").is_some() {
                set.members.insert(step.clone());
            }
            if !child.is_empty() {
                set.children.insert(step, child);
            }
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_read_as_it_was_written() {
        let written = json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}},
            "f:spec": {"f:ports": {"k:{\"port\":7000,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}},
                "f:finalizers": {"v:\"x/y\"": {}}}});
        assert_eq!(Set::read(&written).write(), written);
    }

    #[test]
    fn difference_keeps_what_is_below_and_without_does_not() {
        let set = Set::read(&json!({"f:a": {".": {}, "f:b": {}}}));
        let a = Set::of(&[&["a"]]);
        assert_eq!(set.difference(&a).write(), json!({"f:a": {"f:b": {}}}));
        assert!(set.without(&a).is_empty());
    }
}
