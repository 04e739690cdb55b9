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
use kube::api::{ApiResource, ObjectMeta};
use serde::Serialize;
use serde_json::Value;
use tokio::{sync::watch::error::RecvError, task::JoinSet};

use super::shapes;
use crate::runtime::{Comparison, Keeping, PackedStore, Unreadable, Watches};

/// Objects of one kind by name.
pub(super) type ByName<K> = BTreeMap<String, Arc<K>>;

type Comparisons = BTreeMap<Kind, ByName<Comparison>>;

/// Each line: the field's name, the kind, what of an object is kept, and what a decision reads if that is not all.
macro_rules! kinds {
    ($($field:ident: $kind:ident, $whole:expr, $view:expr;)*) => {
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
                        let object = serde_json::from_value::<$kind>(object)?;
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
                    $($field: watches.owned(tasks, labels::MANAGED_SELECTOR, labels::CLUSTER, Keeping { whole: $whole, view: $view }),)*
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
                answer: String,
                owned: &mut Owned,
            ) -> Result<(), Unreadable> {
                let unreadable = |_| Unreadable::new(name);
                match kind {
                    $(Kind::$kind => {
                        let answered = self.$field.answered(answer);
                        let (object, comparison) = answered.map_err(unreadable)?;
                        owned.$field.insert(name.into(), Arc::new(object));
                        let of_kind = owned.comparisons.entry(kind).or_default();
                        of_kind.insert(name.into(), Arc::new(comparison));
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
    members: CassandraMember, shapes::whole, None;
    config_maps: ConfigMap, shapes::metadata, None;
    volume_claims: PersistentVolumeClaim, shapes::wanted, None;
    pods: Pod, shapes::pod, None;
    budgets: PodDisruptionBudget, shapes::wanted, Some(shapes::identity);
    roles: Role, shapes::wanted, Some(shapes::identity);
    role_bindings: RoleBinding, shapes::wanted, Some(shapes::identity);
    services: Service, shapes::wanted, Some(shapes::service);
    service_accounts: ServiceAccount, shapes::wanted, Some(shapes::identity);
    stateful_sets: StatefulSet, shapes::wanted, Some(shapes::stateful_set);
}
