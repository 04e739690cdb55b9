//! The built-in kinds, from the table that `simulator/schema` writes.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use serde::Deserialize;
use serde_json::json;

use super::{Field, Merge, Record, Type};

#[derive(Deserialize)]
struct Structure {
    #[serde(default)]
    atomic: bool,
    fields: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    t: String,
    #[serde(default)]
    o: bool,
    #[serde(default)]
    z: bool,
    #[serde(default)]
    l: Option<String>,
    #[serde(default)]
    k: Vec<String>,
    #[serde(default)]
    a: bool,
}

type Structures = BTreeMap<String, Structure>;

static TYPES: LazyLock<BTreeMap<String, Arc<Type>>> = LazyLock::new(|| {
    let structures: Structures =
        serde_json::from_str(include_str!("builtin.json")).unwrap_or_default();
    let mut types = BTreeMap::new();
    for name in structures.keys() {
        record(&structures, &mut types, name);
    }
    types
});

/// The type of a struct, for instance `core.v1.Pod`.
pub(crate) fn builtin(name: &str) -> Arc<Type> {
    TYPES
        .get(name)
        .cloned()
        .unwrap_or_else(|| Arc::new(Type::Any))
}

/// The type of every object's metadata.
pub(crate) fn metadata() -> Arc<Type> {
    builtin("meta.v1.ObjectMeta")
}

fn record(from: &Structures, types: &mut BTreeMap<String, Arc<Type>>, name: &str) -> Arc<Type> {
    if let Some(known) = types.get(name) {
        return known.clone();
    }
    let Some(structure) = from.get(name) else {
        return Arc::new(Type::Any);
    };
    let fields = structure.fields.iter().map(|(key, entry)| {
        let field = Field {
            ty: entry_type(from, types, entry),
            pointer: entry.t.starts_with('*'),
            omit_empty: entry.o,
            omit_zero: entry.z,
            // Of all keys of lists only this one has a default.
            default: (key == "protocol" && entry.t == "string").then(|| json!("TCP")),
        };
        (key.clone(), field)
    });
    let built = Arc::new(Type::Record(Record {
        fields: fields.collect(),
        atomic: structure.atomic,
        rest: None,
    }));
    types.insert(name.to_owned(), built.clone());
    built
}

fn entry_type(
    from: &Structures,
    types: &mut BTreeMap<String, Arc<Type>>,
    entry: &Entry,
) -> Arc<Type> {
    let ty = named(from, types, &entry.t);
    match (ty.as_ref(), entry.l.as_deref()) {
        (Type::List { element, .. }, Some(list)) => {
            let merge = match list {
                "set" => Merge::Set,
                "map" => Merge::Keyed(entry.k.clone()),
                _ => Merge::Atomic,
            };
            Arc::new(Type::List {
                element: element.clone(),
                merge,
            })
        }
        (Type::Map { element, .. }, None) if entry.a => Arc::new(Type::Map {
            element: element.clone(),
            atomic: true,
        }),
        (Type::Record(record), None) if entry.a => Arc::new(Type::Record(Record {
            atomic: true,
            ..record.clone()
        })),
        _ => ty,
    }
}

fn named(from: &Structures, types: &mut BTreeMap<String, Arc<Type>>, name: &str) -> Arc<Type> {
    if let Some(inner) = name.strip_prefix('*') {
        return named(from, types, inner);
    }
    if let Some(inner) = name.strip_prefix("[]") {
        let element = named(from, types, inner);
        return Arc::new(Type::List {
            element,
            merge: Merge::Atomic,
        });
    }
    if let Some(inner) = name.strip_prefix("{}") {
        let element = named(from, types, inner);
        return Arc::new(Type::Map {
            element,
            atomic: false,
        });
    }
    match name {
        "string" | "bytes" => Arc::new(Type::Text),
        "bool" => Arc::new(Type::Flag),
        "int" => Arc::new(Type::Whole),
        "Time" => Arc::new(Type::Time),
        "MicroTime" => Arc::new(Type::MicroTime),
        "Quantity" => Arc::new(Type::Quantity),
        "IntOrString" => Arc::new(Type::IntOrString),
        "Any" => Arc::new(Type::Opaque),
        name => record(from, types, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_merged_by_name() {
        let pod = builtin("core.v1.PodSpec");
        let containers = pod.child("containers").unwrap();
        assert!(
            matches!(containers.as_ref(), Type::List { merge: Merge::Keyed(keys), .. } if keys == &["name"])
        );
    }

    #[test]
    fn a_selector_is_one_leaf() {
        let service = builtin("core.v1.ServiceSpec");
        let selector = service.child("selector").unwrap();
        assert!(matches!(selector.as_ref(), Type::Map { atomic: true, .. }));
    }
}
