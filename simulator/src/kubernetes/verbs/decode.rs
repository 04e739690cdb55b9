//! From a body to an object in the form in which it would be stored.

use serde_json::{Value, json};

use super::Work;
use crate::kubernetes::{
    catalogue::Resource,
    refusal::Refusal,
    rules,
    schema::{metadata, tidy},
};

impl Work<'_> {
    /// The body as an object of the request's kind, without unknown fields and with defaults.
    pub(super) fn decode_body(&self) -> Result<Value, Refusal> {
        let value: Value = parse(&self.request.body)?;
        self.decode(value)
    }

    /// The value as an object of the request's kind, without unknown fields and with defaults.
    pub(super) fn decode(&self, mut value: Value) -> Result<Value, Refusal> {
        let resource = self.resource();
        expect_kind(resource, &mut value)?;
        let strict = self.request.asked("fieldValidation") == "Strict";
        let given = strict.then(|| value.clone());
        if let Some(custom) = &resource.custom {
            custom.prune(&mut value);
        }
        complete(resource, &mut value)?;
        if let Some(given) = given
            && let Some(unknown) = unknown_field(&given, &value, "")
        {
            let message = format!("strict decoding error: unknown field {unknown:?}");
            return Err(Refusal::bad_request(message));
        }
        Ok(value)
    }

    /// The namespace on the path is the object's.
    pub(super) fn place(&self, value: &mut Value) -> Result<(), Refusal> {
        let wanted = self.request.namespace.as_str();
        let found = text(value, "namespace").to_owned();
        if found.is_empty() && !wanted.is_empty() {
            set(value, "namespace", json!(wanted));
        } else if found != wanted {
            return Err(Refusal::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        Ok(())
    }
}

/// JSON of a body.
pub(super) fn parse(body: &[u8]) -> Result<Value, Refusal> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Refusal::bad_request(format!("the object can't be read: {error}")))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(Refusal::bad_request("the object is no object"))
    }
}

fn expect_kind(resource: &Resource, value: &mut Value) -> Result<(), Refusal> {
    let wanted = [
        ("apiVersion", resource.api_version()),
        ("kind", resource.kind.clone()),
    ];
    for (field, wanted) in wanted {
        let found = value.get(field).and_then(Value::as_str).unwrap_or_default();
        if found.is_empty() && resource.custom.is_none() {
            if let Some(fields) = value.as_object_mut() {
                fields.insert(field.into(), json!(wanted));
            }
        } else if found != wanted {
            let message = format!("the object's {field} is {found:?}, expected {wanted:?}");
            return Err(Refusal::bad_request(message));
        }
    }
    Ok(())
}

/// Drops what no built-in kind has, and adds defaults.
pub(super) fn complete(resource: &Resource, value: &mut Value) -> Result<(), Refusal> {
    if let Some(custom) = &resource.custom {
        let failed = |error| Refusal::bad_request(format!("metadata{error}"));
        if let Some(found) = value.get_mut("metadata") {
            tidy(found, &metadata()).map_err(failed)?;
        } else if let Some(fields) = value.as_object_mut() {
            fields.insert("metadata".into(), json!({}));
        }
        custom.default(value);
        return Ok(());
    }
    let kind = |value: &Value| (value.get("apiVersion").cloned(), value.get("kind").cloned());
    let (version, kind) = kind(value);
    if let Some(fields) = value.as_object_mut() {
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    tidy(value, &resource.schema).map_err(|error| {
        let message = format!(
            "{} in version {:?} cannot be handled: {error}",
            resource.kind, resource.version
        );
        Refusal::bad_request(message)
    })?;
    rules::default(resource.family, value);
    if let Some(fields) = value.as_object_mut() {
        fields.extend(
            [("apiVersion", version), ("kind", kind)]
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
        );
    }
    Ok(())
}

fn unknown_field(given: &Value, kept: &Value, path: &str) -> Option<String> {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => given.iter().find_map(|(name, value)| {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            match kept.get(name) {
                Some(kept) => unknown_field(value, kept, &path),
                None if rules::is_empty(value) => None,
                None => Some(path),
            }
        }),
        (Value::Array(given), Value::Array(kept)) => {
            let both = given.iter().zip(kept).enumerate();
            both.into_iter()
                .find_map(|(i, (given, kept))| unknown_field(given, kept, &format!("{path}[{i}]")))
        }
        _ => None,
    }
}

/// A text of an object's metadata.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    let found = value
        .get("metadata")
        .and_then(|metadata| metadata.get(field));
    found.and_then(Value::as_str).unwrap_or_default()
}

/// Sets a field of an object's metadata; null removes it.
pub(super) fn set(value: &mut Value, field: &str, to: Value) {
    let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    if to.is_null() {
        metadata.remove(field);
    } else {
        metadata.insert(field.into(), to);
    }
}

/// Takes a field of an object's metadata over from another object.
pub(super) fn copy(from: &Value, to: &mut Value, field: &str) {
    let value = from
        .get("metadata")
        .and_then(|metadata| metadata.get(field));
    set(to, field, value.cloned().unwrap_or(Value::Null));
}
