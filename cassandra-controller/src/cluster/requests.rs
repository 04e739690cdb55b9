//! The requests that write one object. Each says which object it means, and returns it as the API server then has it.
//!
//! An object that is not known is created and not applied: a name that is taken is told by the answer, and what is under
//! it is never written over. What was created is ours by operation Update, of which an apply takes nothing away; so
//! before the first apply that entry of `managedFields` is made one of operation Apply, as client-go's csaupgrade does.

use cassandra_api::labels;
use http::{HeaderValue, Request, header::CONTENT_TYPE};
use kube::{
    Api, Client, Resource as _, ResourceExt as _,
    api::{
        ApiResource, DeleteParams, DynamicObject, ObjectMeta, Patch, PatchParams, PostParams,
        Preconditions,
    },
};
use serde_json::{Value, json};

use super::{
    Error,
    act::Owner,
    error::{bounded, in_time},
    kinds::Kind,
    plan::{Deletion, Desired, Existing},
};

const JSON_PATCH: HeaderValue = HeaderValue::from_static("application/json-patch+json");

/// What came of writing an object.
pub(super) enum Written {
    /// It is there now, as this text says.
    As(String),
    /// It was there already, and the reflectors do not have it yet: it is not for us to write over what we have not
    /// read.
    ThereAlready,
    /// Something that is not ours is under its name.
    NameTaken,
}

/// Writes objects of one kind.
pub(super) struct Requests<'a> {
    client: &'a Client,
    owner: &'a Owner,
    kind: Kind,
    resource: ApiResource,
}

impl<'a> Requests<'a> {
    pub(super) fn new(client: &'a Client, owner: &'a Owner, kind: Kind) -> Self {
        Self {
            client,
            owner,
            kind,
            resource: kind.resource(),
        }
    }

    /// Writes an object. `live` is what is known of the one that is there.
    pub(super) async fn put(
        &self,
        desired: &Desired,
        live: Option<&ObjectMeta>,
    ) -> Result<Written, Error> {
        match &desired.existing {
            Existing::Absent => self.put_new(desired).await,
            Existing::Differs {
                uid,
                resource_version,
            } => {
                let created = live.and_then(|live| Creation::of(live, desired.manager));
                let version = match (created, live) {
                    (Some(creation), Some(live)) => {
                        let taken = self.take_over(desired, live, creation).await?;
                        resource_version.as_ref().map(|_| taken)
                    }
                    _ => resource_version.clone(),
                };
                self.apply(desired, uid, version).await.map(Written::As)
            }
            Existing::Altered {
                uid,
                resource_version,
            } => {
                let spec = desired.object.get("spec");
                let change = json!({ "op": "replace", "path": "/spec", "value": spec });
                let patched = self.patch(desired, (uid, resource_version), change);
                patched.await.map(Written::As)
            }
        }
    }

    /// Creates what is not known, or looks at what is under its name.
    async fn put_new(&self, desired: &Desired) -> Result<Written, Error> {
        // A Service that asks for its address back would be refused for that before its name is looked at: one that is
        // there has the address.
        let address = desired.object.pointer("/spec/clusterIP");
        let asks_for_address = address.is_some_and(|address| address != "None");
        if asks_for_address && let Some(found) = self.look(desired).await? {
            return Ok(found);
        }
        match self.create(desired).await {
            // None: it has gone meanwhile.
            Err(error) if error.is_already_exists() => self.look(desired).await?.ok_or(error),
            created => created.map(Written::As),
        }
    }

    /// Writes the status of an object that is there.
    pub(super) async fn put_status(&self, desired: &Desired) -> Result<String, Error> {
        let request = |params: &PatchParams, patch: &Patch<Value>| {
            self.path()
                .patch_subresource("status", &desired.name, params, patch)
        };
        let Existing::Differs {
            uid,
            resource_version,
        } = &desired.existing
        else {
            return Err(Error::Malformed {
                missing: "a status",
            });
        };
        let object = meaning(&desired.object, uid, resource_version.as_deref());
        let params = PatchParams::apply(desired.manager).force();
        self.send(desired, request(&params, &Patch::Apply(object)))
            .await
    }

    async fn create(&self, desired: &Desired) -> Result<String, Error> {
        let params = PostParams {
            field_manager: Some(desired.manager.into()),
            ..PostParams::default()
        };
        let body = desired.object.to_string().into_bytes();
        self.send(desired, self.path().create(&params, body)).await
    }

    async fn apply(
        &self,
        desired: &Desired,
        uid: &str,
        version: Option<String>,
    ) -> Result<String, Error> {
        let object = meaning(&desired.object, uid, version.as_deref());
        let params = PatchParams::apply(desired.manager).force();
        let patch = Patch::Apply(object);
        let request = self.path().patch(&desired.name, &params, &patch);
        self.send(desired, request).await
    }

    /// Makes ours by operation Apply what is ours by creation. Returns the object's version after it.
    async fn take_over(
        &self,
        desired: &Desired,
        live: &ObjectMeta,
        creation: Creation,
    ) -> Result<String, Error> {
        let Creation { entry, applied } = creation;
        let entry = format!("/metadata/managedFields/{entry}");
        let change = if applied {
            // Labels were put back since: the apply that follows takes them over.
            json!({ "op": "remove", "path": entry })
        } else {
            json!({ "op": "replace", "path": format!("{entry}/operation"), "value": "Apply" })
        };
        // A version that is not there any more is a conflict, so the entry is the one that we mean.
        let this = (
            live.uid.as_deref().unwrap_or_default(),
            live.resource_version.as_deref().unwrap_or_default(),
        );
        let answer = self.patch(desired, this, change).await?;
        let after: Option<Answer> = serde_json::from_str(&answer).ok();
        Ok(after
            .map(|after| after.metadata.resource_version)
            .unwrap_or_default())
    }

    /// Makes one change of an object of this UID and version.
    async fn patch(
        &self,
        desired: &Desired,
        (uid, version): (&str, &str),
        change: Value,
    ) -> Result<String, Error> {
        let patch = Patch::Merge(json!([
            { "op": "replace", "path": "/metadata/uid", "value": uid },
            { "op": "replace", "path": "/metadata/resourceVersion", "value": version },
            change,
        ]));
        let params = PatchParams {
            field_manager: Some(desired.manager.into()),
            ..PatchParams::default()
        };
        let request = self.path().patch(&desired.name, &params, &patch);
        let request = request.map(|mut request| {
            request.headers_mut().insert(CONTENT_TYPE, JSON_PATCH);
            request
        });
        self.send(desired, request).await
    }

    /// Looks at what is under a name, if anything. An object of ours that lost its labels gets them back, so that the
    /// reflectors have it again.
    async fn look(&self, desired: &Desired) -> Result<Option<Written>, Error> {
        let (name, api) = (&desired.name, self.api());
        let Some(found) = bounded("look for", name, api.get_metadata_opt(name)).await? else {
            return Ok(None);
        };
        let labelled = found.labels().get(labels::CLUSTER_UID) == Some(&self.owner.uid);
        let wanted = desired
            .object
            .pointer("/metadata/ownerReferences/0/uid")
            .and_then(Value::as_str);
        let ours = found
            .owner_references()
            .iter()
            .any(|reference| Some(reference.uid.as_str()) == wanted);
        if !labelled && !ours {
            return Ok(Some(Written::NameTaken));
        }
        let labels = desired
            .object
            .pointer("/metadata/labels")
            .and_then(Value::as_object);
        let complete = labels
            .into_iter()
            .flatten()
            .all(|(key, value)| found.labels().get(key).map(String::as_str) == value.as_str());
        if !complete {
            let patch =
                Patch::Merge(json!({ "metadata": { "uid": found.uid(), "labels": labels } }));
            let params = PatchParams {
                field_manager: Some(desired.manager.into()),
                ..PatchParams::default()
            };
            let request = api.patch_metadata(name, &params, &patch);
            in_time("label", name.clone(), request)
                .await?
                .map_err(|source| self.failed(desired, source))?;
        }
        Ok(Some(Written::ThereAlready))
    }

    pub(super) async fn remove(&self, deletion: &Deletion) -> Result<(), Error> {
        let Deletion {
            kind,
            name,
            uid,
            resource_version,
            reason,
        } = deletion;
        tracing::info!(?kind, name, reason, "deleting");
        let params = DeleteParams::default().preconditions(Preconditions {
            uid: Some(uid.clone()),
            resource_version: Some(resource_version.clone()),
        });
        let api = self.api();
        match in_time("delete", name.clone(), api.delete(name, &params)).await? {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(source) => Err(Error::Delete {
                kind: *kind,
                name: name.clone(),
                source: Box::new(source),
            }),
        }
    }

    fn api(&self) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.owner.namespace, &self.resource)
    }

    fn path(&self) -> kube::core::Request {
        let path = DynamicObject::url_path(&self.resource, Some(&self.owner.namespace));
        kube::core::Request::new(path)
    }

    /// The object that a write returns, as it came: it is read once, by who keeps it.
    async fn send(
        &self,
        desired: &Desired,
        request: Result<Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<String, Error> {
        let failed = |source| self.failed(desired, source);
        let request = request.map_err(|error| failed(kube::Error::BuildRequest(error)))?;
        let answer = self.client.request_text(request);
        in_time("write", desired.name.clone(), answer)
            .await?
            .map_err(failed)
    }

    fn failed(&self, desired: &Desired, source: kube::Error) -> Error {
        Error::Apply {
            kind: self.kind,
            name: desired.name.clone(),
            source: Box::new(source),
        }
    }
}

/// The fields, for the object that is meant.
fn meaning(object: &Value, uid: &str, version: Option<&str>) -> Value {
    let mut object = object.clone();
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    if let Some(metadata) = metadata {
        metadata.insert("uid".into(), json!(uid));
        if let Some(version) = version {
            metadata.insert("resourceVersion".into(), json!(version));
        }
    }
    object
}

/// What of an answer says which version it is.
#[derive(serde::Deserialize)]
struct Answer {
    metadata: Version,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    resource_version: String,
}

/// What a creation by us has left in `managedFields`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Creation {
    /// Which entry it is.
    entry: usize,
    /// Whether there is one of an apply of ours beside it.
    applied: bool,
}

impl Creation {
    /// None: there is nothing, or an apply has taken it over.
    fn of(live: &ObjectMeta, manager: &str) -> Option<Self> {
        let entries = live.managed_fields.as_ref()?;
        let find = |operation: &str| {
            entries.iter().position(|entry| {
                entry.operation.as_deref() == Some(operation)
                    && entry.manager.as_deref() == Some(manager)
                    && entry.subresource.as_deref().unwrap_or_default().is_empty()
            })
        };
        Some(Self {
            entry: find("Update")?,
            applied: find("Apply").is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use cassandra_api::k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;

    use super::*;

    fn owned_by(entries: &[(&str, &str, &str)]) -> ObjectMeta {
        let entry = |(manager, operation, subresource): &(&str, &str, &str)| ManagedFieldsEntry {
            manager: Some((*manager).into()),
            operation: Some((*operation).into()),
            subresource: Some((*subresource).into()),
            ..ManagedFieldsEntry::default()
        };
        ObjectMeta {
            managed_fields: Some(entries.iter().map(entry).collect()),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn what_a_creation_has_left_is_found_among_others() {
        let theirs = ("kubelet", "Update", "");
        let ours = ("us", "Update", "");
        let of = |entries: &[(&str, &str, &str)]| Creation::of(&owned_by(entries), "us");
        let found = |entry, applied| Some(Creation { entry, applied });
        assert_eq!(of(&[theirs, ours]), found(1, false));
        assert_eq!(of(&[("us", "Apply", ""), theirs, ours]), found(2, true));
        assert_eq!(of(&[("us", "Apply", ""), theirs]), None);
        assert_eq!(of(&[("us", "Update", "status")]), None);
    }
}
