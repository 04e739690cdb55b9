//! Carries a plan out as it is. No decision is taken here; what was decided is done only if the world still is what
//! it was when it was decided.

use cassandra_api::{labels, v1alpha1::CassandraCluster};
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions},
};
use serde_json::{Value, json};

use super::{
    Error,
    error::{bounded, in_time},
    kinds::Kind,
    plan::{Deletion, Desired, Existing, RecordUpdate},
};
use crate::fields;

/// Whose objects are written.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    /// The cluster's namespace.
    pub namespace: String,
    /// The cluster's name.
    pub name: String,
    /// The cluster's UID.
    pub uid: String,
}

/// What came of a plan that was carried out.
#[derive(Clone, Debug, Default)]
pub(super) struct Acted {
    /// Number of writes.
    pub writes: usize,
    /// Objects of somebody else that have the name of one of ours.
    pub names_taken: Vec<(Kind, String)>,
}

impl Acted {
    /// With this number of writes more.
    pub(super) fn and(self, writes: usize) -> Self {
        let writes = self.writes + writes;
        Self { writes, ..self }
    }
}

/// Writes the record, if the cluster is still the one that was read.
pub(super) async fn write_record(
    client: &Client,
    owner: &Owner,
    update: &RecordUpdate,
) -> Result<(), Error> {
    let clusters: Api<CassandraCluster> = Api::namespaced(client.clone(), &owner.namespace);
    let record = &update.record;
    let patch = Patch::Merge(json!({
        "metadata": { "resourceVersion": update.resource_version, "uid": owner.uid },
        "status": { "record": {
            // Said also if they are not there: a merge patch keeps what it does not mention. A rack stays on record.
            "founder": record.founder,
            "operation": record.operation,
            "nextOrdinals": record.next_ordinals,
            "members": record.members,
        } },
    }));
    let params = PatchParams {
        field_manager: Some(fields::RECORD.into()),
        ..PatchParams::default()
    };
    let request = clusters.patch_status(&owner.name, &params, &patch);
    let failed = |source| Error::Record {
        name: owner.name.clone(),
        source: Box::new(source),
    };
    in_time("write the record of", owner.name.clone(), request)
        .await?
        .map_err(failed)?;
    Ok(())
}

/// Creates what is absent and puts right what differs, in order; then deletes. A write that fails does not keep the
/// others from being tried, for one member's trouble is not another's; the first error is returned, and nothing is
/// deleted after one.
pub(super) async fn act(
    client: &Client,
    owner: &Owner,
    apply: &[Desired],
    delete: &[Deletion],
) -> Result<Acted, Error> {
    let mut acted = Acted::default();
    let mut failure = None;
    for desired in apply {
        match put(&api(client, owner, desired.kind), owner, desired).await {
            Ok(Found::Nothing) => acted.writes += 1,
            Ok(Found::Ours) => {}
            Ok(Found::SomebodyElses) => {
                acted.names_taken.push((desired.kind, desired.name.clone()));
            }
            Err(error) if error.is_namespace_terminating() => return Err(error),
            Err(error) => {
                failure.get_or_insert(error);
            }
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    for deletion in delete {
        remove(&api(client, owner, deletion.kind), deletion).await?;
        acted.writes += 1;
    }
    Ok(acted)
}

/// Tells Members why they wait, whatever became of other writes. One that is gone is told nothing.
pub(super) async fn tell(
    client: &Client,
    owner: &Owner,
    conditions: &[Desired],
) -> Result<usize, Error> {
    let mut failure = None;
    for desired in conditions {
        let api = api(client, owner, desired.kind);
        match write(&api, desired, Part::Status).await {
            Err(error) if !error.is_not_found() => {
                failure.get_or_insert(error);
            }
            Ok(()) | Err(_) => {}
        }
    }
    failure.map_or(Ok(conditions.len()), Err)
}

/// Writes the object, unless something is under its name that nobody expected there.
async fn put(api: &Api<DynamicObject>, owner: &Owner, desired: &Desired) -> Result<Found, Error> {
    let found = match desired.existing {
        Existing::Absent => look(api, owner, desired).await?,
        Existing::Differs { .. } => Found::Nothing,
    };
    if matches!(found, Found::Nothing) {
        write(api, desired, Part::Main).await?;
    }
    Ok(found)
}

/// What is under the name of an object that the reflectors do not have.
enum Found {
    Nothing,
    Ours,
    SomebodyElses,
}

/// Looks under the name. An object of ours that lost its labels gets them back, so that the reflectors have it
/// again; one that they have not delivered yet is left alone: it is not for us to write over what we have not read.
async fn look(api: &Api<DynamicObject>, owner: &Owner, desired: &Desired) -> Result<Found, Error> {
    let name = &desired.name;
    let Some(found) = bounded("look for", name, api.get_metadata_opt(name)).await? else {
        return Ok(Found::Nothing);
    };
    let labelled = found.labels().get(labels::CLUSTER_UID) == Some(&owner.uid);
    let wanted = desired
        .object
        .pointer("/metadata/ownerReferences/0/uid")
        .and_then(Value::as_str);
    let ours = found
        .owner_references()
        .iter()
        .any(|reference| Some(reference.uid.as_str()) == wanted);
    if !labelled && !ours {
        return Ok(Found::SomebodyElses);
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
        let patch = Patch::Merge(json!({ "metadata": { "uid": found.uid(), "labels": labels } }));
        let params = PatchParams {
            field_manager: Some(desired.manager.into()),
            ..PatchParams::default()
        };
        let failed = |source| Error::Apply {
            kind: desired.kind,
            name: name.clone(),
            source: Box::new(source),
        };
        let request = api.patch_metadata(name, &params, &patch);
        in_time("label", name.clone(), request)
            .await?
            .map_err(failed)?;
    }
    Ok(Found::Ours)
}

/// Which part of an object is written.
#[derive(Clone, Copy)]
enum Part {
    /// All but the status.
    Main,
    /// The status.
    Status,
}

async fn write(api: &Api<DynamicObject>, desired: &Desired, part: Part) -> Result<(), Error> {
    let Desired {
        kind,
        name,
        manager,
        existing,
        object,
    } = desired;
    let mut object = object.clone();
    if let (
        Existing::Differs {
            uid,
            resource_version,
        },
        Some(metadata),
    ) = (
        existing,
        object
            .get_mut("metadata")
            .and_then(|value| value.as_object_mut()),
    ) {
        metadata.insert("uid".into(), json!(uid));
        if let Some(version) = resource_version {
            metadata.insert("resourceVersion".into(), json!(version));
        }
    }
    let params = PatchParams::apply(manager).force();
    let failed = |source| Error::Apply {
        kind: *kind,
        name: name.clone(),
        source: Box::new(source),
    };
    let patch = Patch::Apply(object);
    let written = match part {
        Part::Main => in_time("write", name.clone(), api.patch(name, &params, &patch)).await?,
        Part::Status => {
            let request = api.patch_status(name, &params, &patch);
            in_time("write the status of", name.clone(), request).await?
        }
    };
    written.map_err(failed)?;
    Ok(())
}

async fn remove(api: &Api<DynamicObject>, deletion: &Deletion) -> Result<(), Error> {
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

fn api(client: &Client, owner: &Owner, kind: Kind) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), &owner.namespace, &kind.resource())
}
