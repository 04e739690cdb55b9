//! Owned objects that somebody changed or deleted.

use anyhow::Result;
use cassandra_api::labels;
use kube::{ResourceExt as _, api::ListParams};
use serde_json::Value;

use super::THREE_RACKS;
use crate::{
    stage::{MINUTES, Stage},
    wait::{Look, until},
};

/// What is done to an object.
struct Harm {
    kind: &'static str,
    name: &'static str,
    /// A merge patch, or None to delete it.
    patch: Option<&'static str>,
    /// Where the patch hits.
    field: &'static str,
}

const fn deleted(kind: &'static str, name: &'static str) -> Harm {
    Harm {
        kind,
        name,
        patch: None,
        field: "/metadata/uid",
    }
}

const fn edited(
    kind: &'static str,
    name: &'static str,
    patch: &'static str,
    field: &'static str,
) -> Harm {
    Harm {
        kind,
        name,
        patch: Some(patch),
        field,
    }
}

const LABEL: &str = "/metadata/labels/app.kubernetes.io~1managed-by";
const NO_LABELS: &str = r#"{"metadata":{"labels":{"app.kubernetes.io/managed-by":null}}}"#;

const HARMS: &[Harm] = &[
    deleted("service", "orders"),
    deleted("service", "orders-r1-0"),
    deleted("serviceaccount", "orders-member"),
    deleted("role", "orders-member"),
    deleted("rolebinding", "orders-member"),
    deleted("poddisruptionbudget", "orders"),
    edited(
        "service",
        "orders",
        r#"{"spec":{"selector":{"more":"x"}}}"#,
        "/spec/selector",
    ),
    edited(
        "service",
        "orders-r1-0",
        r#"{"spec":{"publishNotReadyAddresses":false}}"#,
        "/spec/publishNotReadyAddresses",
    ),
    edited("service", "orders-r2-0", NO_LABELS, LABEL),
    edited("serviceaccount", "orders-member", NO_LABELS, LABEL),
    edited("role", "orders-member", r#"{"rules":[]}"#, "/rules"),
    edited(
        "rolebinding",
        "orders-member",
        r#"{"subjects":[]}"#,
        "/subjects",
    ),
    edited(
        "poddisruptionbudget",
        "orders",
        r#"{"spec":{"maxUnavailable":3}}"#,
        "/spec/maxUnavailable",
    ),
    edited(
        "statefulset",
        "orders-r1-0",
        r#"{"spec":{"updateStrategy":{"type":"RollingUpdate"}}}"#,
        "/spec/updateStrategy/type",
    ),
    edited(
        "statefulset",
        "orders-r2-0",
        r#"{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":1}}}}"#,
        "/spec/template/spec/terminationGracePeriodSeconds",
    ),
    edited(
        "statefulset",
        "orders-r3-0",
        r#"{"spec":{"template":{"spec":{"hostPID":true}}}}"#,
        "/spec/template/spec/hostPID",
    ),
    edited("pvc", "data-orders-r1-0", NO_LABELS, LABEL),
    edited(
        "pvc",
        "data-orders-r2-0",
        r#"{"metadata":{"annotations":{"cassandra-operator.rs/host-id":null}}}"#,
        "/metadata/annotations/cassandra-operator.rs~1host-id",
    ),
    edited(
        "cassandramember",
        "orders-r3-0",
        r#"{"spec":{"start":{"seeds":["192.0.2.1"]}}}"#,
        "/spec/start/seeds",
    ),
    edited("cassandramember", "orders-r3-0", NO_LABELS, LABEL),
];

/// One by one, each is as before.
pub(super) async fn every_owned_object_is_put_back(stage: &Stage) -> Result<()> {
    for harm in HARMS {
        put_back(stage, harm).await?;
    }
    // A StatefulSet that is deleted takes its pod with it, the ConfigMap in use and the Member too.
    let before = THREE_RACKS.host_ids(stage).await?;
    stage
        .run_kubectl(&[
            "delete",
            "statefulset",
            "-n",
            THREE_RACKS.namespace,
            "orders-r1-0",
        ])
        .await?;
    await_object(stage, "statefulset", "orders-r1-0").await?;
    let members = THREE_RACKS.members(stage).await?;
    let revision = members
        .values()
        .find_map(|member| Some(member.spec.workload.as_ref()?.config_revision.clone()))
        .unwrap_or_default();
    stage
        .run_kubectl(&[
            "delete",
            "configmap",
            "-n",
            THREE_RACKS.namespace,
            &revision,
        ])
        .await?;
    await_object(stage, "configmap", &revision).await?;
    agents_have_an_account(stage).await?;
    THREE_RACKS.ready(stage).await?;
    status_is_put_right(stage).await?;
    delete_member(stage).await?;
    THREE_RACKS.ready(stage).await?;
    THREE_RACKS.is_as_before(stage, &before).await
}

/// The account was deleted, so the token of every agent is refused; each pod is made again.
async fn agents_have_an_account(stage: &Stage) -> Result<()> {
    let account = get(stage, "serviceaccount", "orders-member").await?;
    let uid = account
        .pointer("/metadata/uid")
        .and_then(Value::as_str)
        .unwrap_or_default();
    until("pods of the new account", MINUTES, async || {
        let pods = stage.pods(THREE_RACKS.namespace);
        let pods = pods.list(&ListParams::default()).await?.items;
        let old = pods.iter().find(|pod| {
            let made_with = pod.annotations().get(labels::SERVICE_ACCOUNT_UID);
            made_with.is_some_and(|made_with| made_with != uid)
        });
        let seen = old.map(|pod| format!("{} is of the old one", pod.name_any()));
        Ok(Look::when(old.is_none(), (), seen.unwrap_or_default()))
    })
    .await
}

/// Somebody writes a Member's status: its agent takes it back, and the host id stays what was noted.
async fn status_is_put_right(stage: &Stage) -> Result<()> {
    let namespace = THREE_RACKS.namespace;
    let lie = r#"{"status":{"load":"9EiB","hostId":"00000000-0000-4000-8000-000000000000"}}"#;
    let patch = ["patch", "cassandramember", "-n", namespace, "orders-r3-0"];
    let status = ["--subresource=status", "--type=merge", "-p", lie];
    stage.run_kubectl(&[&patch[..], &status].concat()).await?;
    until("the agent to put its status right", MINUTES, async || {
        let member = stage.members(namespace).get("orders-r3-0").await?;
        let told = member.status.unwrap_or_default();
        let right = told.host_id.is_some() && told.host_id == member.spec.host_id;
        let right = right && told.load.as_deref() != Some("9EiB");
        let seen = format!("{:?} and {:?}", told.host_id, told.load);
        Ok(Look::when(right, (), seen))
    })
    .await
}

/// A policy guards Members; who overrides it gets the same node back.
async fn delete_member(stage: &Stage) -> Result<()> {
    let namespace = THREE_RACKS.namespace;
    let delete = ["delete", "cassandramember", "-n", namespace, "orders-r2-0"];
    let refused = stage.run_kubectl(&delete).await;
    let words = refused
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    anyhow::ensure!(
        words.contains("allow-delete"),
        "the Member could be deleted, or: {words}"
    );
    let uid = stage
        .members(namespace)
        .get("orders-r2-0")
        .await?
        .metadata
        .uid;
    let annotate = [
        "annotate",
        "cassandramember",
        "-n",
        namespace,
        "orders-r2-0",
    ];
    let allowed = [&annotate[..], &["cassandra-operator.rs/allow-delete=true"]].concat();
    stage.run_kubectl(&allowed).await?;
    stage.run_kubectl(&delete).await?;
    until("another Member of the name", MINUTES, async || {
        let member = stage.members(namespace).get("orders-r2-0").await?;
        Ok(Look::when(
            member.metadata.uid != uid,
            (),
            "the old one is still there",
        ))
    })
    .await
}

async fn await_object(stage: &Stage, kind: &str, name: &str) -> Result<()> {
    until(&format!("{kind} {name} to be back"), MINUTES, async || {
        get(stage, kind, name).await.map(|_| Look::Done(()))
    })
    .await
}

async fn get(stage: &Stage, kind: &str, name: &str) -> Result<Value> {
    let namespace = THREE_RACKS.namespace;
    let text = stage
        .run_kubectl(&["get", kind, name, "-n", namespace, "-o", "json"])
        .await?;
    Ok(serde_json::from_str(&text)?)
}

async fn put_back(stage: &Stage, harm: &Harm) -> Result<()> {
    let Harm {
        kind,
        name,
        patch,
        field,
    } = harm;
    let namespace = THREE_RACKS.namespace;
    let before = get(stage, kind, name).await?;
    match patch {
        None => {
            stage
                .run_kubectl(&["delete", kind, name, "-n", namespace])
                .await?
        }
        Some(patch) => {
            stage
                .run_kubectl(&[
                    "patch",
                    kind,
                    name,
                    "-n",
                    namespace,
                    "--type=merge",
                    "-p",
                    patch,
                ])
                .await?
        }
    };
    let what = format!(
        "{kind} {name} to be put back after {}",
        patch.unwrap_or("its deletion")
    );
    until(&what, MINUTES, async || {
        let now = get(stage, kind, name).await?;
        let (was, is) = (before.pointer(field), now.pointer(field));
        // After a deletion it must be another object.
        let right = if patch.is_some() {
            was == is
        } else {
            was != is
        };
        Ok(Look::when(right, (), format!("{field} is {is:?}")))
    })
    .await
}
