//! What a real server needs before it can be compared: our definitions and manifests, all of them in force.

use anyhow::{Context as _, Result, ensure};
use kube::Client;
use serde_json::{Value, json};

use super::{
    ask::{Ask, JSON},
    ends,
    kinds::KINDS,
    side::Side,
    wait,
};
use crate::{
    json::At as _,
    kubernetes::{NAMESPACED, Options, Server},
};

const MEMBERS: &str = "/apis/cassandra-operator.rs/v1alpha1/namespaces/default/cassandramembers";

/// Installs our definitions and the operator's manifests, and waits until they are in force.
pub(super) async fn prepare(real: &Client, run: &str) -> Result<()> {
    let server = Server::new(Options::default());
    let side = Side::new(real.clone(), "default");
    for object in crate::kubernetes::installation() {
        let path = path(&server, &object)?;
        let answer = side.ask(&post(path, object)).await?;
        let there = [201, 409].contains(&answer.code);
        ensure!(there, "installing: {}", answer.body);
    }
    let policed = wait::until(async || is_policed(&side).await).await?;
    ensure!(policed, "the admission policies are not in force");
    let mut attempt = 0;
    let all = wait::until(async || {
        attempt += 1;
        let namespace = format!("c{run}-ready-{attempt}");
        serves(Side::new(real.clone(), &namespace), &namespace).await
    });
    ensure!(all.await?, "not all kinds can be written and watched");
    Ok(())
}

/// The path of an object's kind, where the object is.
fn path(server: &Server, object: &Value) -> Result<String> {
    let kind = server
        .catalogue()
        .of(object)
        .context("a kind that is served")?;
    let namespace = object.at("/metadata/namespace");
    let place = match namespace.and_then(Value::as_str) {
        Some(namespace) if kind.is(NAMESPACED) => format!("/namespaces/{namespace}"),
        _ => String::new(),
    };
    let prefix = if kind.group.is_empty() { "api" } else { "apis" };
    Ok(format!(
        "/{prefix}/{}{place}/{}",
        kind.api_version(),
        kind.plural
    ))
}

/// Whether the last of the admission policies is in force. Informers see them in the order in which they were
/// installed: the others are, too.
async fn is_policed(side: &Side) -> Result<bool> {
    let member = json!({"apiVersion": "cassandra-operator.rs/v1alpha1", "kind": "CassandraMember",
        "metadata": {"name": "probe", "labels": {"app.kubernetes.io/managed-by": "cassandra-operator"},
            "ownerReferences": [{"apiVersion": "v1", "kind": "x", "name": "x", "uid": "x"}]},
        "spec": {"cluster": {"name": "n", "uid": "1"}, "clusterName": "A", "rack": "r", "datacenter": "d", "ordinal": 0}});
    side.ask(&post(MEMBERS.into(), member)).await?;
    let delete = Ask {
        method: "DELETE",
        path: format!("{MEMBERS}/probe"),
        query: vec![("dryRun", "All".into())],
        ..Ask::default()
    };
    Ok(side.ask(&delete).await?.code == 403)
}

/// Whether an object of each kind can be written, and a watch sees it that begins before it. A cache of a server that
/// has just started may begin later.
async fn serves(mut side: Side, namespace: &str) -> Result<bool> {
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    side.send(0, &post("/api/v1/namespaces".into(), body))
        .await?;
    // Addresses are given out only once the server knows its range.
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "n0"},
        "spec": {"ports": [{"port": 1}]}});
    let services = format!("/api/v1/namespaces/{namespace}/services");
    if side.ask(&post(services, service)).await?.code != 201 {
        return Ok(false);
    }
    for kind in KINDS.iter().filter(|kind| kind.plural != "events") {
        if side.ask(&ends::end(kind, namespace)).await?.code != 201 {
            return Ok(false);
        }
        let events = side.watch(&ends::watch(kind, namespace)).await?;
        let last = events
            .last()
            .and_then(|last| last.at("/object/metadata/name"));
        if last != Some(&json!(ends::END)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn post(path: String, body: Value) -> Ask {
    Ask {
        method: "POST",
        path,
        content: JSON,
        body: Some(body),
        ..Ask::default()
    }
}
