//! What the user does. Nothing goes wrong with it.

use cassandra_api::{
    labels,
    v1alpha1::{CassandraCluster, CassandraMember, Job},
};
use k8s_openapi::api::core::v1::{Namespace, Node};
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, Patch, PatchParams, PostParams, PropagationPolicy},
    core::{ClusterResourceScope, NamespaceResourceScope},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Failure, NAMESPACE, Simulation};

impl Simulation {
    /// A client of the user's.
    pub fn user(&self) -> Client {
        self.user.clone()
    }

    /// The user applies a cluster.
    pub async fn apply(&self, name: &str, spec: Value) -> Result<(), Failure> {
        let object = json!({
            "apiVersion": "cassandra-operator.rs/v1alpha1",
            "kind": "CassandraCluster",
            "metadata": { "name": name },
            "spec": spec,
        });
        let api: Api<CassandraCluster> = Api::namespaced(self.user.clone(), NAMESPACE);
        let params = PatchParams::apply("user").force();
        accepted(api.patch(name, &params, &Patch::Apply(object)).await)
    }

    /// The user orders these jobs of a member, and no others.
    pub async fn order(&self, member: &str, jobs: &[Job]) -> Result<(), Failure> {
        let object = json!({
            "apiVersion": "cassandra-operator.rs/v1alpha1",
            "kind": "CassandraMember",
            "metadata": { "name": member },
            "spec": { "jobs": jobs },
        });
        let api: Api<CassandraMember> = Api::namespaced(self.user.clone(), NAMESPACE);
        let params = PatchParams::apply("user");
        accepted(api.patch(member, &params, &Patch::Apply(object)).await)
    }

    /// The user deletes something.
    pub async fn delete<K>(&self, name: &str) -> Result<(), Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: DeserializeOwned + Clone + std::fmt::Debug,
    {
        let api: Api<K> = Api::namespaced(self.user.clone(), NAMESPACE);
        accepted(api.delete(name, &DeleteParams::default()).await)
    }

    /// The user deletes something, and what it owns is to stay.
    pub async fn delete_and_orphan<K>(&self, name: &str) -> Result<(), Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: DeserializeOwned + Clone + std::fmt::Debug,
    {
        let api: Api<K> = Api::namespaced(self.user.clone(), NAMESPACE);
        let orphan = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Orphan),
            ..DeleteParams::default()
        };
        accepted(api.delete(name, &orphan).await)
    }

    /// The user takes the label away by which the operator finds what it owns.
    pub async fn unlabel<K>(&self, name: &str) -> Result<(), Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: DeserializeOwned + Clone + std::fmt::Debug,
    {
        let api: Api<K> = Api::namespaced(self.user.clone(), NAMESPACE);
        let without = json!({ "metadata": { "labels": { labels::MANAGED_BY: null } } });
        accepted(
            api.patch(name, &PatchParams::default(), &Patch::Merge(without))
                .await,
        )
    }

    /// The user changes something of an object, or of its status.
    pub async fn edit<K>(
        &self,
        name: &str,
        subresource: Option<&str>,
        change: Value,
    ) -> Result<(), Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: DeserializeOwned + Clone + std::fmt::Debug,
    {
        let api: Api<K> = Api::namespaced(self.user.clone(), NAMESPACE);
        let (params, change) = (PatchParams::default(), Patch::Merge(change));
        accepted(match subresource {
            None => api.patch(name, &params, &change).await,
            Some(part) => api.patch_subresource(part, name, &params, &change).await,
        })
    }

    /// The user keeps new pods from a node, or lets them on it again.
    pub async fn cordon(&self, node: &str, cordoned: bool) -> Result<(), Failure> {
        let api: Api<Node> = Api::all(self.user.clone());
        let change = Patch::Merge(json!({ "spec": { "unschedulable": cordoned } }));
        accepted(api.patch(node, &PatchParams::default(), &change).await)
    }

    /// The user says that a Member may be deleted.
    pub async fn allow_delete(&self, name: &str) -> Result<(), Failure> {
        let api: Api<CassandraMember> = Api::namespaced(self.user.clone(), NAMESPACE);
        let allowed = json!({ "metadata": { "annotations": { "cassandra-operator.rs/allow-delete": "true" } } });
        let params = PatchParams::default();
        accepted(api.patch(name, &params, &Patch::Merge(allowed)).await)
    }

    /// The user deletes something that is in no namespace.
    pub async fn delete_unnamespaced<K>(&self, name: &str) -> Result<(), Failure>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope>,
        K: DeserializeOwned + Clone + std::fmt::Debug,
    {
        let api: Api<K> = Api::all(self.user.clone());
        accepted(api.delete(name, &DeleteParams::default()).await)
    }

    /// The user makes the namespace that scenarios play in.
    pub async fn create_namespace(&self) -> Result<(), Failure> {
        let api: Api<Namespace> = Api::all(self.user.clone());
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(NAMESPACE.into());
        accepted(api.create(&PostParams::default(), &namespace).await)
    }
}

fn accepted<T>(answer: kube::Result<T>) -> Result<(), Failure> {
    answer
        .map(drop)
        .map_err(|error| Failure::Refused(error.to_string()))
}
