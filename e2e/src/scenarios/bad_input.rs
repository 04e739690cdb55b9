//! Specs that can't be: a clear error, and nothing lost.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{THREE_RACKS, specs::set};
use crate::{
    stage::{MINUTES, Stage},
    wait::{Look, until},
};

const NAMESPACE: &str = "e2e-input";

fn good() -> Value {
    json!({
        "version": "5.0.9",
        "racks": [{ "name": "r1", "members": 1 }, { "name": "r2", "members": 1 }],
        "storage": { "size": "1Gi" },
        "resources": { "requests": { "cpu": "100m", "memory": "1Gi" }, "limits": { "memory": "1Gi" } },
    })
}

/// A change of one field, and what the refusal must say.
type Case = (&'static str, Value, &'static str);

fn changed(pointer: &str, value: Value) -> Result<Value> {
    let mut spec = good();
    set(&mut spec, pointer, value)?;
    Ok(spec)
}

/// New clusters that the API server refuses.
pub(super) async fn wrong_specs_are_refused_with_a_reason(stage: &Stage) -> Result<()> {
    stage.fresh_namespace(NAMESPACE).await?;
    let two = json!([{ "name": "r1", "members": 1 }, { "name": "r1", "members": 1 }]);
    let cases = [whole_spec_cases(two), text_cases(), pod_cases()].concat();
    for (field, value, words) in cases {
        let shown = format!("{field}: {value}");
        refused(stage, "refused", &changed(field, value)?, words)
            .await
            .context(shown)?;
    }
    let long = "c".repeat(41);
    refused(stage, &long, &good(), "at most 40 characters").await?;
    refused(stage, "1st", &good(), "beginning with a letter").await?;
    let hyphened = "beginning with a letter and ending with a letter or digit";
    refused(stage, "first-", &good(), hyphened).await
}

fn whole_spec_cases(two: Value) -> Vec<Case> {
    vec![
        ("/racks", json!([]), "racks"),
        ("/racks", two, "uplicate"),
        (
            "/racks",
            json!([{ "name": "r1", "members": 0 }]),
            "greater than or equal to 1",
        ),
        ("/version", json!("3.11.4"), "4.0.x, 4.1.x and 5.0.x"),
        (
            "/config",
            json!({ "cassandraYaml": { "cluster_name": "x" } }),
            "set spec.clusterName",
        ),
        (
            "/config",
            json!({ "jvm": { "options": ["-Xmx1G"] } }),
            "spec.config.jvm.heap",
        ),
        (
            "/config",
            json!({ "jvm": { "heap": "2Gi" } }),
            "less than spec.resources.limits.memory",
        ),
        ("/storage", json!({}), "spec.storage.size"),
        (
            "/storage",
            json!({ "size": "0" }),
            "spec.storage.size must be more than 0",
        ),
        (
            "/config",
            json!({ "jvm": { "heap": "0" } }),
            "spec.config.jvm.heap must be more than 0",
        ),
    ]
}

/// Texts that Kubernetes or Cassandra could not take.
fn text_cases() -> Vec<Case> {
    let name = "lower case letters, digits, hyphens and dots";
    vec![
        (
            "/racks",
            json!([{ "name": "R 1", "members": 1 }]),
            "a rack's name must be lower case letters, digits and hyphens",
        ),
        (
            "/racks",
            json!([{ "name": "r1", "members": 1, "zone": "eu west" }]),
            "a rack's zone must be at most 63 letters",
        ),
        (
            "/datacenter",
            json!("dc.1"),
            "spec.datacenter must be letters, digits, hyphens and underscores",
        ),
        (
            "/clusterName",
            json!(" orders"),
            "spec.clusterName must have no blank at its beginning or end",
        ),
        (
            "/clusterName",
            json!("or\nders"),
            "no control characters such as tabs and line feeds",
        ),
        (
            "/image",
            json!("Bad Image!!"),
            "spec.image must be an image such as registry.example.com/cassandra:5.0.9",
        ),
        (
            "/storage",
            json!({ "size": "1Gi", "storageClassName": "Very_Fast" }),
            name,
        ),
        ("/config", json!({ "fromConfigMap": "Bad Name" }), name),
        ("/imagePullSecrets", json!([{ "name": "Bad Name" }]), name),
        (
            "/imagePullSecrets",
            json!([{ "name": "a" }, { "name": "a" }]),
            "uplicate",
        ),
    ]
}

/// What makes a pod that Kubernetes would refuse.
fn pod_cases() -> Vec<Case> {
    let resources =
        |requests: Value, limits: Value| json!({ "requests": requests, "limits": limits });
    let selecting = |labels: Value| json!({ "nodeSelector": labels });
    let tolerating = |toleration: Value| json!({ "tolerations": [toleration] });
    let (resource, placement) = ("/resources", "/placement");
    vec![
        (
            resource,
            resources(json!({ "memory": "2Gi" }), json!({ "memory": "1Gi" })),
            "spec.resources.requests.memory must be at most spec.resources.limits.memory",
        ),
        (
            resource,
            resources(
                json!({ "cpu": "2" }),
                json!({ "cpu": "1", "memory": "4Gi" }),
            ),
            "spec.resources.requests.cpu must be at most spec.resources.limits.cpu",
        ),
        (
            resource,
            resources(json!({ "cpu": "-1" }), json!({ "memory": "4Gi" })),
            "must not be negative",
        ),
        (
            resource,
            json!({ "limits": { "memory": "0" } }),
            "spec.resources.limits.memory must be more than 0",
        ),
        (
            placement,
            selecting(json!({ "disk type": "nvme" })),
            "each key of spec.placement.nodeSelector must be",
        ),
        (
            placement,
            selecting(json!({ "disk": "very fast" })),
            "each value of spec.placement.nodeSelector must be",
        ),
        (
            placement,
            tolerating(json!({ "key": "a", "operator": "In" })),
            "operator must be Exists or Equal",
        ),
        (
            placement,
            tolerating(json!({ "key": "a", "effect": "Never" })),
            "effect must be NoSchedule, PreferNoSchedule or NoExecute",
        ),
        (
            placement,
            tolerating(json!({ "key": "a", "operator": "Exists", "value": "b" })),
            "with the operator Exists must have no value",
        ),
        (
            placement,
            tolerating(json!({ "value": "b" })),
            "must have the operator Exists",
        ),
        (
            placement,
            tolerating(json!({ "key": "a", "tolerationSeconds": 60 })),
            "must have the effect NoExecute",
        ),
        (
            placement,
            tolerating(json!({ "key": "a b" })),
            "a toleration's key must be",
        ),
        (
            placement,
            tolerating(json!({ "key": "a", "value": "b c" })),
            "a toleration's value must be",
        ),
    ]
}

/// A limit alone is a spec: what is not requested follows it.
pub(super) async fn a_memory_limit_alone_is_accepted(stage: &Stage) -> Result<()> {
    stage.fresh_namespace(NAMESPACE).await?;
    // Paused: nothing is to be made of it.
    let mut spec = changed("/resources", json!({ "limits": { "memory": "2Gi" } }))?;
    spec["paused"] = json!(true);
    stage.apply(NAMESPACE, "limited", &spec).await?;
    stage.remove_namespace(NAMESPACE).await
}

/// Changes of existing clusters that the API server refuses.
pub(super) async fn immutable_fields_are_refused_with_a_reason(stage: &Stage) -> Result<()> {
    stage.fresh_namespace(NAMESPACE).await?;
    // Paused: nothing is to be made of it.
    let with = |pointer: &str, value: Value| {
        let mut spec = changed(pointer, value)?;
        spec["paused"] = json!(true);
        anyhow::Ok(spec)
    };
    stage
        .apply(NAMESPACE, "fixed", &with("/version", json!("5.0.9"))?)
        .await?;
    let one = json!([{ "name": "r1", "members": 1 }]);
    let moved =
        json!([{ "name": "r1", "members": 1, "zone": "z9" }, { "name": "r2", "members": 1 }]);
    let cases: [Case; 7] = [
        ("/clusterName", json!("other"), "immutable"),
        ("/datacenter", json!("dc2"), "immutable"),
        ("/storage", json!({ "size": "512Mi" }), "can only grow"),
        (
            "/storage",
            json!({ "size": "1Gi", "storageClassName": "x" }),
            "immutable",
        ),
        ("/network", json!({ "broadcast": "PodIP" }), "immutable"),
        ("/racks", one, "can't be removed"),
        ("/racks", moved, "zone is immutable"),
    ];
    for (field, value, words) in cases {
        let shown = format!("{field}: {value}");
        refused(stage, "fixed", &with(field, value)?, words)
            .await
            .context(shown)?;
    }
    stage.remove_namespace(NAMESPACE).await
}

async fn refused(stage: &Stage, name: &str, spec: &Value, words: &str) -> Result<()> {
    match stage.apply(NAMESPACE, name, spec).await {
        Ok(()) => anyhow::bail!("it was accepted"),
        Err(kube::Error::Api(status)) => {
            ensure!(
                status.message.contains(words),
                "not {words:?} but: {}",
                status.message
            );
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// A running ring and a spec that can't work: no pod changes, and the good spec finds everything as it was.
pub(super) async fn a_broken_spec_and_the_good_one_again_change_nothing(
    stage: &Stage,
) -> Result<()> {
    let ring = THREE_RACKS;
    let before = ring.pods(stage).await?;
    let mut broken = ring.spec(stage);
    broken["image"] = json!("example.invalid/nothing:here");
    broken["config"]["cassandraYaml"] = json!({ "concurrent_reads": 8 });
    stage.apply(ring.namespace, ring.name, &broken).await?;
    pending(stage, 3).await?;
    let mut missing = ring.spec(stage);
    missing["config"]["fromConfigMap"] = json!("nowhere");
    stage.apply(ring.namespace, ring.name, &missing).await?;
    until("the rule config_map_available", MINUTES, async || {
        let status = ring.status(stage).await?;
        let rules: Vec<_> = status
            .blocked
            .iter()
            .map(|blocked| blocked.rule.name())
            .collect();
        Ok(Look::when(
            rules.contains(&"config_map_available"),
            (),
            format!("{rules:?}"),
        ))
    })
    .await?;
    // Server-side apply takes back what is not sent any more.
    stage
        .apply(ring.namespace, ring.name, &ring.spec(stage))
        .await?;
    pending(stage, 0).await?;
    ring.ready(stage).await?;
    let after = ring.pods(stage).await?;
    ensure!(before == after, "pods were {before:?} and are {after:?}");
    Ok(())
}

async fn pending(stage: &Stage, members: usize) -> Result<()> {
    let ring = THREE_RACKS;
    until(
        &format!("{members} members with a pending restart"),
        MINUTES,
        async || {
            let status = ring.status(stage).await?;
            let current = status.restart_pending.len() == members;
            Ok(Look::when(
                current,
                (),
                format!("{:?}", status.restart_pending),
            ))
        },
    )
    .await
}
