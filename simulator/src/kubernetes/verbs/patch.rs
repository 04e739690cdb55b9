//! JSON patch, JSON merge patch, and server-side apply.

use serde_json::Value;

use super::{
    Answer, Work,
    decode::{complete, parse, text},
    ownership::without_owners,
};
use crate::json::At as _;
use crate::kubernetes::{
    catalogue::CREATED_BY_UPDATE,
    fields::{Owners, Refused, Writer},
    refusal::{Cause, Refusal},
    schema::fits,
};

impl Work<'_> {
    pub(super) fn patch(&mut self) -> Result<Answer, Refusal> {
        let form = self
            .request
            .content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        match form {
            "application/apply-patch+yaml" => self.apply(),
            "application/json-patch+json" | "application/merge-patch+json" => {
                let key = self.key(&self.request.name);
                let existing = self.existing(&key)?;
                let patched = self.patched(form, existing.value())?;
                let mut object = self.decode(patched).map_err(unreadable)?;
                self.own(existing.value(), &mut object);
                let changed = self.change(key, &existing, object)?;
                Ok(Answer::Stored(200, changed))
            }
            _ => {
                let message = "the body of the request was in an unknown format - accepted media types include: \
                    application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
                let refusal = Refusal::new(415, "UnsupportedMediaType", message);
                // Built-in kinds take strategic merge patches too, and say less.
                Err(if self.resource().custom.is_none() {
                    refusal.bare()
                } else {
                    refusal
                })
            }
        }
    }

    fn patched(&self, form: &str, current: &Value) -> Result<Value, Refusal> {
        let mut object = current.clone();
        if form == "application/merge-patch+json" {
            let patch = parse(&self.request.body)?;
            json_patch::merge(&mut object, &patch);
            return Ok(object);
        }
        let patch: json_patch::Patch = serde_json::from_slice(&self.request.body)
            .map_err(|error| Refusal::bad_request(format!("error decoding patch: {error}")))?;
        json_patch::patch(&mut object, &patch).map_err(|_| {
            let message = "the server rejected our request due to an error in our request";
            Refusal::new(422, "Invalid", message).bare()
        })?;
        Ok(object)
    }

    fn apply(&mut self) -> Result<Answer, Refusal> {
        let config = parse(&self.request.body)?;
        self.expect_config(&config)?;
        let key = self.key(&self.request.name);
        let existing = self.state.store.get(&key).cloned();
        let (live, owners) = match &existing {
            Some(existing) => (
                without_owners(existing.value().clone()),
                Owners::of(existing.value()),
            ),
            None if !self.request.subresource.is_empty()
                && !self.resource().is(CREATED_BY_UPDATE) =>
            {
                return Err(Refusal::not_found(self.resource().named(), &key.name));
            }
            None => (self.blank(), Owners::default()),
        };
        fits(&config, &self.resource().schema).map_err(|why| {
            Refusal::internal(format!("failed to create typed patch object: {why}"))
        })?;
        if existing.is_none() {
            self.expect_new(&config)?;
        }
        let writer = self.writer(true);
        let force = self.request.is_set("force");
        let filter = self.filter();
        let schema = &self.resource().schema;
        let owners = self.before_first_apply(&live, owners, existing.is_some());
        let applied = owners
            .apply((&live, &config), schema, &writer, force, &filter, &self.now)
            .map_err(Self::refused)?;
        let mut object = applied.object.unwrap_or(live);
        complete(self.resource(), &mut object)?;
        applied.owners.write(&mut object);
        self.place(&mut object)?;
        if let Some(existing) = existing {
            let changed = self.change(key, &existing, object)?;
            Ok(Answer::Stored(200, changed))
        } else {
            super::decode::set(&mut object, "name", self.request.name.clone().into());
            self.create_absent(object, true)
        }
    }

    /// Fields of an object that nobody tracked belong to a manager of this name.
    fn before_first_apply(&self, live: &Value, owners: Owners, exists: bool) -> Owners {
        if !exists || !owners.0.is_empty() {
            return owners;
        }
        let writer = Writer {
            manager: "before-first-apply".into(),
            ..self.writer(false)
        };
        let schema = &self.resource().schema;
        owners.updated(
            (&self.blank(), live),
            schema,
            writer,
            &self.filter(),
            &self.now,
        )
    }

    fn expect_config(&self, config: &Value) -> Result<(), Refusal> {
        let resource = self.resource();
        if self.request.asked("fieldManager").is_empty() {
            let cause = Cause::required("fieldManager");
            let mut refusal = Refusal::invalid(resource.named(), "", &[cause]);
            refusal.details.insert("kind".into(), "PatchOptions".into());
            refusal.details.insert("group".into(), "meta.k8s.io".into());
            return Err(refusal);
        }
        let version = config
            .get("apiVersion")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let kind = config
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if version != resource.api_version() || kind != resource.kind {
            let message = format!("Incorrect version specified in apply patch: {version} {kind}");
            return Err(Refusal::bad_request(message));
        }
        if config
            .at("/metadata/managedFields")
            .is_some_and(|v| !v.is_null())
        {
            return Err(Refusal::bad_request("metadata.managedFields must be nil"));
        }
        let name = text(config, "name");
        if !name.is_empty() && name != self.request.name {
            let message = format!(
                "the name of the object ({name}) does not match the name on the URL ({})",
                self.request.name
            );
            return Err(Refusal::bad_request(message));
        }
        Ok(())
    }

    /// Nothing new has the UID of something that was there.
    fn expect_new(&self, config: &Value) -> Result<(), Refusal> {
        let uid = text(config, "uid");
        if uid.is_empty() {
            return Ok(());
        }
        let why = format!(
            "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        );
        Err(Refusal::conflict(
            self.resource().named(),
            &self.request.name,
            &why,
        ))
    }

    fn refused(refused: Refused) -> Refusal {
        match refused {
            Refused::Malformed(why) => {
                Refusal::internal(format!("failed to create typed patch object: {why}"))
            }
            Refused::Conflicts(conflicts) => {
                let causes: Vec<_> = conflicts
                    .iter()
                    .flat_map(|(writer, fields)| {
                        let paths = fields.paths();
                        paths.into_iter().map(|path| {
                            let message = format!("conflict with {:?}", writer.manager);
                            Cause::new("FieldManagerConflict", &path, message)
                        })
                    })
                    .collect();
                let message = format!("Apply failed with {} conflicts", causes.len());
                Refusal::new(409, "Conflict", message).with_causes(&causes)
            }
        }
    }
}

/// What a patch makes of an object must be readable.
fn unreadable(refusal: Refusal) -> Refusal {
    let cause = Cause::invalid("patch", &refusal.message);
    Refusal::new(422, "Invalid", refusal.message).with_causes(&[cause])
}
