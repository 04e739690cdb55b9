//! What a decision is: data. It can be printed, compared and snapshot-tested; `act` carries it out as it is.

use std::time::Duration;

use cassandra_api::v1alpha1::{CassandraClusterStatus, Record};
use serde::Serialize;
use serde_json::Value;

use super::kinds::Kind;

/// What should be written now, in this order.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Compare-and-swap of the cluster's status. If it fails, nothing else of the plan is done.
    pub record: Option<RecordUpdate>,
    /// Objects to create or to put right, in order.
    pub apply: Vec<Desired>,
    /// Conditions of Members, to write to their status.
    pub conditions: Vec<Desired>,
    /// Objects to delete.
    pub delete: Vec<Deletion>,
    /// What the status should say.
    pub status: CassandraClusterStatus,
    /// What is worth an event, if the plan is carried out.
    pub events: Vec<Event>,
    /// When the cluster should be looked at again if no event comes before. None: at the next resync.
    pub requeue_after: Option<Duration>,
}

impl Plan {
    /// What is to be written, without its content: settings can hold passwords, and logs are read by many.
    pub fn in_words(&self) -> String {
        let record = self.record.iter().map(|_| "record".to_owned());
        let apply = self
            .apply
            .iter()
            .map(|desired| format!("apply {:?} {}", desired.kind, desired.name));
        let delete = self
            .delete
            .iter()
            .map(|gone| format!("delete {:?} {}", gone.kind, gone.name));
        let conditions = self
            .conditions
            .iter()
            .map(|desired| format!("tell {:?} {}", desired.kind, desired.name));
        record
            .chain(apply)
            .chain(conditions)
            .chain(delete)
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Whether it writes this object already.
    pub(super) fn has(&self, object: &Desired) -> bool {
        let mut planned = self.apply.iter();
        planned.any(|desired| (desired.kind, &desired.name) == (object.kind, &object.name))
    }

    /// A plan that reports and changes nothing.
    pub fn status_only(status: CassandraClusterStatus) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }
}

/// The record as it should be, before anything is done on the strength of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordUpdate {
    /// The resource version that the decision was taken on.
    pub resource_version: String,
    /// The record.
    pub record: Record,
}

/// An object as it should be: only the fields that the operator owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Desired {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// One of [`crate::fields`].
    pub manager: &'static str,
    /// What is there already.
    pub existing: Existing,
    /// The fields.
    pub object: Value,
}

/// What is there already of an object that should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Existing {
    /// Nothing that the operator knows of: created, unless the name is taken.
    Absent,
    /// Something that differs, of this UID. With a resource version, it is changed only if it is still that one.
    #[allow(missing_docs, reason = "named as in Kubernetes' metadata")]
    Differs {
        uid: String,
        resource_version: Option<String>,
    },
    /// Something whose spec somebody else has changed, this version of this UID: an apply takes nothing away that others
    /// have added, so the spec is replaced.
    #[allow(missing_docs, reason = "named as in Kubernetes' metadata")]
    Altered {
        uid: String,
        resource_version: String,
    },
}

/// An object that should go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deletion {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// It is deleted only if it is still this one.
    pub uid: String,
    /// It is deleted only if nothing of it has changed.
    pub resource_version: String,
    /// Why.
    pub reason: String,
}

/// Something that the user may want to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Whether something is wrong.
    pub warning: bool,
    /// The member that it is about. None: the cluster.
    pub member: Option<String>,
    /// A related object: the member that has to do with it. Events that differ in it are not counted as one.
    pub related: Option<String>,
    /// What is being done. Events that differ in it are not counted as one.
    pub action: String,
    /// One word in PascalCase.
    pub reason: String,
    /// A sentence.
    pub note: String,
}

impl Event {
    /// Something about the cluster that is as it should be.
    pub fn normal(reason: &str, note: impl Into<String>) -> Self {
        Self {
            warning: false,
            member: None,
            related: None,
            action: "Reconcile".into(),
            reason: reason.into(),
            note: note.into(),
        }
    }

    /// Something about the cluster that is wrong.
    pub fn warning(reason: &str, note: impl Into<String>) -> Self {
        Self {
            warning: true,
            ..Self::normal(reason, note)
        }
    }

    /// About the cluster, and this member has to do with it.
    #[must_use]
    pub fn related_to(mut self, member: &str) -> Self {
        self.related = Some(member.into());
        self
    }

    /// This is being done: said anew for each action.
    #[must_use]
    pub fn action(mut self, action: &str) -> Self {
        self.action = action.into();
        self
    }

    /// About this member.
    #[must_use]
    pub fn about(mut self, member: &str) -> Self {
        self.member = Some(member.into());
        self
    }
}
