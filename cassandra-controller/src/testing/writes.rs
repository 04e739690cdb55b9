//! What becomes of a plan: the record, objects, conditions and deletions, as the API server would have them. A plan that
//! names a UID or a version that is not there, or says of an object that it is absent, fails the test.

use std::{collections::BTreeMap, sync::Arc};

use cassandra_api::{
    names,
    v1alpha1::{CassandraClusterStatus, CassandraMemberStatus, StartMode},
};
use kube::{Resource, ResourceExt as _};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{NAMESPACE, World};
use crate::cluster::{Deletion, Desired, Existing, Kind, Plan, RecordUpdate};

impl World {
    /// Carries a plan out.
    pub fn carry_out(&mut self, plan: &Plan) {
        if let Some(update) = &plan.record {
            self.write_record(update);
        }
        for desired in &plan.apply {
            self.apply(desired);
        }
        for desired in &plan.conditions {
            self.tell(desired);
        }
        for deletion in &plan.delete {
            self.delete(deletion);
        }
        let record = self.status().record;
        Arc::make_mut(&mut self.observed.cluster).status = Some(CassandraClusterStatus {
            record,
            ..plan.status.clone()
        });
    }

    pub(super) fn next_version(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }

    fn write_record(&mut self, update: &RecordUpdate) {
        let version = self.next_version();
        let cluster = Arc::make_mut(&mut self.observed.cluster);
        assert_eq!(
            cluster.metadata.resource_version.as_ref(),
            Some(&update.resource_version)
        );
        let status = cluster.status.get_or_insert_default();
        status.record.clone_from(&update.record);
        cluster.metadata.resource_version = Some(version);
    }

    /// The operator's condition of a Member takes the place of the one before; the agent's stay.
    fn tell(&mut self, desired: &Desired) {
        let version = self.next_version();
        let member = self.observed.owned.members.get_mut(&desired.name).unwrap();
        let member = Arc::make_mut(member);
        let expected = Existing::Differs {
            uid: member.uid().unwrap(),
            resource_version: None,
        };
        assert_eq!(desired.existing, expected);
        let told = desired.object.get("status").cloned();
        let told: CassandraMemberStatus =
            serde_json::from_value(told.unwrap_or_else(|| json!({}))).unwrap();
        let status = member.status.get_or_insert_default();
        *status = status.of_agent();
        status.conditions.extend(told.conditions);
        member.metadata.resource_version = Some(version);
    }

    fn apply(&mut self, desired: &Desired) {
        let version = self.next_version();
        let owned = &mut self.observed.owned;
        match desired.kind {
            Kind::CassandraMember => {
                put(&mut owned.members, desired, &version, |_| {});
                self.note_permit(&desired.name);
            }
            Kind::Service => {
                let address = format!("10.0.0.{}", owned.services.len());
                put(&mut owned.services, desired, &version, |service| {
                    let spec = service.get_mut("spec").and_then(Value::as_object_mut);
                    let spec = spec.unwrap();
                    spec.entry("clusterIP").or_insert_with(|| json!(address));
                });
            }
            Kind::StatefulSet => {
                put(&mut owned.stateful_sets, desired, &version, |_| {});
                self.make_pod(&desired.name);
            }
            Kind::PersistentVolumeClaim => {
                put(&mut owned.volume_claims, desired, &version, |_| {});
            }
            Kind::ConfigMap => put(&mut owned.config_maps, desired, &version, |_| {}),
            Kind::ServiceAccount => put(&mut owned.service_accounts, desired, &version, |_| {}),
            Kind::Role => put(&mut owned.roles, desired, &version, |_| {}),
            Kind::RoleBinding => put(&mut owned.role_bindings, desired, &version, |_| {}),
            Kind::PodDisruptionBudget => put(&mut owned.budgets, desired, &version, |_| {}),
            Kind::Pod => panic!("pods are made by StatefulSets"),
        }
    }

    fn note_permit(&mut self, member: &str) {
        let mode = self.member(member).spec.start.mode;
        let permit = (member.to_owned(), mode);
        if mode != StartMode::Hold && self.permits.last() != Some(&permit) {
            self.permits.push(permit);
        }
    }

    fn delete(&mut self, deletion: &Deletion) {
        let owned = &mut self.observed.owned;
        match deletion.kind {
            Kind::Pod => {
                let pod = owned.pods.remove(&deletion.name).unwrap();
                assert_eq!(pod.uid().as_ref(), Some(&deletion.uid));
                self.make_pod(deletion.name.strip_suffix("-0").unwrap());
            }
            Kind::ConfigMap => {
                owned.config_maps.remove(&deletion.name).unwrap();
            }
            Kind::CassandraMember => {
                let member = owned.members.remove(&deletion.name).unwrap();
                assert_eq!(member.uid().as_ref(), Some(&deletion.uid));
                assert_eq!(
                    member.resource_version().as_ref(),
                    Some(&deletion.resource_version)
                );
                // The garbage collector takes what it owned.
                owned.stateful_sets.remove(&deletion.name);
                owned.services.remove(&deletion.name);
                owned.pods.remove(&names::pod(&deletion.name));
            }
            Kind::PersistentVolumeClaim
            | Kind::PodDisruptionBudget
            | Kind::Role
            | Kind::RoleBinding
            | Kind::Service
            | Kind::ServiceAccount
            | Kind::StatefulSet => panic!("{:?} is never deleted", deletion.kind),
        }
    }
}

/// Creates an object or writes over it. Its status stays.
fn put<K>(
    objects: &mut BTreeMap<String, Arc<K>>,
    desired: &Desired,
    version: &str,
    finish: impl FnOnce(&mut Map<String, Value>),
) where
    K: Resource<DynamicType = ()> + Serialize + DeserializeOwned,
{
    let live = objects.get(&desired.name);
    let mut object = desired.object.as_object().unwrap().clone();
    finish(&mut object);
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    metadata.unwrap().extend(
        [
            ("uid", uid(desired, live.map(AsRef::as_ref), version)),
            ("resourceVersion", version.to_owned()),
            ("namespace", NAMESPACE.to_owned()),
        ]
        .map(|(field, value)| (field.to_owned(), value.into())),
    );
    // As Kubernetes counts: every write of ours changes a spec.
    let generation = live.map_or(0, |live| live.meta().generation.unwrap_or_default());
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("generation".into(), json!(generation + 1));
    }
    let mut status = live.map(|live| serde_json::to_value(&**live).unwrap());
    let status = status.as_mut().and_then(|live| live.get_mut("status"));
    if let Some(status) = status.filter(|status| !status.is_null()) {
        object.insert("status".into(), status.take());
    }
    let object = serde_json::from_value(object.into()).unwrap();
    objects.insert(desired.name.clone(), Arc::new(object));
}

/// The UID that the object has or gets, if what the plan says of it is true.
fn uid<K: Resource>(desired: &Desired, live: Option<&K>, version: &str) -> String {
    match (&desired.existing, live) {
        (Existing::Absent, None) => format!("{:?}-{version}", desired.kind),
        (
            Existing::Differs {
                uid,
                resource_version,
            },
            Some(live),
        ) => {
            assert_eq!(Some(uid), live.meta().uid.as_ref());
            if resource_version.is_some() {
                assert_eq!(resource_version, &live.meta().resource_version);
            }
            uid.clone()
        }
        (
            Existing::Altered {
                uid,
                resource_version,
            },
            Some(live),
        ) => {
            assert_eq!(Some(uid), live.meta().uid.as_ref());
            assert_eq!(
                Some(resource_version),
                live.meta().resource_version.as_ref()
            );
            uid.clone()
        }
        (existing, _) => panic!("{}: the plan says {existing:?}", desired.name),
    }
}
