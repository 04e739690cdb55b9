//! Changing objects that are there.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Answer, Work,
    decode::{copy, set, text},
    delete::has_content,
    ownership::same_but_for_times,
};
use crate::json::At as _;
use crate::kubernetes::{
    admission::Custom,
    catalogue::{COUNTED, CREATED_BY_UPDATE, Family, OVERWRITTEN, STATUS},
    refusal::{Cause, Refusal},
    rules,
    schema::settle,
    store::{Key, Object},
};

impl Work<'_> {
    pub(super) fn update(&mut self) -> Result<Answer, Refusal> {
        let mut object = self.decode_body()?;
        self.expect_name(&object)?;
        self.place(&mut object)?;
        let key = self.key(&self.request.name);
        let resource = self.resource().clone();
        let Some(existing) = self.state.store.get(&key).cloned() else {
            let creates = resource.is(CREATED_BY_UPDATE) && self.request.subresource.is_empty();
            if !creates {
                return Err(Refusal::not_found(resource.named(), &key.name));
            }
            expect_uid(&resource, &key, text(&object, "uid"), "")?;
            return self.create_absent(object, false);
        };
        expect_uid(
            &resource,
            &key,
            text(&object, "uid"),
            text(existing.value(), "uid"),
        )?;
        self.own(existing.value(), &mut object);
        let changed = self.change(key, &existing, object)?;
        Ok(Answer::Stored(200, changed))
    }

    fn expect_name(&self, object: &Value) -> Result<(), Refusal> {
        let found = text(object, "name");
        if found == self.request.name {
            return Ok(());
        }
        let message = format!(
            "the name of the object ({found}) does not match the name on the URL ({})",
            self.request.name
        );
        Err(Refusal::bad_request(message))
    }

    /// Puts an object whose fields have owners in the place of another.
    pub(super) fn change(
        &mut self,
        key: Key,
        existing: &Arc<Object>,
        mut object: Value,
    ) -> Result<Arc<Object>, Refusal> {
        let resource = self.resource().clone();
        let old = existing.value();
        self.expect_version(&key, old, &object)?;
        set(
            &mut object,
            "resourceVersion",
            json!(text(old, "resourceVersion")),
        );
        if self.request.subresource.is_empty() {
            rules::admit_change(resource.family, old, &mut object);
        }
        self.place(&mut object)?;
        copy(old, &mut object, "generation");
        self.prepare(old, &mut object);
        Self::keep_system_fields(old, &mut object);
        // The last answer of an object is not read back from the store.
        if resource.custom.is_none() && !is_over(old, &object) {
            settle(&mut object, &resource.schema);
        }
        let causes = self.causes(old, &object);
        if !causes.is_empty() {
            return Err(Refusal::invalid(resource.named(), &key.name, &causes));
        }
        if same_but_for_times(old, &object) {
            object = old.clone();
        }
        if matches!(resource.family, Family::Role | Family::ClusterRole)
            && old.get("rules") != object.get("rules")
        {
            self.expect_rights_of(&object)?;
        }
        self.expect_growth(&key, old, &object)?;
        self.admit("UPDATE", Some(&object), Some(old))?;
        if is_over(old, &object) {
            self.take_out(&key);
            return Ok(Object::unsaved(object));
        }
        if &object == old && !existing.is_incomplete() {
            return Ok(existing.clone());
        }
        Ok(self.save(key, object))
    }

    fn expect_version(&self, key: &Key, old: &Value, new: &Value) -> Result<(), Refusal> {
        let resource = self.resource();
        let wanted = text(new, "resourceVersion");
        if wanted.is_empty() && resource.is(OVERWRITTEN) {
            return Ok(());
        }
        if wanted.is_empty() || wanted == "0" {
            let cause = Cause::invalid(
                "metadata.resourceVersion",
                "0: must be specified for an update",
            );
            return Err(Refusal::invalid(resource.named(), &key.name, &[cause])
                .of(resource.named(), &key.name));
        }
        if wanted == text(old, "resourceVersion") {
            return Ok(());
        }
        Err(Refusal::modified(resource.named(), &key.name))
    }

    /// Takes over what this path does not write, and counts changes.
    fn prepare(&self, old: &Value, new: &mut Value) {
        let resource = self.resource();
        let status = self.request.subresource == "status";
        if resource.custom.is_some() {
            Custom::prepare_update(old, new, status);
            return;
        }
        if resource.is(STATUS) {
            let kept = if status { "spec" } else { "status" };
            rules::take_over(old, new, kept);
        }
        // Only this path writes a namespace's spec.
        if self.request.subresource != "finalize" {
            rules::prepare_update(resource.family, old, new, status);
        }
        if resource.is(COUNTED) && !status && rules::is_counted(resource.family, old, new) {
            let generation = old.at("/metadata/generation").and_then(Value::as_i64);
            set(new, "generation", json!(generation.unwrap_or(0) + 1));
        }
    }

    /// A claim grows if its storage class lets it.
    fn expect_growth(&self, key: &Key, old: &Value, new: &Value) -> Result<(), Refusal> {
        let claims = self.resource().family == Family::PersistentVolumeClaim;
        if !claims || !self.request.subresource.is_empty() || !rules::grows(old, new) {
            return Ok(());
        }
        let class = new.at("/spec/storageClassName").and_then(Value::as_str);
        let class = class.and_then(|name| {
            let kind = self.inner.catalogue.family(Family::StorageClass)?;
            let place = Key {
                resource: kind.id,
                namespace: "".into(),
                name: name.into(),
            };
            self.state.store.get(&place)
        });
        let expands =
            |class: &Arc<Object>| class.value().get("allowVolumeExpansion") == Some(&json!(true));
        if class.is_some_and(expands) {
            return Ok(());
        }
        let why = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
        Err(Refusal::forbidden(self.resource().named(), &key.name, why))
    }

    fn causes(&self, old: &Value, new: &Value) -> Vec<Cause> {
        let resource = self.resource();
        let status = self.request.subresource == "status";
        let mut causes = rules::metadata(resource, new);
        causes.extend(rules::metadata_change(old, new));
        if let Some(custom) = &resource.custom {
            causes = custom.validate(new, Some(old), status, causes);
        } else if !status {
            causes.extend(rules::validate_change(resource.family, old, new));
        }
        causes
    }
}

/// Whether the update was the last thing that a deletion waited for.
fn is_over(old: &Value, new: &Value) -> bool {
    let finalizers = new.at("/metadata/finalizers").and_then(Value::as_array);
    let grace = old
        .at("/metadata/deletionGracePeriodSeconds")
        .and_then(Value::as_i64);
    finalizers.is_none_or(Vec::is_empty)
        && !has_content(new)
        && !text(old, "deletionTimestamp").is_empty()
        && grace.unwrap_or(0) == 0
}

fn expect_uid(
    resource: &crate::kubernetes::catalogue::Resource,
    key: &Key,
    wanted: &str,
    found: &str,
) -> Result<(), Refusal> {
    if wanted.is_empty() || wanted == found {
        return Ok(());
    }
    let why =
        format!("Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}");
    Err(Refusal::conflict(resource.named(), &key.name, &why))
}
