//! A program of another operator: it embeds cassandra-api, brings its own client, and says which
//! Cassandra nodes are not ready, now and whenever that changes.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::BTreeSet;

use anyhow::Result;
use cassandra_api::conditions;
use cassandra_api::v1alpha1::CassandraMember;
use futures::TryStreamExt as _;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let members: Api<CassandraMember> = Api::all(Client::try_default().await?);
    let config = watcher::Config::default().page_size(50);
    let mut changes = Box::pin(watcher(members, config).default_backoff().applied_objects());
    let mut not_ready = BTreeSet::new();
    while let Some(member) = changes.try_next().await? {
        let name = format!(
            "{}/{}",
            member.namespace().unwrap_or_default(),
            member.name_any()
        );
        if is_ready(&member) {
            if not_ready.remove(&name) {
                println!("{name} is ready");
            }
        } else if not_ready.insert(name.clone()) {
            println!("{name} is not ready: {}", why(&member));
        }
    }
    Ok(())
}

fn is_ready(member: &CassandraMember) -> bool {
    let status = member.status.as_ref();
    status.is_some_and(|status| conditions::is_true(&status.conditions, conditions::READY))
}

/// What the operator waits for, or what the agent sees.
fn why(member: &CassandraMember) -> String {
    match (member.waiting(), &member.status) {
        (Some(waiting), _) => format!("{}: {}", waiting.rule, waiting.message),
        (None, Some(status)) => status.state.as_str().to_owned(),
        (None, None) => "its agent has not reported yet".to_owned(),
    }
}
