//! Carries a plan out as it is. No decision is taken here; what was decided is done only if the world still is what
//! it was when it was decided.

use std::collections::BTreeSet;

use cassandra_api::{
    labels,
    rules::{Rule, Waiting},
    v1alpha1::CassandraCluster,
};
use futures::{StreamExt as _, stream};
use kube::{
    Api, Client,
    api::{ObjectMeta, Patch, PatchParams},
};
use serde_json::json;

use super::{
    Context, Error,
    error::in_time,
    kinds::{Kind, Owned},
    observe::Refused,
    plan::{Deletion, Desired, Existing, RecordUpdate},
    refused,
    requests::{Requests, Written},
};
use crate::fields;

/// Writes of one cluster that are under way at the same time.
const AT_ONCE: usize = 8;

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

/// What came of the plans of one pass.
#[derive(Debug, Default)]
pub(super) struct Acted {
    /// Number of writes.
    pub writes: usize,
    /// Objects that are there and that the reflectors do not have: they are left alone in this pass.
    pub(super) left_alone: BTreeSet<(Kind, String)>,
    /// What the API server has refused.
    pub(super) refused: Vec<Refused>,
    /// The first of these failures.
    pub(super) failure: Option<Error>,
}

/// Writes the record, if the cluster is still the one that was read. Returns the cluster as it then is.
pub(super) async fn write_record(
    client: &Client,
    owner: &Owner,
    update: &RecordUpdate,
) -> Result<CassandraCluster, Error> {
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
    let cluster = in_time("write the record of", owner.name.clone(), request)
        .await?
        .map_err(failed)?;
    // Unknown fields are pruned, and then nothing has changed. It would be written and pruned for ever.
    if cluster.metadata.resource_version.as_ref() == Some(&update.resource_version) {
        return Err(Error::RecordNotKept {
            name: owner.name.clone(),
        });
    }
    Ok(cluster)
}

/// Creates what is absent, then puts right what differs, and takes in what the API server then has. Nothing that a plan
/// writes depends on another of its writes, so several are under way at once; but what is absent holds up most. A write that fails does not keep the
/// others from being tried, for one member's trouble is not another's. What is refused is noted and left alone; of other
/// failures the first in the plan's order is returned. Tells how many objects were written.
pub(super) async fn write(
    context: &Context,
    owner: &Owner,
    apply: &[Desired],
    there: &mut Owned,
    acted: &mut Acted,
) -> Result<usize, Error> {
    let (mut absent, mut differing) = (Vec::new(), Vec::new());
    for desired in apply {
        if acted.leaves_alone(desired.kind, &desired.name) {
            continue;
        }
        let live = there.metadata(desired.kind, &desired.name).cloned();
        let write = put(&context.client, owner, desired.clone(), live);
        match desired.existing {
            Existing::Absent => absent.push(write),
            Existing::Differs { .. } | Existing::Altered { .. } => differing.push(write),
        }
    }
    let mut writes: Vec<_> = stream::iter(absent).buffered(AT_ONCE).collect().await;
    let changes = stream::iter(differing).buffered(AT_ONCE);
    writes.extend(changes.collect::<Vec<_>>().await);
    let (before, mut failure) = (acted.writes, None);
    for (desired, written) in writes {
        let (kind, name) = (desired.kind, desired.name.clone());
        match written {
            Ok(Written::As(object)) => {
                acted.writes += 1;
                context.stores.answered(kind, &name, object, there)?;
            }
            Ok(Written::ThereAlready) => {
                acted.left_alone.insert((kind, name));
            }
            Ok(Written::NameTaken) => {
                let particulars = format!("{kind:?} {name} is not this cluster's");
                let waiting = Waiting::on(Rule::NameIsFree, particulars);
                acted.refuse(&desired, waiting);
            }
            Err(error) if error.is_namespace_terminating() => return Err(error),
            Err(error) => {
                let refusal = error.refusal();
                match refusal.map(|refusal| refused::waiting(kind, &name, refusal)) {
                    Some(waiting) => {
                        acted.refuse(&desired, waiting);
                        acted.failure.get_or_insert(error);
                    }
                    None => drop(failure.get_or_insert(error)),
                }
            }
        }
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(acted.writes - before),
    }
}

async fn put(
    client: &Client,
    owner: &Owner,
    desired: Desired,
    live: Option<ObjectMeta>,
) -> (Desired, Result<Written, Error>) {
    let requests = Requests::new(client, owner, desired.kind);
    let written = requests.put(&desired, live.as_ref()).await;
    (desired, written)
}

/// Tells Members why they wait, whatever became of other writes. One that is gone is told nothing.
pub(super) async fn tell(
    context: &Context,
    owner: &Owner,
    conditions: &[Desired],
    there: &mut Owned,
    acted: &mut Acted,
) -> Result<(), Error> {
    let tell = |desired: &Desired| {
        let requests = Requests::new(&context.client, owner, desired.kind);
        let desired = desired.clone();
        async move { (requests.put_status(&desired).await, desired) }
    };
    let told: Vec<_> = conditions.iter().map(tell).collect();
    let told: Vec<_> = stream::iter(told).buffered(AT_ONCE).collect().await;
    let mut failure = None;
    for (told, Desired { kind, name, .. }) in told {
        match told {
            Ok(member) => {
                acted.writes += 1;
                context.stores.answered(kind, &name, member, there)?;
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => {
                failure.get_or_insert(error);
            }
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Deletes, in order, until something fails.
pub(super) async fn delete(
    client: &Client,
    owner: &Owner,
    delete: &[Deletion],
    acted: &mut Acted,
) -> Result<(), Error> {
    for deletion in delete {
        Requests::new(client, owner, deletion.kind)
            .remove(deletion)
            .await?;
        acted.writes += 1;
    }
    Ok(())
}

impl Acted {
    fn refuse(&mut self, desired: &Desired, waiting: Waiting) {
        let member = desired.object.pointer("/metadata/labels");
        let member = member.and_then(|labels| labels.get(labels::MEMBER)?.as_str());
        self.left_alone.insert((desired.kind, desired.name.clone()));
        self.refused.push(Refused {
            member: member.map(Into::into),
            waiting,
        });
    }

    fn leaves_alone(&self, kind: Kind, name: &str) -> bool {
        self.left_alone
            .iter()
            .any(|(there, left)| *there == kind && left == name)
    }
}
