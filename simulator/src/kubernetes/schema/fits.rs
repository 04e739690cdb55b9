//! Whether an applied configuration is of its type. Server-side apply takes no unknown field.

use serde_json::Value;

use super::{Merge, Type};
use crate::kubernetes::fields::Step;

/// The error is the path and what is wrong there.
pub(crate) fn fits(value: &Value, ty: &Type) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    match (ty, value) {
        (Type::Record(record), Value::Object(map)) => map.iter().try_for_each(|(name, value)| {
            let below = record
                .fields
                .get(name)
                .map(|field| &field.ty)
                .or(record.rest.as_ref());
            // Every object says what it is.
            let Some(below) = below else {
                return match name.as_str() {
                    "apiVersion" | "kind" => Ok(()),
                    _ => Err(format!(".{name}: field not declared in schema")),
                };
            };
            fits(value, below).map_err(|error| format!(".{name}{error}"))
        }),
        (Type::Map { element, .. }, Value::Object(map)) => {
            map.iter().try_for_each(|(name, value)| {
                fits(value, element).map_err(|error| format!(".{name}{error}"))
            })
        }
        (Type::List { element, merge }, Value::Array(list)) => {
            if let Merge::Keyed(keys) = merge {
                let lacks = |value: &Value| keys.iter().all(|key| value.get(key).is_none());
                if list.iter().any(lacks) {
                    return Err(": an element without its keys".into());
                }
            }
            let mut steps = std::collections::BTreeSet::new();
            let mut found = list
                .iter()
                .filter_map(|value| Step::to_element(value, element, merge));
            if found.any(|step| !steps.insert(step)) {
                return Err(": duplicate entries".into());
            }
            list.iter().try_for_each(|value| fits(value, element))
        }
        (Type::Flag, Value::Bool(_))
        | (Type::Whole | Type::Number, Value::Number(_))
        | (Type::Text | Type::Time | Type::MicroTime, Value::String(_))
        | (Type::Quantity | Type::IntOrString, Value::Number(_) | Value::String(_))
        | (Type::Any | Type::Opaque, _) => Ok(()),
        _ => Err(format!(": unexpected {value}")),
    }
}
