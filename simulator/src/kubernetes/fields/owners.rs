//! `managedFields`: one entry for each manager, operation and subresource.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    compare::{Difference, fields_of},
    merge::{merge, remove},
    set::Set,
};
use crate::json::At as _;
use crate::kubernetes::schema::Type;

/// Who writes, and how.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Writer {
    pub(crate) applies: bool,
    pub(crate) manager: String,
    pub(crate) version: String,
    pub(crate) subresource: String,
}

/// What one writer owns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ownership {
    pub(crate) fields: Set,
    pub(crate) time: Option<String>,
}

/// Who owns what of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owners(pub(crate) BTreeMap<Writer, Ownership>);

/// What came of an apply.
pub(crate) struct Applied {
    /// None: the object is as it was; owners may have changed.
    pub(crate) object: Option<Value>,
    pub(crate) owners: Owners,
}

/// Fields that nobody owns.
fn unowned() -> Set {
    let metadata = |name| ["metadata", name];
    let mut set = Set::of(&[&["apiVersion"], &["kind"], &["metadata"]]);
    for name in [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ] {
        set = set.union(&Set::of(&[&metadata(name)]));
    }
    set
}

static UNOWNED: std::sync::LazyLock<Set> = std::sync::LazyLock::new(unowned);

impl Owners {
    /// Reads an object's `managedFields`.
    pub(crate) fn of(object: &Value) -> Self {
        let entries = object
            .at("/metadata/managedFields")
            .and_then(Value::as_array);
        let text = |entry: &Value, name: &str| {
            entry
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let owners = entries.into_iter().flatten().map(|entry| {
            let writer = Writer {
                applies: text(entry, "operation") == "Apply",
                manager: text(entry, "manager"),
                version: text(entry, "apiVersion"),
                subresource: text(entry, "subresource"),
            };
            let ownership = Ownership {
                fields: entry.get("fieldsV1").map(Set::read).unwrap_or_default(),
                time: entry.get("time").and_then(Value::as_str).map(str::to_owned),
            };
            (writer, ownership)
        });
        Self(owners.collect())
    }

    /// Writes them into an object.
    pub(crate) fn write(&self, object: &mut Value) {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by(|(a, x), (b, y)| (!a.applies, &x.time, *a).cmp(&(!b.applies, &y.time, *b)));
        let entries: Vec<_> = entries.into_iter().map(|(w, o)| entry(w, o)).collect();
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
            return;
        };
        if entries.is_empty() {
            metadata.remove("managedFields");
        } else {
            metadata.insert("managedFields".into(), Value::Array(entries));
        }
    }

    /// After an update from one object to another, neither of which has its `managedFields`.
    pub(crate) fn updated(
        mut self,
        (old, new): (&Value, &Value),
        ty: &Type,
        writer: Writer,
        filter: &dyn Fn(&Set) -> Set,
        now: &str,
    ) -> Self {
        let difference = Difference::between(old, new, ty).changed(filter);
        let changed = difference.modified.clone().union(&difference.added);
        for ownership in self.0.values_mut() {
            ownership.fields = ownership
                .fields
                .difference(&changed)
                .difference(&difference.removed);
        }
        let taken = changed.difference(&UNOWNED);
        if !taken.is_empty() {
            let mine = self.0.entry(writer).or_default();
            mine.fields = std::mem::take(&mut mine.fields).union(&taken);
            mine.time = Some(now.to_owned());
        }
        self.0.retain(|_, ownership| !ownership.fields.is_empty());
        self
    }

    /// Applies a configuration. The error has the fields that others own, by manager.
    pub(crate) fn apply(
        mut self,
        (live, config): (&Value, &Value),
        ty: &Type,
        writer: &Writer,
        force: bool,
        filter: &dyn Fn(&Set) -> Set,
        now: &str,
    ) -> Result<Applied, Refused> {
        let merged = merge(Some(live), Some(config), ty).map_err(Refused::Malformed)?;
        let merged = merged.unwrap_or_else(|| json!({}));
        let last = self.0.remove(writer);
        let mine = Ownership {
            fields: filter(&fields_of(config, ty)),
            time: last.as_ref().and_then(|last| last.time.clone()),
        };
        // Where all that was applied last time is applied again, there is nothing to take out.
        let dropped = last.filter(|last| !last.fields.difference(&mine.fields).is_empty());
        self.0.insert(writer.clone(), mine);
        let new = match dropped {
            Some(last) => self.prune(&merged, &last.fields, ty),
            None => merged,
        };
        let difference = Difference::between(live, &new, ty).changed(filter);
        let changed = difference.modified.clone().union(&difference.added);
        let mut conflicts = Vec::new();
        for (other, ownership) in &mut self.0 {
            if other == writer {
                continue;
            }
            let contested = ownership.fields.intersection(&changed);
            if !contested.is_empty() {
                ownership.fields = ownership.fields.difference(&contested);
                conflicts.push((other.clone(), contested));
            }
            ownership.fields = ownership.fields.difference(&difference.removed);
        }
        if !force && !conflicts.is_empty() {
            return Err(Refused::Conflicts(conflicts));
        }
        let object = (&new != live).then_some(new);
        if let Some(mine) = self.0.get_mut(writer) {
            mine.fields = mine.fields.difference(&UNOWNED);
            if object.is_some() {
                mine.time = Some(now.to_owned());
            }
        }
        self.0.retain(|_, ownership| !ownership.fields.is_empty());
        Ok(Applied {
            object,
            owners: self,
        })
    }

    /// Takes out what was applied last time and is not now, unless another has it.
    fn prune(&self, merged: &Value, last: &Set, ty: &Type) -> Value {
        let last = last.with_named(ty);
        let pruned = remove(merged, &last, ty).unwrap_or_else(|| json!({}));
        let all = fields_of(merged, ty).with_named(ty);
        let managed = self
            .0
            .values()
            .fold(Set::default(), |all, owned| all.union(&owned.fields));
        let kept = fields_of(&pruned, ty)
            .with_named(ty)
            .union(&managed.with_named(ty));
        let pruned = remove(merged, &all.difference(&kept), ty).unwrap_or_else(|| json!({}));
        let left = fields_of(&pruned, ty).with_named(ty);
        let gone = all.difference(&left).intersection(&last);
        remove(merged, &gone, ty).unwrap_or_else(|| json!({}))
    }
}

/// Why an apply was refused.
#[derive(Debug)]
pub(crate) enum Refused {
    Malformed(String),
    Conflicts(Vec<(Writer, Set)>),
}

fn entry(writer: &Writer, ownership: &Ownership) -> Value {
    let mut entry = Map::new();
    entry.insert("apiVersion".into(), json!(writer.version));
    entry.insert("fieldsType".into(), json!("FieldsV1"));
    entry.insert("fieldsV1".into(), ownership.fields.write());
    entry.insert("manager".into(), json!(writer.manager));
    let operation = if writer.applies { "Apply" } else { "Update" };
    entry.insert("operation".into(), json!(operation));
    if !writer.subresource.is_empty() {
        entry.insert("subresource".into(), json!(writer.subresource));
    }
    if let Some(time) = &ownership.time {
        entry.insert("time".into(), json!(time));
    }
    Value::Object(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::schema::builtin;

    fn writer(manager: &str) -> Writer {
        Writer {
            applies: true,
            manager: manager.into(),
            version: "v1".into(),
            subresource: String::new(),
        }
    }

    fn apply(
        owners: Owners,
        live: &Value,
        config: &Value,
        manager: &str,
        force: bool,
    ) -> Result<Applied, Refused> {
        let ty = builtin("core.v1.ConfigMap");
        owners.apply(
            (live, config),
            &ty,
            &writer(manager),
            force,
            &Set::clone,
            "now",
        )
    }

    #[test]
    fn a_field_that_is_not_applied_any_more_goes() {
        let first = apply(
            Owners::default(),
            &json!({}),
            &json!({"data": {"a": "1", "b": "2"}}),
            "x",
            false,
        )
        .unwrap();
        let live = first.object.unwrap();
        let second = apply(
            first.owners,
            &live,
            &json!({"data": {"a": "1"}}),
            "x",
            false,
        )
        .unwrap();
        assert_eq!(second.object, Some(json!({"data": {"a": "1"}})));
    }

    #[test]
    fn a_field_that_another_applier_has_stays() {
        let config = json!({"data": {"a": "1"}});
        let first = apply(Owners::default(), &json!({}), &config, "x", false).unwrap();
        let live = first.object.unwrap();
        let second = apply(first.owners, &live, &config, "y", false).unwrap();
        assert!(second.object.is_none());
        let third = apply(second.owners, &live, &json!({"data": {}}), "x", false).unwrap();
        assert!(third.object.is_none());
        assert_eq!(third.owners.0.len(), 2);
    }

    #[test]
    fn a_field_of_another_is_a_conflict_and_force_takes_it() {
        let first = apply(
            Owners::default(),
            &json!({}),
            &json!({"data": {"a": "1"}}),
            "x",
            false,
        )
        .unwrap();
        let live = first.object.unwrap();
        let config = json!({"data": {"a": "2"}});
        let refused = apply(first.owners.clone(), &live, &config, "y", false);
        assert!(matches!(refused, Err(Refused::Conflicts(_))));
        let forced = apply(first.owners, &live, &config, "y", true).unwrap();
        assert_eq!(forced.object, Some(config));
        assert_eq!(forced.owners.0.len(), 1);
    }
}
