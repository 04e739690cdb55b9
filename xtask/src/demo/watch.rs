//! Shows what becomes of the members until all are ready.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail};
use cassandra_api::v1alpha1::{CassandraCluster, CassandraMember, MemberState, Phase};
use kube::ResourceExt as _;
use kube::api::ObjectList;
use serde::de::DeserializeOwned;
use testbed::process::stdout;
use testbed::target::Target;
use testbed::wait::poll;

use super::NAMESPACE;
use super::example::Example;

/// A cold start of three nodes on two slow cores, and pulling images.
const DEADLINE: Duration = Duration::from_mins(15);
const PAUSE: Duration = Duration::from_secs(1);

pub(super) fn until_ready(target: &Target, example: &Example) -> Result<()> {
    let mut seen = BTreeMap::new();
    let waited = poll("a cluster that is ready", DEADLINE, PAUSE, || {
        // The API server may be busy; the next look tells.
        let members = members(target, &example.name).unwrap_or_default();
        for member in &members {
            let now = describe(member);
            if seen.get(&member.name_any()) != Some(&now) {
                println!("  {}: {now}", member.name_any());
                seen.insert(member.name_any(), now);
            }
        }
        let ready = members.iter().filter(|member| is_ready(member)).count();
        ready >= example.members && phase(target, &example.name) == Some(Phase::Ready)
    });
    match waited {
        Ok(()) => Ok(()),
        Err(error) => bail!(
            "{error}; the cluster says:\n{}",
            blocked(target, &example.name)
        ),
    }
}

fn phase(target: &Target, name: &str) -> Option<Phase> {
    cluster(target, name).ok()?.status?.phase
}

fn cluster(target: &Target, name: &str) -> Result<CassandraCluster> {
    get(
        target,
        &["cassandracluster", name, "--namespace", NAMESPACE],
    )
}

fn members(target: &Target, cluster: &str) -> Result<Vec<CassandraMember>> {
    let selector = format!("{}={cluster}", cassandra_api::labels::CLUSTER);
    let list: ObjectList<CassandraMember> = get(
        target,
        &[
            "cassandramembers",
            "--namespace",
            NAMESPACE,
            "--selector",
            &selector,
        ],
    )?;
    Ok(list.items)
}

fn get<T: DeserializeOwned>(target: &Target, what: &[&str]) -> Result<T> {
    let json = stdout(
        target
            .kubectl()
            .arg("get")
            .args(what)
            .args(["--output", "json"]),
    )?;
    Ok(serde_json::from_str(&json)?)
}

fn is_ready(member: &CassandraMember) -> bool {
    member
        .status
        .as_ref()
        .is_some_and(|status| status.state == MemberState::Ready)
}

/// The state, Cassandra's mode, and what is waited for.
fn describe(member: &CassandraMember) -> String {
    let state = member
        .status
        .as_ref()
        .map_or("created", |status| status.state.as_str());
    let mode = member
        .status
        .as_ref()
        .and_then(|status| status.mode.as_deref());
    let mode = mode.map(|mode| format!(", {mode}")).unwrap_or_default();
    let waiting = member
        .waiting()
        .map(|w| format!(" (waits by the rule {})", w.rule));
    format!("{state}{mode}{}", waiting.unwrap_or_default())
}

fn blocked(target: &Target, name: &str) -> String {
    let blocked = cluster(target, name).map(|cluster| cluster.status.unwrap_or_default().blocked);
    match blocked {
        Ok(list) if list.is_empty() => "nothing; is the controller running?".into(),
        Ok(list) => {
            let lines: Vec<_> = list
                .iter()
                .map(|b| format!("{}: {}", b.rule, b.message))
                .collect();
            lines.join(
                "
",
            )
        }
        Err(error) => error.to_string(),
    }
}
