//! Reads everything that a decision needs, and nothing else reads. The cluster and the user's ConfigMap come
//! from a live GET, what the operator owns from its reflectors.

use std::{collections::BTreeMap, sync::Arc};

use cassandra_api::{
    k8s_openapi::{
        api::{
            apps::v1::StatefulSet,
            core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Service, ServiceAccount},
            policy::v1::PodDisruptionBudget,
            rbac::v1::{Role, RoleBinding},
        },
        apimachinery::pkg::apis::meta::v1::Time,
    },
    names,
    v1alpha1::{CassandraCluster, CassandraMember},
};
use kube::Api;

use super::{Context, Error, error::bounded};

/// Objects of one kind by name.
pub(super) type ByName<K> = BTreeMap<String, Arc<K>>;

/// Everything that a decision about one cluster needs.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The time of the observation.
    pub now: Time,
    /// The cluster, read live.
    pub cluster: Arc<CassandraCluster>,
    /// The image with agent and bootstrapper for new members.
    pub operator_image: String,
    /// The user's ConfigMap.
    pub user_config: UserConfig,
    /// What the operator owns of this cluster, by kind and name.
    pub owned: Owned,
}

/// The user's ConfigMap.
#[derive(Clone, Debug, PartialEq)]
pub enum UserConfig {
    /// None is named, and there is none by convention.
    None,
    /// The one that the spec names is not there.
    Missing(String),
    /// It is there.
    Present(Box<ConfigMap>),
}

/// What the operator owns of one cluster. Volume claims are found by the cluster's name, so those that an
/// earlier cluster of this name has left are among them.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "each is its kind")]
pub struct Owned {
    pub members: ByName<CassandraMember>,
    pub stateful_sets: ByName<StatefulSet>,
    pub services: ByName<Service>,
    pub volume_claims: ByName<PersistentVolumeClaim>,
    pub pods: ByName<Pod>,
    pub config_maps: ByName<ConfigMap>,
    pub service_accounts: ByName<ServiceAccount>,
    pub roles: ByName<Role>,
    pub role_bindings: ByName<RoleBinding>,
    pub budgets: ByName<PodDisruptionBudget>,
}

/// Reads what there is of this cluster. None: the cluster is gone.
pub(super) async fn observe(
    context: &Context,
    namespace: &str,
    name: &str,
) -> Result<Option<Observed>, Error> {
    let clusters: Api<CassandraCluster> = Api::namespaced(context.client.clone(), namespace);
    let Some(cluster) = bounded("read the cluster", name, clusters.get_opt(name)).await? else {
        return Ok(None);
    };
    let user_config = user_config(context, namespace, name, &cluster).await?;
    Ok(Some(Observed {
        now: context.clock.now(),
        operator_image: context.operator_image.clone(),
        user_config,
        owned: owned(context, namespace, name)?,
        cluster: Arc::new(cluster),
    }))
}

async fn user_config(
    context: &Context,
    namespace: &str,
    name: &str,
    cluster: &CassandraCluster,
) -> Result<UserConfig, Error> {
    let named = cluster.spec.config.from_config_map.as_deref();
    let wanted = named.map_or_else(|| names::conventional_config_map(name), str::to_owned);
    let maps: Api<ConfigMap> = Api::namespaced(context.client.clone(), namespace);
    let found = bounded("read the ConfigMap", &wanted, maps.get_opt(&wanted)).await?;
    Ok(match (found, named) {
        (Some(map), _) => UserConfig::Present(Box::new(map)),
        (None, Some(_)) => UserConfig::Missing(wanted),
        (None, None) => UserConfig::None,
    })
}

fn owned(context: &Context, namespace: &str, name: &str) -> Result<Owned, Error> {
    let stores = &context.stores;
    Ok(Owned {
        members: stores.members.of_cluster(namespace, name)?,
        stateful_sets: stores.stateful_sets.of_cluster(namespace, name)?,
        services: stores.services.of_cluster(namespace, name)?,
        volume_claims: stores.volume_claims.of_cluster(namespace, name)?,
        pods: stores.pods.of_cluster(namespace, name)?,
        config_maps: stores.config_maps.of_cluster(namespace, name)?,
        service_accounts: stores.service_accounts.of_cluster(namespace, name)?,
        roles: stores.roles.of_cluster(namespace, name)?,
        role_bindings: stores.role_bindings.of_cluster(namespace, name)?,
        budgets: stores.budgets.of_cluster(namespace, name)?,
    })
}
