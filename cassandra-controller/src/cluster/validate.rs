//! Parses what was observed: after this step nothing that is needed is missing. The API server has checked the
//! spec already, but an installed CRD can be older than the controller, and only here is the spec compared with
//! what exists.

use std::collections::BTreeMap;

use cassandra_api::{
    names,
    v1alpha1::{CassandraClusterSpec, CassandraClusterStatus},
    validation::{self, Invalid},
};
use kube::ResourceExt as _;

use super::{decide::membership, observe::Observed};

/// A cluster that can be worked on.
#[derive(Clone, Debug)]
pub(super) struct Validated<'a> {
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The object's UID.
    pub uid: String,
    /// The object's version when it was read.
    pub resource_version: String,
    /// Cassandra's `cluster_name`.
    pub cluster_name: String,
    /// The Cassandra image that the spec asks for.
    pub image: String,
    /// The spec.
    pub spec: &'a CassandraClusterSpec,
    /// The status, empty if there is none yet.
    pub status: CassandraClusterStatus,
    /// The observation.
    pub observed: &'a Observed,
}

impl Validated<'_> {
    /// UID of the ServiceAccount by which the agents speak, if it is there.
    pub(super) fn account_uid(&self) -> Option<String> {
        let account = names::agent_account(&self.name);
        self.observed.owned.service_accounts.get(&account)?.uid()
    }
}

/// The cluster, or everything that is wrong with its spec.
pub(super) fn validate(observed: &Observed) -> Result<Validated<'_>, Vec<Invalid>> {
    let cluster = &observed.cluster;
    let name = cluster.name_any();
    let mut problems = validation::problems(&name, &cluster.spec);
    problems.extend(against_what_exists(&name, observed));
    let image = cluster.spec.cassandra_image();
    match (image, cluster.uid(), cluster.resource_version()) {
        (Some(image), Some(uid), Some(resource_version)) if problems.is_empty() => Ok(Validated {
            namespace: cluster.namespace().unwrap_or_default(),
            cluster_name: cluster
                .spec
                .cluster_name
                .clone()
                .unwrap_or_else(|| name.clone()),
            name,
            uid,
            resource_version,
            image: image.into_owned(),
            spec: &cluster.spec,
            status: cluster.status.clone().unwrap_or_default(),
            observed,
        }),
        _ => Err(problems),
    }
}

/// What the spec asks for and the existing members do not allow.
fn against_what_exists(name: &str, observed: &Observed) -> Vec<Invalid> {
    let spec = &observed.cluster.spec;
    let mut problems = Vec::new();
    let wanted: BTreeMap<_, _> = spec
        .racks
        .iter()
        .map(|rack| (&rack.name, rack.members))
        .collect();
    for (rack, ordinals) in membership::ordinals(observed) {
        let begun = ordinals.len() - membership::not_begun(observed, &rack, &ordinals).len();
        let existing = if wanted.contains_key(&rack) {
            begun
        } else {
            ordinals.len()
        };
        match wanted.get(&rack) {
            None => problems.push(Invalid {
                field: "spec.racks".into(),
                problem: format!(
                    "rack {rack} has {existing} members and can't be removed for now: they would have to \
                     leave the ring first. Put the rack back"
                ),
            }),
            Some(members) if usize::try_from(*members).is_ok_and(|m| m < existing) => problems.push(Invalid {
                field: "spec.racks".into(),
                problem: format!(
                    "rack {rack} has {existing} members that have begun to join, which can't be lowered to {members} \
                     for now: a member would have to leave the ring first. Set it to {existing} or more"
                ),
            }),
            Some(_) => {}
        }
    }
    problems.extend(changed_identity(name, observed));
    problems.extend(older_release(observed));
    problems
}

fn changed_identity(name: &str, observed: &Observed) -> Option<Invalid> {
    let spec = &observed.cluster.spec;
    let cluster_name = spec.cluster_name.as_deref().unwrap_or(name);
    let member = observed.owned.members.values().next()?;
    if member.spec.datacenter != spec.datacenter {
        let problem = format!("it is {} and can't be changed", member.spec.datacenter);
        return Some(Invalid {
            field: "spec.datacenter".into(),
            problem,
        });
    }
    let problem = format!("it is {} and can't be changed", member.spec.cluster_name);
    (member.spec.cluster_name != cluster_name).then(|| Invalid {
        field: "spec.clusterName".into(),
        problem,
    })
}

/// Cassandra does not open data that a later release line wrote. Within a line it does.
fn older_release(observed: &Observed) -> Option<Invalid> {
    let asked = observed.cluster.spec.version.as_deref()?;
    let members = observed.owned.members.values();
    let running = members.filter_map(|member| {
        let status = member.status.as_ref()?;
        status.bootstrapped.as_ref()?;
        status.release_version.as_deref()
    });
    let latest = running.max_by_key(|release| line(release))?;
    (line(asked) < line(latest)).then(|| Invalid {
        field: "spec.version".into(),
        problem: format!(
            "members run {latest} and can't go back to {asked}: Cassandra does not open data that a later release line \
             has written. Set a release of the line {} or later",
            latest.split('.').take(2).collect::<Vec<_>>().join(".")
        ),
    })
}

/// The first two numbers of a release.
fn line(release: &str) -> Vec<u32> {
    let numbers = release.split(['.', '-']).take(2);
    numbers.map(|number| number.parse().unwrap_or(0)).collect()
}
