//! What a kind's fields are: their types, how Go writes them as JSON, and how server-side apply merges them.
//! One form for the built-in kinds, whose table is `builtin.json`, and for ours, whose schema is in `crds/`.

mod builtin;
mod fits;
mod structural;
mod tidy;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

pub(crate) use builtin::{builtin, metadata};
pub(crate) use fits::fits;
pub(crate) use structural::of_definition;
pub(crate) use tidy::{settle, tidy};

/// The type of a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    Text,
    Flag,
    Whole,
    Number,
    Quantity,
    Time,
    MicroTime,
    IntOrString,
    /// Any value; objects and lists are merged by what they are.
    Any,
    /// Any value, one leaf.
    Opaque,
    List {
        element: Arc<Self>,
        merge: Merge,
    },
    Map {
        element: Arc<Self>,
        atomic: bool,
    },
    Record(Record),
}

/// How server-side apply merges a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Merge {
    Atomic,
    Set,
    /// Elements are the same if these fields are.
    Keyed(Vec<String>),
}

/// An object with named fields.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Record {
    pub(crate) fields: BTreeMap<String, Field>,
    pub(crate) atomic: bool,
    /// What other fields are; without it they are dropped.
    pub(crate) rest: Option<Arc<Type>>,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) ty: Arc<Type>,
    /// Absent and empty are different.
    pub(crate) pointer: bool,
    pub(crate) omit_empty: bool,
    pub(crate) omit_zero: bool,
    /// What stands for an absent key of a keyed list's element.
    pub(crate) default: Option<Value>,
}

impl Type {
    /// The type of a field or entry with this name.
    pub(crate) fn child(&self, name: &str) -> Option<&Arc<Self>> {
        match self {
            Self::Record(record) => record
                .fields
                .get(name)
                .map(|field| &field.ty)
                .or(record.rest.as_ref()),
            Self::Map { element, .. } => Some(element),
            Self::Text
            | Self::Flag
            | Self::Whole
            | Self::Number
            | Self::Quantity
            | Self::Time
            | Self::MicroTime
            | Self::IntOrString
            | Self::Any
            | Self::Opaque
            | Self::List { .. } => None,
        }
    }

    /// Whether this names the field itself, not only any field.
    pub(crate) fn names(&self, field: &str) -> bool {
        matches!(self, Self::Record(record) if record.fields.contains_key(field))
    }
}
