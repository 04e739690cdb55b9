//! The configuration that the spec and the user's ConfigMap ask for, as one immutable revision.

use std::collections::BTreeSet;

use cassandra_api::{
    k8s_openapi::api::core::v1::ConfigMap,
    names, owned_keys,
    quantity::Quantity,
    revision::ConfigRevision,
    rules::{Rule, Waiting},
};
use kube::ResourceExt as _;
use serde_json::Value;

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
    if let Some(problem) = user.and_then(problem_with) {
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

/// What of the user's ConfigMap can't be used, if anything.
fn problem_with(map: &ConfigMap) -> Option<String> {
    let texts = map.data.iter().flatten();
    let binaries = map.binary_data.iter().flatten();
    let names = texts
        .clone()
        .map(|(name, _)| name)
        .chain(binaries.map(|(name, _)| name));
    for name in names {
        if let Some(owned) = owned_keys::in_files(name) {
            return Some(format!(
                "{name} is owned by the operator: {}",
                owned.instead
            ));
        }
    }
    for (name, text) in texts {
        let problem = match name.as_str() {
            "cassandra.yaml" => problem_with_yaml(text),
            name if name.ends_with(".options") => problem_with_options(text),
            _ => None,
        };
        if let Some(problem) = problem {
            return Some(format!("{name} {problem}"));
        }
    }
    None
}

fn problem_with_yaml(text: &str) -> Option<String> {
    match serde_saphyr::from_str::<Value>(text) {
        Err(error) => {
            let reason = error.to_string();
            Some(format!(
                "is not YAML: {}",
                reason.lines().next().unwrap_or_default()
            ))
        }
        Ok(Value::Null) => None,
        Ok(Value::Object(settings)) => settings.keys().find_map(|key| {
            let owned = owned_keys::in_cassandra_yaml(key)?;
            Some(format!(
                "sets {key}, which is owned by the operator: {}",
                owned.instead
            ))
        }),
        Ok(_) => Some("is not a mapping of settings".into()),
    }
}

fn problem_with_options(text: &str) -> Option<String> {
    let options = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'));
    options.into_iter().find_map(|option| {
        let owned = owned_keys::in_jvm_options(option)?;
        Some(format!(
            "sets {option}, which is owned by the operator: {}",
            owned.instead
        ))
    })
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
