//! What a new value adds, removes and modifies, and which fields a value consists of.
#![expect(clippy::wildcard_enum_match_arm, reason = "all other types are leaves")]

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::set::{Set, Step};
use crate::kubernetes::schema::{Merge, Type};

/// The fields in which two values differ.
#[derive(Clone, Debug, Default)]
pub(super) struct Difference {
    pub(super) removed: Set,
    pub(super) modified: Set,
    pub(super) added: Set,
}

/// How a value is merged, once it is known which value it is.
pub(super) enum Shape<'a> {
    Leaf,
    Map,
    List(&'a Arc<Type>, &'a Merge),
}

static ANY: std::sync::LazyLock<Arc<Type>> = std::sync::LazyLock::new(|| Arc::new(Type::Any));

/// The type of the field `name` of a value of this type.
pub(super) fn child<'a>(ty: &'a Type, name: &str) -> &'a Arc<Type> {
    ty.child(name).unwrap_or(&ANY)
}

/// The shape of a value of this type.
pub(super) fn shape<'a>(ty: &'a Type, value: Option<&Value>) -> Shape<'a> {
    match ty {
        Type::Record(record) if !record.atomic => Shape::Map,
        Type::Map { atomic: false, .. } => Shape::Map,
        Type::List { element, merge } if *merge != Merge::Atomic => Shape::List(element, merge),
        Type::Any if value.is_some_and(Value::is_object) => Shape::Map,
        _ => Shape::Leaf,
    }
}

impl Difference {
    /// From the old value to the new one.
    pub(super) fn between(old: &Value, new: &Value, ty: &Type) -> Self {
        let mut difference = Self::default();
        difference.walk(Some(old), Some(new), ty, &mut Vec::new());
        difference
    }

    pub(super) fn changed(&self, filter: impl Fn(&Set) -> Set) -> Self {
        Self {
            removed: filter(&self.removed),
            modified: filter(&self.modified),
            added: filter(&self.added),
        }
    }

    fn walk(&mut self, old: Option<&Value>, new: Option<&Value>, ty: &Type, path: &mut Vec<Step>) {
        if old == new {
            return;
        }
        let (before, after) = (shape(ty, old.or(new)), shape(ty, new.or(old)));
        let same = std::mem::discriminant(&before) == std::mem::discriminant(&after);
        let mut leaf = self.by_shape(&after, old, new, ty, path);
        if !same {
            leaf |= self.by_shape(&before, old, new, ty, path);
        }
        if !leaf {
            match (old, new) {
                (None, _) => self.added.insert(path),
                (_, None) => self.removed.insert(path),
                _ => {}
            }
        }
    }

    /// Whether it was a leaf.
    fn by_shape(
        &mut self,
        shape: &Shape<'_>,
        old: Option<&Value>,
        new: Option<&Value>,
        ty: &Type,
        path: &mut Vec<Step>,
    ) -> bool {
        let empty = is_empty(old) && is_empty(new);
        match shape {
            Shape::Map if !empty => {
                self.maps(old, new, ty, path);
                false
            }
            Shape::List(element, merge) if !empty => {
                self.lists(old, new, element, merge, path);
                false
            }
            Shape::Leaf | Shape::Map | Shape::List(..) => {
                match (old, new) {
                    (None, _) => self.added.insert(path),
                    (_, None) => self.removed.insert(path),
                    _ => self.modified.insert(path),
                }
                true
            }
        }
    }

    fn maps(&mut self, old: Option<&Value>, new: Option<&Value>, ty: &Type, path: &mut Vec<Step>) {
        let (old, new) = (
            old.and_then(Value::as_object),
            new.and_then(Value::as_object),
        );
        for (name, before) in old.into_iter().flatten() {
            let after = new.and_then(|new| new.get(name));
            path.push(Step::field(name));
            self.walk(Some(before), after, child(ty, name), path);
            path.pop();
        }
        for (name, after) in new.into_iter().flatten() {
            if old.is_none_or(|old| !old.contains_key(name)) {
                path.push(Step::field(name));
                self.walk(None, Some(after), child(ty, name), path);
                path.pop();
            }
        }
    }

    fn lists(
        &mut self,
        old: Option<&Value>,
        new: Option<&Value>,
        element: &Type,
        merge: &Merge,
        path: &mut Vec<Step>,
    ) {
        let (old, new) = (by_step(old, element, merge), by_step(new, element, merge));
        let steps: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
        for step in steps {
            let before = old.get(step).map_or(&[][..], Vec::as_slice);
            let after = new.get(step).map_or(&[][..], Vec::as_slice);
            path.push(step.clone());
            match (before, after) {
                ([] | [_], [] | [_]) => {
                    self.walk(
                        before.first().copied(),
                        after.first().copied(),
                        element,
                        path,
                    );
                }
                ([_, _, ..], [_, _, ..]) => {
                    if before != after {
                        self.modified.insert(path);
                    }
                }
                ([_, _, ..], _) => {
                    if let Some(after) = after.first() {
                        self.walk(None, Some(after), element, path);
                    }
                    self.removed.insert(path);
                }
                (_, [_, _, ..]) => {
                    if let Some(before) = before.first() {
                        self.walk(Some(before), None, element, path);
                    }
                    self.added.insert(path);
                }
            }
            path.pop();
        }
    }
}

fn by_step<'a>(
    list: Option<&'a Value>,
    element: &Type,
    merge: &Merge,
) -> BTreeMap<Step, Vec<&'a Value>> {
    let mut found: BTreeMap<Step, Vec<&Value>> = BTreeMap::new();
    for value in list.and_then(Value::as_array).into_iter().flatten() {
        if let Some(step) = Step::to_element(value, element, merge) {
            found.entry(step).or_default().push(value);
        }
    }
    found
}

pub(super) fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => false,
    }
}

/// The fields that a value consists of.
pub(super) fn fields_of(value: &Value, ty: &Type) -> Set {
    let mut set = Set::default();
    collect(value, ty, &mut Vec::new(), &mut set);
    set
}

fn collect(value: &Value, ty: &Type, path: &mut Vec<Step>, into: &mut Set) {
    match shape(ty, Some(value)) {
        Shape::Leaf => into.insert(path),
        Shape::Map => {
            for (name, below) in value.as_object().into_iter().flatten() {
                path.push(Step::field(name));
                collect(below, child(ty, name), path, into);
                let empty =
                    below.is_null() || below.as_object().is_some_and(serde_json::Map::is_empty);
                if empty || !ty.names(name) {
                    into.insert(path);
                }
                path.pop();
            }
        }
        Shape::List(element, merge) => {
            for (step, values) in by_step(Some(value), element, merge) {
                path.push(step);
                if let [value] = values.as_slice() {
                    collect(value, element, path, into);
                }
                into.insert(path);
                path.pop();
            }
        }
    }
}
