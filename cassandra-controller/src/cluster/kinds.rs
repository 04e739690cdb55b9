//! The kinds of objects that a cluster owns: one table, from which follow what is watched, what is kept of it, what a
//! decision sees and what is written. A kind more is a line more.

use std::{collections::BTreeMap, sync::Arc};

use cassandra_api::{
    k8s_openapi::{
        api::{
            apps::v1::{StatefulSet, StatefulSetSpec},
            core::v1::{
                ConfigMap, PersistentVolumeClaim, Pod, Service, ServiceAccount, ServiceSpec,
            },
            policy::v1::PodDisruptionBudget,
            rbac::v1::{Role, RoleBinding},
        },
        apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry,
    },
    labels,
    v1alpha1::CassandraMember,
};
use kube::{
    ResourceExt,
    api::{ApiResource, ObjectMeta},
};
use serde::Serialize;
use serde_json::Value;
use tokio::{sync::watch::error::RecvError, task::JoinSet};

use crate::{
    fields,
    runtime::{Comparison, Keeping, PackedStore, Unreadable, Watches},
};

/// Objects of one kind by name.
pub(super) type ByName<K> = BTreeMap<String, Arc<K>>;

type Comparisons = BTreeMap<Kind, ByName<Comparison>>;

/// Each line: the field's name, the kind, what of an object is dropped, and what of the rest is a decision's view.
macro_rules! kinds {
    ($($field:ident: $kind:ident, $trim:ident, $view:expr;)*) => {
        /// The kinds that the operator writes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[allow(missing_docs, reason = "each is its kind")]
        pub enum Kind {
            $($kind,)*
        }

        impl Kind {
            /// How the API server knows it.
            pub(super) fn resource(self) -> ApiResource {
                match self {
                    $(Self::$kind => ApiResource::erase::<$kind>(&()),)*
                }
            }
        }

        /// What the operator owns of one cluster. Volume claims are found by the cluster's name, so those that an
        /// earlier cluster of this name has left are among them.
        #[derive(Clone, Debug, Default)]
        #[allow(missing_docs, reason = "each is its kind")]
        pub struct Owned {
            $(pub $field: ByName<$kind>,)*
            /// What is known of the whole of each, where it is not in hand.
            comparisons: Comparisons,
        }

        impl Owned {
            /// What is known of an object's metadata.
            pub(super) fn metadata(&self, kind: Kind, name: &str) -> Option<&ObjectMeta> {
                match kind {
                    $(Kind::$kind => self.$field.get(name).map(|object| &object.metadata),)*
                }
            }

            /// What is known of the whole of an object. None: it is in hand.
            pub(super) fn comparison(&self, kind: Kind, name: &str) -> Option<&Comparison> {
                let of_kind = self.comparisons.get(&kind)?;
                of_kind.get(name).map(AsRef::as_ref)
            }

            /// Takes an object in, as the API server returns it.
            pub fn put(&mut self, kind: Kind, name: &str, object: Value) -> Result<(), serde_json::Error> {
                match kind {
                    $(Kind::$kind => {
                        let mut object = serde_json::from_value::<$kind>(object)?;
                        $trim(&mut object);
                        self.$field.insert(name.into(), Arc::new(object));
                    })*
                }
                Ok(())
            }
        }

        /// What the operator owns in one scope.
        #[derive(Clone)]
        pub(super) struct Stores {
            $($field: PackedStore<$kind>,)*
        }

        impl Stores {
            /// Begins to watch every kind.
            pub(super) fn watch(watches: &Watches, tasks: &mut JoinSet<()>) -> Self {
                Self {
                    $($field: watches.owned(tasks, labels::MANAGED_SELECTOR, labels::CLUSTER, &Keeping { trim: $trim, view: $view }),)*
                }
            }

            /// Waits until every kind has been listed. A decision on less would take what it has not seen for absent.
            pub(super) async fn listed(&self) -> Result<(), RecvError> {
                $(self.$field.wait_until_ready().await?;)*
                Ok(())
            }

            /// Takes in what a write has returned, for this pass and for those that come before a watch has told of it.
            pub(super) fn answered(
                &self,
                kind: Kind,
                name: &str,
                answer: &str,
                owned: &mut Owned,
            ) -> Result<(), Unreadable> {
                let unreadable = |_| Unreadable::new(name);
                match kind {
                    $(Kind::$kind => {
                        let mut object = serde_json::from_str::<$kind>(answer).map_err(unreadable)?;
                        let version = self.$field.answered(object.clone());
                        $trim(&mut object);
                        owned.$field.insert(name.into(), Arc::new(object));
                        let of_kind = owned.comparisons.entry(kind).or_default();
                        of_kind.insert(name.into(), Arc::new(Comparison::in_hand(version)));
                    })*
                }
                Ok(())
            }

            /// Remembers what was found right.
            pub(super) fn remember(&self, namespace: &str, owned: &Owned) {
                for (kind, comparisons) in &owned.comparisons {
                    for (name, comparison) in comparisons {
                        let Some((version, right)) = comparison.news() else {
                            continue;
                        };
                        match kind {
                            $(Kind::$kind => self.$field.found_right(namespace, name, version, right),)*
                        }
                    }
                }
            }

            /// What there is of one cluster.
            pub(super) fn of_cluster(&self, namespace: &str, name: &str) -> Result<Owned, Unreadable> {
                let mut owned = Owned::default();
                $({
                    let of_kind = owned.comparisons.entry(Kind::$kind).or_default();
                    for (name, (object, comparison)) in self.$field.of_owner(namespace, name)? {
                        of_kind.insert(name.clone(), Arc::new(comparison));
                        owned.$field.insert(name, object);
                    }
                })*
                Ok(owned)
            }
        }
    };
}

kinds! {
    members: CassandraMember, tidy, None;
    config_maps: ConfigMap, trim_config_map, None;
    volume_claims: PersistentVolumeClaim, tidy, Some(view_of_claim);
    pods: Pod, trim_pod, None;
    budgets: PodDisruptionBudget, tidy, Some(identity);
    roles: Role, tidy, Some(identity);
    role_bindings: RoleBinding, tidy, Some(identity);
    services: Service, tidy, Some(view_of_service);
    service_accounts: ServiceAccount, tidy, Some(identity);
    stateful_sets: StatefulSet, tidy, Some(view_of_set);
}

/// About half of an object's metadata is who owns which field. Of that it is kept only whether, and where in the list,
/// there is what a creation by us has left: see `requests`.
fn tidy<K: ResourceExt>(object: &mut K) {
    let entries = object.managed_fields_mut();
    let ours = |entry: &ManagedFieldsEntry| {
        let ours = entry.manager.as_deref().is_some_and(fields::is_ours);
        ours && entry.operation.as_deref() == Some("Update")
    };
    if !entries.iter().any(ours) {
        object.meta_mut().managed_fields = None;
        return;
    }
    for entry in entries {
        *entry = ManagedFieldsEntry {
            manager: entry.manager.take(),
            operation: entry.operation.take(),
            subresource: entry.subresource.take(),
            ..ManagedFieldsEntry::default()
        };
    }
}

/// A decision looks at a pod's identity, node and status.
fn trim_pod(pod: &mut Pod) {
    tidy(pod);
    pod.spec = None;
    if let Some(status) = &mut pod.status {
        status.ephemeral_container_statuses = None;
        status.resource_claim_statuses = None;
        status.pod_ips = None;
        status.host_ips = None;
    }
}

/// A revision is immutable and named by its content, so the content need not be kept.
fn trim_config_map(map: &mut ConfigMap) {
    tidy(map);
    map.data = None;
    map.binary_data = None;
}

/// Which object it is, and whose.
fn identity<K: ResourceExt + Default>(object: &mut K) {
    let metadata = std::mem::take(object.meta_mut());
    *object = K::default();
    *object.meta_mut() = ObjectMeta {
        labels: None,
        annotations: None,
        creation_timestamp: None,
        generation: None,
        ..metadata
    };
}

/// Its address is read.
fn view_of_service(service: &mut Service) {
    let spec = service.spec.take();
    identity(service);
    service.spec = spec.map(|spec| ServiceSpec {
        cluster_ip: spec.cluster_ip,
        ..ServiceSpec::default()
    });
}

/// What pods are made from is read by its digest.
fn view_of_set(set: &mut StatefulSet) {
    let template = set.spec.take().and_then(|spec| spec.template.metadata);
    identity(set);
    let annotations = template.and_then(|metadata| metadata.annotations);
    let metadata = ObjectMeta {
        annotations,
        ..ObjectMeta::default()
    };
    let mut spec = StatefulSetSpec::default();
    spec.template.metadata = Some(metadata);
    set.spec = Some(spec);
}

/// Whose it was is read, what it was asked for, and what is noted on it.
fn view_of_claim(claim: &mut PersistentVolumeClaim) {
    claim.status = None;
}
