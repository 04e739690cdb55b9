//! Getting, listing, and beginning to watch.
#![expect(clippy::wildcard_enum_match_arm, reason = "the others have no items")]

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Answer, Work};
use crate::kubernetes::{
    catalogue::Resource,
    refusal::Refusal,
    request::Request,
    selectors::Selection,
    store::{Key, Object},
    watching::Watching,
};

impl Work<'_> {
    pub(super) fn get(&mut self) -> Result<Answer, Refusal> {
        let key = self.key(&self.request.name);
        let revision = self.revision_to_read()?;
        let found = self.state.store.get_at(&key, revision).cloned();
        let object = found.ok_or_else(|| Refusal::not_found(self.resource().named(), &key.name))?;
        Ok(Answer::Stored(200, object))
    }

    /// The head for who does not say; the replica's cache for who is content with any revision.
    fn revision_to_read(&self) -> Result<u64, Refusal> {
        let asked = self.request.asked("resourceVersion");
        let head = self.state.store.head();
        if asked.is_empty() {
            return Ok(head);
        }
        let asked: u64 = asked.parse().map_err(|_| {
            Refusal::bad_request(format!("Invalid value: {asked:?}: resource version"))
        })?;
        match self.request.asked("resourceVersionMatch") {
            "Exact" if asked <= self.state.store.compacted() => Err(Refusal::expired(
                "The provided resource version is too old.",
            )),
            "Exact" => Ok(asked),
            // Who wants something newer than the cache waits in vain, as long as the cache lags.
            _ if asked > self.seen => {
                let message = format!(
                    "Too large resource version: {asked}, current: {}",
                    self.seen
                );
                Err(Refusal::new(504, "Timeout", message))
            }
            _ => Ok(self.seen),
        }
    }

    fn selection(&self) -> Result<Selection, Refusal> {
        let request = self.request;
        Selection::parse(
            request.asked("labelSelector"),
            request.asked("fieldSelector"),
            &request.resource,
        )
    }

    pub(super) fn list(&mut self) -> Result<Answer, Refusal> {
        let selection = self.selection()?;
        let request = self.request;
        let token = request.asked("continue");
        let limit: usize = request.asked("limit").parse().unwrap_or(0);
        let (revision, after) = if token.is_empty() {
            (self.revision_to_read()?, None)
        } else {
            let (revision, after) = read_token(token)
                .ok_or_else(|| Refusal::bad_request("continue key is not valid"))?;
            if revision <= self.state.store.compacted() {
                return Err(Refusal::expired(
                    "The provided continue parameter is too old to display a consistent list result.",
                ));
            }
            (revision, Some(after))
        };
        let all = self
            .state
            .store
            .list_at(request.resource.id, &request.namespace, revision);
        let mut matching = all
            .filter(|(key, _)| after.as_ref().is_none_or(|after| place(key) > *after))
            .filter(|(_, object)| selection.matches(object.value()));
        let mut objects = Vec::new();
        let mut last = None;
        while limit == 0 || objects.len() < limit {
            let Some((key, object)) = matching.next() else {
                break;
            };
            last = Some(place(key));
            objects.push(object.clone());
        }
        let left = matching.count();
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if let (true, Some(fields)) = (request.resource.custom.is_some(), metadata.as_object_mut())
        {
            fields.insert("continue".into(), json!(""));
        }
        if let (true, Some(last), Some(fields)) = (left > 0, last, metadata.as_object_mut()) {
            fields.insert("continue".into(), json!(write_token(revision, &last)));
            if selection == Selection::default() {
                fields.insert("remainingItemCount".into(), json!(left));
            }
        }
        Ok(list_of(&request.resource, &objects, metadata))
    }

    pub(super) fn watch(&mut self) -> Result<Answer, Refusal> {
        let selection = self.selection()?;
        let asked = self.request.asked("resourceVersion");
        let initial = self.request.is_set("sendInitialEvents");
        let from: u64 = match asked {
            "" => 0,
            asked => asked.parse().map_err(|_| {
                Refusal::bad_request(format!("Invalid value: {asked:?}: resource version"))
            })?,
        };
        let watching = Watching::new(self.request, selection, self.replica, from, initial);
        Ok(Answer::Watch(Box::new(watching)))
    }
}

type Place = (String, String);

fn place(key: &Key) -> Place {
    (key.namespace.to_string(), key.name.to_string())
}

fn write_token(revision: u64, last: &Place) -> String {
    format!("{revision}.{}.{}", last.0, last.1)
}

fn read_token(token: &str) -> Option<(u64, Place)> {
    let mut parts = token.splitn(3, '.');
    let revision = parts.next()?.parse().ok()?;
    Some((
        revision,
        (parts.next()?.to_owned(), parts.next()?.to_owned()),
    ))
}

/// Objects as a list of their kind.
#[expect(clippy::needless_pass_by_value, reason = "it becomes part of the list")]
pub(super) fn list_of(resource: &Resource, objects: &[Arc<Object>], metadata: Value) -> Answer {
    let items = objects.iter().map(|object| {
        let mut value = object.value().clone();
        if let (true, Some(fields)) = (resource.custom.is_none(), value.as_object_mut()) {
            fields.remove("apiVersion");
            fields.remove("kind");
        }
        value
    });
    let items: Vec<_> = items.collect();
    Answer::Value(
        200,
        json!({"apiVersion": resource.api_version(), "kind": format!("{}List", resource.kind),
            "metadata": metadata, "items": items}),
    )
}

/// Whether the answer is to be metadata alone.
pub(crate) fn wants_metadata(request: &Request) -> bool {
    request.accept.contains("as=PartialObjectMetadata")
}

/// An object's metadata alone.
pub(crate) fn metadata_of(value: &Value) -> Value {
    json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
        "metadata": value.get("metadata")})
}

/// The answer in the form that was asked for.
pub(super) fn as_asked(request: &Request, answer: Answer) -> Answer {
    if !wants_metadata(request) {
        return answer;
    }
    match answer {
        Answer::Stored(code, object) => Answer::Value(code, metadata_of(object.value())),
        Answer::Value(code, mut list) if list.get("items").is_some() => {
            if let Some(items) = list.get_mut("items").and_then(Value::as_array_mut) {
                for item in items.iter_mut() {
                    *item = metadata_of(item);
                }
            }
            if let Some(fields) = list.as_object_mut() {
                if fields.get("items") == Some(&json!([])) {
                    fields.insert("items".into(), Value::Null);
                }
                if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
                    metadata.retain(|_, value| *value != json!(""));
                }
                fields.insert("apiVersion".into(), json!("meta.k8s.io/v1"));
                fields.insert("kind".into(), json!("PartialObjectMetadataList"));
            }
            Answer::Value(code, list)
        }
        other => other,
    }
}
