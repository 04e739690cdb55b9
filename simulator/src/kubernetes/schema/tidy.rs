//! A built-in object is written as Go writes its struct: unknown fields go, empty ones that may be left out go,
//! the others appear even if nobody set them.
#![expect(clippy::wildcard_enum_match_arm, reason = "the others are never empty")]

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Field, Record, Type};

/// Brings a value into the form in which it comes back from the store, which does not tell an empty list or map from
/// none.
pub(crate) fn settle(value: &mut Value, ty: &Type) {
    match (ty, value) {
        (Type::Record(record), Value::Object(map)) => {
            for (name, field) in &record.fields {
                let Some(found) = map.get_mut(name) else {
                    continue;
                };
                settle(found, &field.ty);
                let empty = match (field.ty.as_ref(), &*found) {
                    (Type::List { .. }, Value::Array(list)) => list.is_empty(),
                    (Type::Map { .. }, Value::Object(map)) => map.is_empty(),
                    _ => false,
                };
                if empty && field.omit_empty {
                    map.remove(name);
                } else if empty {
                    *found = Value::Null;
                }
            }
        }
        (Type::List { element, .. }, Value::Array(list)) => {
            for value in list.iter_mut() {
                settle(value, element);
            }
        }
        (Type::Map { element, .. }, Value::Object(map)) => {
            for value in map.values_mut() {
                settle(value, element);
            }
        }
        _ => {}
    }
}

/// Brings a value into the form in which a real API server would have decoded and written it. The error is the path
/// and what is wrong there.
pub(crate) fn tidy(value: &mut Value, ty: &Type) -> Result<(), String> {
    match ty {
        Type::Record(record) => tidy_record(value, record),
        Type::Map { element, .. } => {
            let map = value.as_object_mut().ok_or("expected an object")?;
            for (key, value) in map.iter_mut() {
                if value.is_null() {
                    *value = zero(element);
                }
                tidy(value, element).map_err(|error| format!(".{key}{error}"))?;
            }
            Ok(())
        }
        Type::List { element, .. } => {
            let list = value.as_array_mut().ok_or("expected a list")?;
            for value in list.iter_mut() {
                if value.is_null() {
                    *value = zero(element);
                }
                tidy(value, element)?;
            }
            Ok(())
        }
        Type::Quantity => {
            let text = match &*value {
                Value::Number(number) => number.to_string(),
                Value::String(text) => text.clone(),
                _ => return Err("expected a quantity".into()),
            };
            *value = json!(quantity(&text).ok_or_else(|| format!("no quantity: {text}"))?);
            Ok(())
        }
        Type::Text if value.is_string() => Ok(()),
        Type::Time | Type::MicroTime => tidy_time(value, *ty == Type::MicroTime),
        Type::Flag if value.is_boolean() => Ok(()),
        Type::Whole if value.is_i64() || value.is_u64() => Ok(()),
        Type::Number if value.is_number() => Ok(()),
        Type::IntOrString if value.is_i64() || value.is_string() => Ok(()),
        Type::Any | Type::Opaque => Ok(()),
        Type::Text | Type::Flag | Type::Whole | Type::Number | Type::IntOrString => {
            Err(": of another type".into())
        }
    }
}

fn tidy_time(value: &mut Value, micro: bool) -> Result<(), String> {
    let text = value.as_str().ok_or("expected a time")?;
    let digits = text
        .rsplit_once('.')
        .map(|(_, rest)| rest.trim_end_matches('Z').len());
    if micro && digits != Some(6) {
        return Err(format!("no time with microseconds: {text}"));
    }
    let time: Timestamp = text.parse().map_err(|_| format!("no time: {text}"))?;
    *value = json!(if micro {
        format!("{time:.6}")
    } else {
        format!("{time:.0}")
    });
    Ok(())
}

fn tidy_record(value: &mut Value, record: &Record) -> Result<(), String> {
    let map = value.as_object_mut().ok_or("expected an object")?;
    map.retain(|key, _| record.fields.contains_key(key));
    for (name, field) in &record.fields {
        match map.get_mut(name) {
            None | Some(Value::Null) => absent(map, name, field),
            Some(found) => {
                tidy(found, &field.ty).map_err(|error| format!(".{name}{error}"))?;
                if !field.pointer && field.omit_empty && is_empty(found, field) {
                    map.remove(name);
                }
            }
        }
    }
    Ok(())
}

fn absent(map: &mut Map<String, Value>, name: &str, field: &Field) {
    let is_struct = matches!(
        field.ty.as_ref(),
        Type::Record(_) | Type::Quantity | Type::IntOrString | Type::Time | Type::MicroTime
    );
    let shown = !field.omit_empty || (is_struct && !field.pointer && !field.omit_zero);
    if shown {
        let value = if field.pointer {
            Value::Null
        } else {
            zero(&field.ty)
        };
        map.insert(name.to_owned(), value);
    } else {
        map.remove(name);
    }
}

fn is_empty(value: &Value, field: &Field) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag && matches!(field.ty.as_ref(), Type::Flag),
        Value::Number(number) => {
            number.as_i64() == Some(0) && matches!(field.ty.as_ref(), Type::Whole)
        }
        Value::String(text) => text.is_empty() && matches!(field.ty.as_ref(), Type::Text),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty() && matches!(field.ty.as_ref(), Type::Map { .. }),
    }
}

fn zero(ty: &Type) -> Value {
    match ty {
        Type::Text => json!(""),
        Type::Flag => json!(false),
        Type::Whole | Type::Number | Type::IntOrString => json!(0),
        Type::Quantity => json!("0"),
        Type::Time
        | Type::MicroTime
        | Type::Any
        | Type::Opaque
        | Type::List { .. }
        | Type::Map { .. } => Value::Null,
        Type::Record(record) => {
            let mut value = json!({});
            // An empty object can't be of the wrong type.
            let _ = tidy_record(&mut value, record);
            value
        }
    }
}

const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

/// A quantity in the one form in which Kubernetes writes it; None if it is none.
pub(crate) fn quantity(text: &str) -> Option<String> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '+' || c == '-'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = i32::try_from(fraction.len()).ok()?;
    if let Some(power) = BINARY.iter().position(|name| *name == suffix) {
        let unit = 1024_i128.checked_pow(u32::try_from(power).ok()? + 1)?;
        let units = mantissa.checked_mul(unit)?;
        let divisor = 10_i128.checked_pow(u32::try_from(scale).ok()?)?;
        return Some(binary((units + divisor - 1) / divisor));
    }
    let exponent = match DECIMAL.iter().find(|(name, _)| *name == suffix) {
        Some((_, exponent)) => *exponent,
        None => suffix
            .strip_prefix(['e', 'E'])
            .and_then(|exponent| exponent.parse().ok())?,
    };
    Some(decimal(mantissa, exponent - scale))
}

fn binary(mut units: i128) -> String {
    let mut power = 0;
    while units != 0 && units % 1024 == 0 && power < BINARY.len() {
        units /= 1024;
        power += 1;
    }
    let suffix = power.checked_sub(1).and_then(|power| BINARY.get(power));
    format!("{units}{}", suffix.unwrap_or(&""))
}

fn decimal(mut mantissa: i128, mut exponent: i32) -> String {
    if mantissa == 0 {
        return "0".to_owned();
    }
    while mantissa % 10 == 0 {
        mantissa /= 10;
        exponent += 1;
    }
    while exponent % 3 != 0 || exponent > 18 {
        mantissa *= 10;
        exponent -= 1;
    }
    while exponent < -9 {
        mantissa = (mantissa + 9) / 10;
        exponent += 1;
    }
    let suffix = DECIMAL.iter().find(|(_, known)| *known == exponent);
    format!("{mantissa}{}", suffix.map_or("", |(name, _)| name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::schema::builtin;

    #[test]
    fn a_quantity_has_one_form() {
        for (given, written) in [
            ("1024Mi", "1Gi"),
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1.5Gi", "1536Mi"),
            ("100", "100"),
            ("1000", "1k"),
            ("2000Mi", "2000Mi"),
            ("0", "0"),
        ] {
            assert_eq!(quantity(given).as_deref(), Some(written), "{given}");
        }
        assert_eq!(quantity("much"), None);
    }

    #[test]
    fn empty_fields_go_and_required_ones_appear() {
        let mut pod = json!({"metadata": {"labels": {}, "name": "a"}, "spec": {"hostNetwork": false,
            "automountServiceAccountToken": false}, "unknown": 1});
        tidy(&mut pod, &builtin("core.v1.Pod")).unwrap();
        assert_eq!(
            pod,
            json!({"metadata": {"name": "a"}, "status": {},
                "spec": {"automountServiceAccountToken": false, "containers": null}})
        );
    }
}
