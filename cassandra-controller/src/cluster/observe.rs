//! Reads everything that a decision needs, and nothing else reads. The cluster and the user's ConfigMap come
//! from a live GET, what the operator owns from its reflectors.

use std::sync::Arc;

use cassandra_api::{
    k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::Time},
    names,
    rules::Waiting,
    v1alpha1::CassandraCluster,
};
use kube::Api;

use super::{Context, Error, error::bounded, kinds::Owned};

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
    /// What the API server has refused in this pass.
    pub refused: Vec<Refused>,
}

/// A write that the API server has refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The member whose object it is. None: the cluster's.
    pub member: Option<String>,
    /// What is waited for now.
    pub waiting: Waiting,
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

/// Reads what there is of this cluster. None: the cluster is gone.
pub(super) async fn observe(
    context: &Context,
    namespace: &str,
    name: &str,
) -> Result<Option<Observed>, Error> {
    // Before the cluster is read: while that was there, nothing was collected for its sake. The other way round, what the
    // collector had just taken of a deleted cluster would look like something to be put back.
    let owned = context.stores.of_cluster(namespace, name)?;
    let clusters: Api<CassandraCluster> = Api::namespaced(context.client.clone(), namespace);
    // Most clusters use no ConfigMap or that of the conventional name, so it is read at the same time.
    let conventional = names::conventional_config_map(name);
    let (cluster, conventional) = tokio::join!(
        bounded("read the cluster", name, clusters.get_opt(name)),
        config_map(context, namespace, &conventional),
    );
    let Some(cluster) = cluster? else {
        return Ok(None);
    };
    let user_config = match cluster.spec.config.from_config_map.as_deref() {
        None => conventional?.map_or(UserConfig::None, |map| UserConfig::Present(Box::new(map))),
        Some(named) => match config_map(context, namespace, named).await? {
            Some(map) => UserConfig::Present(Box::new(map)),
            None => UserConfig::Missing(named.to_owned()),
        },
    };
    Ok(Some(Observed {
        now: context.clock.now(),
        operator_image: context.operator_image.clone(),
        user_config,
        owned,
        refused: Vec::new(),
        cluster: Arc::new(cluster),
    }))
}

async fn config_map(
    context: &Context,
    namespace: &str,
    name: &str,
) -> Result<Option<ConfigMap>, Error> {
    let maps: Api<ConfigMap> = Api::namespaced(context.client.clone(), namespace);
    bounded("read the ConfigMap", name, maps.get_opt(name)).await
}
