//! A node of an OpenAPI schema: what it drops, what it adds, what it refuses.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};

use crate::kubernetes::refusal::Cause;

/// A node of a schema.
#[derive(Debug, Default)]
pub(super) struct Node {
    ty: Option<String>,
    nullable: bool,
    int_or_string: bool,
    preserve: bool,
    default: Option<Value>,
    properties: BTreeMap<String, Self>,
    additional: Option<Box<Self>>,
    items: Option<Box<Self>>,
    required: Vec<String>,
    allowed: Option<Vec<Value>>,
    pattern: Option<Regex>,
    format: Option<String>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    lengths: Bounds,
    counts: Bounds,
    sizes: Bounds,
    keys: Vec<String>,
    any_of: Vec<Self>,
}

#[derive(Debug, Default)]
struct Bounds {
    least: Option<u64>,
    most: Option<u64>,
}

impl Node {
    pub(super) fn of(schema: &Value) -> Self {
        let text = |name: &str| schema.get(name).and_then(Value::as_str).map(str::to_owned);
        let flag = |name: &str| schema.get(name) == Some(&Value::Bool(true));
        let bounds = |least: &str, most: &str| Bounds {
            least: schema.get(least).and_then(Value::as_u64),
            most: schema.get(most).and_then(Value::as_u64),
        };
        let texts = |name: &str| {
            let list = schema
                .get(name)
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            list.filter_map(|text| text.as_str().map(str::to_owned))
                .collect()
        };
        let boxed = |name: &str| {
            let inner = schema.get(name).filter(|inner| inner.is_object());
            inner.map(|inner| Box::new(Self::of(inner)))
        };
        let properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        let any_of = schema
            .get("anyOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        Self {
            ty: text("type"),
            nullable: flag("nullable"),
            int_or_string: flag("x-kubernetes-int-or-string"),
            preserve: flag("x-kubernetes-preserve-unknown-fields"),
            default: schema.get("default").cloned(),
            properties: properties
                .map(|(name, inner)| (name.clone(), Self::of(inner)))
                .collect(),
            additional: boxed("additionalProperties"),
            items: boxed("items"),
            required: texts("required"),
            allowed: schema.get("enum").and_then(Value::as_array).cloned(),
            pattern: text("pattern").and_then(|pattern| Regex::new(&pattern).ok()),
            format: text("format"),
            minimum: schema.get("minimum").and_then(Value::as_f64),
            maximum: schema.get("maximum").and_then(Value::as_f64),
            lengths: bounds("minLength", "maxLength"),
            counts: bounds("minItems", "maxItems"),
            sizes: bounds("minProperties", "maxProperties"),
            keys: texts("x-kubernetes-list-map-keys"),
            any_of: any_of.map(Self::of).collect(),
        }
    }

    /// Drops unknown fields, and nulls where none may be and no default takes their place.
    pub(super) fn prune(&self, value: &mut Value) {
        match value {
            Value::Object(map) => {
                if self.additional.is_none() && !self.preserve {
                    map.retain(|name, _| self.properties.contains_key(name));
                }
                let in_vain = |node: &Self| !node.nullable && node.default.is_none();
                map.retain(|name, value| {
                    !value.is_null() || !self.below(name).is_some_and(in_vain)
                });
                for (name, value) in map.iter_mut() {
                    if let Some(node) = self.below(name) {
                        node.prune(value);
                    }
                }
            }
            Value::Array(list) => {
                if let Some(items) = &self.items {
                    for value in list.iter_mut() {
                        items.prune(value);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Adds defaults where nothing is, or a null that may not be.
    pub(super) fn default(&self, value: &mut Value) {
        match value {
            Value::Object(map) => {
                for (name, node) in &self.properties {
                    let absent = |value: &Value| value.is_null() && !node.nullable;
                    if let Some(default) = &node.default
                        && map.get(name).is_none_or(absent)
                    {
                        map.insert(name.clone(), default.clone());
                    }
                }
                for (name, value) in map.iter_mut() {
                    if let Some(node) = self.below(name) {
                        node.default(value);
                    }
                }
            }
            Value::Array(list) => {
                if let Some(items) = &self.items {
                    for value in list.iter_mut() {
                        items.default(value);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn below(&self, name: &str) -> Option<&Self> {
        self.properties.get(name).or(self.additional.as_deref())
    }

    /// Collects what is wrong with one field of a value.
    pub(super) fn validate_field(&self, value: &Value, name: &str, causes: &mut Vec<Cause>) {
        if let (Some(node), Some(value)) = (self.properties.get(name), value.get(name)) {
            node.validate(value, name, causes);
        }
    }

    /// Collects what is wrong with a value.
    pub(super) fn validate(&self, value: &Value, path: &str, causes: &mut Vec<Cause>) {
        if value.is_null() && self.nullable {
            return;
        }
        if !self.has_type(value) {
            let wanted = self.ty.as_deref().unwrap_or("integer,string");
            let message = format!("must be of type {wanted}");
            causes.push(Cause::new("FieldValueTypeInvalid", path, message));
            return;
        }
        if let Some(allowed) = &self.allowed
            && !allowed.contains(value)
        {
            causes.push(Cause::unsupported(path, &value.to_string()));
        }
        if !self.any_of.is_empty() {
            let fits = |node: &Self| {
                let mut found = Vec::new();
                node.validate(value, path, &mut found);
                found.is_empty()
            };
            if !self.any_of.iter().any(fits) {
                causes.push(Cause::invalid(
                    path,
                    "must validate at least one schema (anyOf)",
                ));
            }
        }
        match value {
            Value::String(text) => self.validate_text(text, path, causes),
            Value::Number(number) => {
                self.validate_number(number.as_f64().unwrap_or(0.0), path, causes);
            }
            Value::Array(list) => self.validate_list(list, path, causes),
            Value::Object(map) => self.validate_object(map, path, causes),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn has_type(&self, value: &Value) -> bool {
        if self.int_or_string {
            return value.is_string() || value.is_i64() || value.is_u64();
        }
        match self.ty.as_deref() {
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            _ => true,
        }
    }

    fn validate_text(&self, text: &str, path: &str, causes: &mut Vec<Cause>) {
        let length = text.chars().count() as u64;
        if self.lengths.most.is_some_and(|most| length > most) {
            causes.push(Cause::new("FieldValueTooLong", path, "Too long"));
        }
        if self.lengths.least.is_some_and(|least| length < least) {
            causes.push(Cause::invalid(path, "should be longer"));
        }
        if self
            .pattern
            .as_ref()
            .is_some_and(|pattern| !pattern.is_match(text))
        {
            causes.push(Cause::invalid(path, "should match the pattern"));
        }
        if self.format.as_deref() == Some("date-time") && text.parse::<jiff::Timestamp>().is_err() {
            causes.push(Cause::invalid(path, "must be of type date-time"));
        }
    }

    fn validate_number(&self, number: f64, path: &str, causes: &mut Vec<Cause>) {
        if self.minimum.is_some_and(|least| number < least) {
            causes.push(Cause::invalid(path, "should be greater"));
        }
        if self.maximum.is_some_and(|most| number > most) {
            causes.push(Cause::invalid(path, "should be less"));
        }
    }

    fn validate_list(&self, list: &[Value], path: &str, causes: &mut Vec<Cause>) {
        let count = list.len() as u64;
        if self.counts.most.is_some_and(|most| count > most) {
            causes.push(Cause::new("FieldValueTooMany", path, "Too many"));
        }
        if self.counts.least.is_some_and(|least| count < least) {
            causes.push(Cause::invalid(path, "should have more items"));
        }
        for (index, value) in list.iter().enumerate() {
            if let Some(items) = &self.items {
                items.validate(value, &format!("{path}[{index}]"), causes);
            }
            let key = |value: &Value| {
                self.keys
                    .iter()
                    .map(|key| value.get(key).cloned())
                    .collect::<Vec<_>>()
            };
            let before = list.iter().take(index);
            if !self.keys.is_empty() && before.clone().any(|other| key(other) == key(value)) {
                causes.push(Cause::new(
                    "FieldValueDuplicate",
                    &format!("{path}[{index}]"),
                    "Duplicate value",
                ));
            }
        }
    }

    fn validate_object(&self, map: &Map<String, Value>, path: &str, causes: &mut Vec<Cause>) {
        let below = |name: &str| {
            if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            }
        };
        let count = map.len() as u64;
        if self.sizes.most.is_some_and(|most| count > most) {
            causes.push(Cause::new("FieldValueTooMany", path, "Too many"));
        }
        if self.sizes.least.is_some_and(|least| count < least) {
            causes.push(Cause::invalid(path, "should have more properties"));
        }
        for name in &self.required {
            if !map.contains_key(name) {
                causes.push(Cause::required(&below(name)));
            }
        }
        for (name, value) in map {
            if let Some(node) = self.below(name) {
                node.validate(value, &below(name), causes);
            }
        }
    }
}
