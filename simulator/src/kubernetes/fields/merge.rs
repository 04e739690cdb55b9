//! Laying an applied configuration over what is there, and taking fields out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{
    compare::{Shape, child, is_empty, shape},
    set::{Set, Step},
};
use crate::kubernetes::schema::{Merge, Type};

/// What is there with the configuration laid over it. The error is a list with two elements of one key.
pub(super) fn merge(
    old: Option<&Value>,
    new: Option<&Value>,
    ty: &Type,
) -> Result<Option<Value>, String> {
    let which = new.or(old);
    let nothing = is_empty(old) && is_empty(new);
    match shape(ty, which) {
        Shape::Map if !nothing => merge_maps(old, new, ty),
        Shape::List(element, rule) if !nothing => merge_lists(old, new, element, rule),
        Shape::Leaf | Shape::Map | Shape::List(..) => Ok(which.cloned()),
    }
}

fn merge_maps(
    old: Option<&Value>,
    new: Option<&Value>,
    ty: &Type,
) -> Result<Option<Value>, String> {
    let (old, new) = (
        old.and_then(Value::as_object),
        new.and_then(Value::as_object),
    );
    let mut out = Map::new();
    for (name, before) in old.into_iter().flatten() {
        let after = new.and_then(|new| new.get(name));
        let merged = match after {
            None => Some(before.clone()),
            Some(_) => merge(Some(before), after, child(ty, name))?,
        };
        if let Some(merged) = merged {
            out.insert(name.clone(), merged);
        }
    }
    for (name, after) in new.into_iter().flatten() {
        if old.is_none_or(|old| !old.contains_key(name))
            && let Some(merged) = merge(None, Some(after), child(ty, name))?
        {
            out.insert(name.clone(), merged);
        }
    }
    Ok((!out.is_empty()).then_some(Value::Object(out)))
}

/// The configuration's order counts; what it does not have stays about where it was.
fn merge_lists(
    old: Option<&Value>,
    new: Option<&Value>,
    element: &Type,
    rule: &Merge,
) -> Result<Option<Value>, String> {
    let before = indexed(old, element, rule);
    let after = indexed(new, element, rule);
    let wanted: BTreeMap<&Step, &Value> =
        after.iter().map(|(step, value)| (step, *value)).collect();
    if wanted.len() != after.len() {
        return Err("duplicate entries for a key".into());
    }
    let mut known: BTreeMap<&Step, Option<&Value>> = BTreeMap::new();
    for (step, value) in &before {
        // Of elements that are there twice none is merged.
        known
            .entry(step)
            .and_modify(|found| *found = None)
            .or_insert(Some(value));
    }
    let mut shared = after
        .iter()
        .map(|(step, _)| step)
        .filter(|step| known.contains_key(step));
    let mut next = shared.next();
    let mut done = BTreeSet::new();
    let mut out = Vec::new();
    let (mut left, mut right) = (before.iter().peekable(), after.iter().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (None, None) => break,
            (Some((step, _)), Some((same, value))) if step == same => {
                out.extend(merge(
                    known.get(step).copied().flatten(),
                    Some(value),
                    element,
                )?);
                done.insert(step);
                left.next();
                right.next();
                next = shared.next();
                continue;
            }
            (Some((step, _)), Some(_))
                if wanted.contains_key(step) && next.is_some_and(|n| n != step) =>
            {
                left.next();
                continue;
            }
            _ => {}
        }
        if let Some((step, value)) = left.peek() {
            if !wanted.contains_key(step) {
                out.push((*value).clone());
                left.next();
                continue;
            }
            if done.contains(step) {
                left.next();
            }
        }
        if let Some((step, value)) = right.next() {
            out.extend(merge(
                known.get(step).copied().flatten(),
                Some(value),
                element,
            )?);
            done.insert(step);
            if next == Some(step) {
                next = shared.next();
            }
        }
    }
    Ok((!out.is_empty()).then_some(Value::Array(out)))
}

fn indexed<'a>(list: Option<&'a Value>, element: &Type, rule: &Merge) -> Vec<(Step, &'a Value)> {
    let values = list.and_then(Value::as_array).into_iter().flatten();
    values
        .filter_map(|value| Some((Step::to_element(value, element, rule)?, value)))
        .collect()
}

/// The value without these fields. None: nothing is left.
pub(super) fn remove(value: &Value, fields: &Set, ty: &Type) -> Option<Value> {
    match shape(ty, Some(value)) {
        Shape::Leaf => match value {
            // Of a list or object that is one leaf nothing is left.
            Value::Array(_) | Value::Object(_) => None,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Some(value.clone())
            }
        },
        Shape::Map => {
            let mut out = Map::new();
            for (name, below) in value.as_object()? {
                let step = Step::field(name);
                if fields.has(&step) {
                    continue;
                }
                let kept = match fields.below(&step) {
                    Some(fields) => remove(below, fields, child(ty, name)).unwrap_or(Value::Null),
                    None => below.clone(),
                };
                out.insert(name.clone(), kept);
            }
            (!out.is_empty()).then_some(Value::Object(out))
        }
        Shape::List(element, rule) => {
            let mut out = Vec::new();
            for below in value.as_array()? {
                let step = Step::to_element(below, element, rule);
                if step.as_ref().is_some_and(|step| fields.has(step)) {
                    continue;
                }
                let inner = step.as_ref().and_then(|step| fields.below(step));
                out.push(match inner {
                    Some(fields) => remove(below, fields, element).unwrap_or(Value::Null),
                    None => below.clone(),
                });
            }
            (!out.is_empty()).then_some(Value::Array(out))
        }
    }
}
