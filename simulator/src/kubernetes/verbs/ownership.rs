//! What a request makes of `managedFields`.

use serde_json::Value;

use super::Work;
use crate::json::At as _;
use crate::kubernetes::{
    catalogue::{Family, STATUS},
    fields::{Owners, Set, Writer},
};

impl Work<'_> {
    pub(super) fn writer(&self, applies: bool) -> Writer {
        Writer {
            applies,
            manager: self.request.manager().to_owned(),
            version: self.resource().api_version(),
            subresource: self.request.subresource.clone(),
        }
    }

    /// Notes in the new object who owns what, after an update of the old one.
    pub(super) fn own(&self, old: &Value, new: &mut Value) {
        let owners = self.owners_before(old, new);
        let (old, mut bare) = (
            without_owners(old.clone()),
            without_owners(std::mem::take(new)),
        );
        let untracked = owners.0.is_empty() && old.at("/metadata/uid").is_some();
        let after = if untracked {
            Owners::default()
        } else {
            owners.updated(
                (&old, &bare),
                &self.resource().schema,
                self.writer(false),
                &self.filter(),
                &self.now,
            )
        };
        after.write(&mut bare);
        *new = bare;
    }

    /// What the request says of owners counts, unless it says nothing; an empty list means: forget them.
    fn owners_before(&self, old: &Value, new: &Value) -> Owners {
        if !self.request.subresource.is_empty() {
            return Owners::of(old);
        }
        let said = new.at("/metadata/managedFields").and_then(Value::as_array);
        match said.map(Vec::as_slice) {
            Some([]) => Owners::default(),
            Some([one]) if one.as_object().is_some_and(serde_json::Map::is_empty) => {
                Owners::default()
            }
            Some(_) => Owners::of(new),
            None => Owners::of(old),
        }
    }

    /// Leaves out the fields that this path does not write.
    pub(super) fn filter(&self) -> impl Fn(&Set) -> Set + use<> {
        let resource = self.resource();
        let status = self.request.subresource == "status";
        let dropped = match (resource.is(STATUS), status, resource.family) {
            (false, _, _) => Set::default(),
            (true, false, _) => Set::of(&[&["status"]]),
            (true, true, Family::Pod) => Set::of(&[
                &["spec"],
                &["metadata", "deletionTimestamp"],
                &["metadata", "ownerReferences"],
            ]),
            (true, true, _) => Set::of(&[&["spec"]]),
        };
        move |set| set.without(&dropped)
    }
}

pub(super) fn without_owners(mut value: Value) -> Value {
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    value
}

/// Whether two objects differ in nothing but when fields were taken. Who took some later than before may come later in
/// the list, and that is a difference.
pub(super) fn same_but_for_times(a: &Value, b: &Value) -> bool {
    fn owners(object: &Value) -> &[Value] {
        let owners = object.at("/metadata/managedFields");
        owners.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
    fn timeless(entry: &Value) -> impl Iterator<Item = (&String, &Value)> {
        let fields = entry.as_object().into_iter().flatten();
        fields.filter(|(name, _)| *name != "time")
    }
    let same = |(x, y): (&Value, &Value)| timeless(x).eq(timeless(y));
    let (x, y) = (owners(a), owners(b));
    equal_without(a, b, "managedFields") && x.len() == y.len() && x.iter().zip(y).all(same)
}

fn equal_without(a: &Value, b: &Value, field: &str) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else {
        return a == b;
    };
    a.len() == b.len()
        && a.iter()
            .all(|(name, value)| match (b.get(name), name.as_str()) {
                (Some(Value::Object(other)), "metadata") => {
                    let mine = value
                        .as_object()
                        .into_iter()
                        .flatten()
                        .filter(|(k, _)| *k != field);
                    let other = other.iter().filter(|(k, _)| *k != field);
                    mine.eq(other)
                }
                (other, _) => other == Some(value),
            })
}
