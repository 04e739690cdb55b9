//! The kinds of objects that a cluster owns: one table, from which follow what is watched, what is kept of it, what a
//! decision sees and what is written. A kind more is a line more.

use std::{collections::BTreeMap, sync::Arc};

use cassandra_api::{
    k8s_openapi::api::{
        apps::v1::StatefulSet,
        core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Service, ServiceAccount},
        policy::v1::PodDisruptionBudget,
        rbac::v1::{Role, RoleBinding},
    },
    labels,
    v1alpha1::CassandraMember,
};
use kube::{ResourceExt, api::ApiResource};
use serde::Serialize;
use serde_json::Value;
use tokio::{sync::watch::error::RecvError, task::JoinSet};

use crate::runtime::{PackedStore, Unreadable, Watches};

/// Objects of one kind by name.
pub(super) type ByName<K> = BTreeMap<String, Arc<K>>;

/// Each line: the field's name, the kind, and what of an object is dropped before it is kept.
macro_rules! kinds {
    ($($field:ident: $kind:ident, $trim:ident;)*) => {
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
        }

        impl Owned {
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
                    $($field: watches.owned(tasks, labels::MANAGED_SELECTOR, labels::CLUSTER, $trim),)*
                }
            }

            /// Waits until every kind has been listed. A decision on less would take what it has not seen for absent.
            pub(super) async fn listed(&self) -> Result<(), RecvError> {
                $(self.$field.wait_until_ready().await?;)*
                Ok(())
            }

            /// What there is of one cluster.
            pub(super) fn of_cluster(&self, namespace: &str, name: &str) -> Result<Owned, Unreadable> {
                Ok(Owned {
                    $($field: self.$field.of_owner(namespace, name)?,)*
                })
            }
        }
    };
}

kinds! {
    members: CassandraMember, tidy;
    config_maps: ConfigMap, trim_config_map;
    volume_claims: PersistentVolumeClaim, tidy;
    pods: Pod, trim_pod;
    budgets: PodDisruptionBudget, tidy;
    roles: Role, tidy;
    role_bindings: RoleBinding, tidy;
    services: Service, tidy;
    service_accounts: ServiceAccount, tidy;
    stateful_sets: StatefulSet, tidy;
}

/// About half of an object's metadata is of no use to a decision.
fn tidy<K: ResourceExt>(object: &mut K) {
    object.meta_mut().managed_fields = None;
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
