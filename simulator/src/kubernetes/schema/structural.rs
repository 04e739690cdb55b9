//! The schema of a CustomResourceDefinition as a type.
#![expect(clippy::wildcard_enum_match_arm, reason = "the others are no records")]

use std::sync::Arc;

use serde_json::Value;

use super::{Field, Merge, Record, Type, metadata};

/// The type of the objects that an `openAPIV3Schema` describes.
pub(crate) fn of_definition(schema: &Value) -> Arc<Type> {
    let mut root = match of(schema) {
        Type::Record(record) => record,
        _ => Record::default(),
    };
    for (name, ty) in [
        ("apiVersion", Arc::new(Type::Text)),
        ("kind", Arc::new(Type::Text)),
        ("metadata", metadata()),
    ] {
        root.fields.insert(name.to_owned(), field(ty, None));
    }
    Arc::new(Type::Record(root))
}

fn field(ty: Arc<Type>, default: Option<Value>) -> Field {
    Field {
        ty,
        pointer: true,
        omit_empty: true,
        omit_zero: false,
        default,
    }
}

fn is(schema: &Value, flag: &str) -> bool {
    schema.get(flag) == Some(&Value::Bool(true))
}

fn of(schema: &Value) -> Type {
    if is(schema, "x-kubernetes-int-or-string") {
        return Type::IntOrString;
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => Type::Text,
        Some("boolean") => Type::Flag,
        Some("integer") => Type::Whole,
        Some("number") => Type::Number,
        Some("array") => list(schema),
        Some("object") => object(schema),
        _ => Type::Any,
    }
}

fn list(schema: &Value) -> Type {
    let element = schema.get("items").map_or(Type::Any, of);
    let keys = schema
        .get("x-kubernetes-list-map-keys")
        .and_then(Value::as_array);
    let merge = match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => Merge::Set,
        Some("map") => Merge::Keyed(
            keys.into_iter()
                .flatten()
                .filter_map(|key| key.as_str().map(str::to_owned))
                .collect(),
        ),
        _ => Merge::Atomic,
    };
    Type::List {
        element: Arc::new(element),
        merge,
    }
}

fn object(schema: &Value) -> Type {
    let atomic = schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic");
    if let Some(values) = schema.get("additionalProperties").filter(|v| v.is_object()) {
        return Type::Map {
            element: Arc::new(of(values)),
            atomic,
        };
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let fields = properties.into_iter().flatten().map(|(name, schema)| {
        let default = schema.get("default").cloned();
        (name.clone(), field(Arc::new(of(schema)), default))
    });
    Type::Record(Record {
        fields: fields.collect(),
        atomic,
        rest: is(schema, "x-kubernetes-preserve-unknown-fields").then(|| Arc::new(Type::Any)),
    })
}
