//! The configuration that the spec and the user's ConfigMap ask for, as one immutable revision.

mod user_files;

use std::collections::BTreeSet;

use cassandra_api::{
    k8s_openapi::api::core::v1::ConfigMap,
    names,
    quantity::Quantity,
    revision::ConfigRevision,
    rules::{Rule, Waiting},
};
use kube::ResourceExt as _;

use super::super::{
    kinds::Kind,
    objects,
    observe::UserConfig,
    plan::{Deletion, Desired},
    validate::Validated,
};

/// The revision that members should run with.
#[derive(Clone, Debug)]
pub(super) struct Revision {
    /// Name of its ConfigMap.
    pub(super) name: String,
    /// The write that makes it, if it is not there yet.
    pub(super) object: Option<Desired>,
}

/// The revision, or what is wrong with the user's ConfigMap.
pub(super) fn revision(cluster: &Validated<'_>) -> Result<Revision, Waiting> {
    let user = match &cluster.observed.user_config {
        UserConfig::None => None,
        UserConfig::Missing(name) => {
            let particulars = format!("there is no ConfigMap {name}");
            return Err(Waiting::on(Rule::ConfigMapAvailable, particulars));
        }
        UserConfig::Present(map) => Some(map.as_ref()),
    };
    if let Some(problem) = user.and_then(user_files::problem_with) {
        let name = user.map(ConfigMap::name_any).unwrap_or_default();
        let particulars = format!("in ConfigMap {name}, {problem}");
        return Err(Waiting::on(Rule::ConfigMapParses, particulars));
    }
    let config = &cluster.spec.config;
    let content = ConfigRevision {
        cluster_name: cluster.cluster_name.clone(),
        datacenter: cluster.spec.datacenter.clone(),
        cassandra_yaml: config.cassandra_yaml.clone(),
        heap_bytes: config
            .jvm
            .heap
            .as_ref()
            .and_then(Quantity::units)
            .and_then(|b| b.try_into().ok()),
        jvm_options: config.jvm.options.clone(),
    };
    let (name, object) = objects::config_revision(cluster, &content, user);
    Ok(Revision { name, object })
}

/// Revisions that no member runs with or will run with.
pub(super) fn unused_revisions(
    cluster: &Validated<'_>,
    current: Option<&Revision>,
) -> Vec<Deletion> {
    let Some(current) = current else {
        return Vec::new();
    };
    let owned = &cluster.observed.owned;
    let workloads = owned
        .members
        .values()
        .filter_map(|member| member.spec.workload.as_ref());
    let used: BTreeSet<_> = workloads
        .map(|workload| workload.config_revision.as_str())
        .chain([current.name.as_str()])
        .collect();
    let prefix = names::config_revision(&cluster.name, "");
    owned
        .config_maps
        .iter()
        .filter(|(name, _)| name.starts_with(&prefix) && !used.contains(name.as_str()))
        .filter_map(|(name, map)| {
            Some(Deletion {
                kind: Kind::ConfigMap,
                name: name.clone(),
                uid: map.uid()?,
                resource_version: map.resource_version()?,
                reason: "no member uses this revision of the configuration".into(),
            })
        })
        .collect()
}
