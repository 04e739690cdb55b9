//! Waiting by a named rule, and going on by itself when its reason is gone.

use anyhow::{Context as _, Result, ensure};
use cassandra_api::{rules::Rule, v1alpha1::MemberState};
use serde_json::{Value, json};

use super::specs::one_member;
use crate::{
    ring::state,
    stage::{MINUTES, Stage},
    wait::{Look, until},
};

const NAMESPACE: &str = "e2e-waiting";
const CLUSTER: &str = "waits";
const MEMBER: &str = "waits-r1-0";

async fn blocked_by(stage: &Stage, rule: Rule, words: &str) -> Result<()> {
    until(&format!("the rule {rule}"), MINUTES, async || {
        let status = stage
            .clusters(NAMESPACE)
            .get(CLUSTER)
            .await?
            .status
            .unwrap_or_default();
        let found = status
            .blocked
            .iter()
            .any(|blocked| blocked.rule == rule && blocked.message.contains(words));
        Ok(Look::when(found, (), format!("{:?}", status.blocked)))
    })
    .await
}

/// `kubectl describe` of the member names the rule and says what to do.
async fn described(stage: &Stage, rule: Rule, what_to_do: &str) -> Result<()> {
    let describe = ["describe", "cassandramember", "-n", NAMESPACE, MEMBER];
    until(
        &format!("kubectl describe to name {rule}"),
        MINUTES,
        async || {
            let text = stage.run_kubectl(&describe).await?;
            Ok(Look::when(
                text.contains(rule.name()) && text.contains(what_to_do),
                (),
                text,
            ))
        },
    )
    .await
}

async fn gets_as_far_as_cassandra(stage: &Stage) -> Result<()> {
    until(
        "Cassandra to be permitted to start",
        MINUTES * 2,
        async || {
            let member = stage.members(NAMESPACE).get(MEMBER).await?;
            let now = state(&member);
            let waiting = matches!(
                now,
                MemberState::Unknown | MemberState::Waiting | MemberState::Refused
            );
            Ok(Look::when(
                !waiting,
                (),
                format!("{}, {:?}", now.as_str(), member.waiting()),
            ))
        },
    )
    .await
}

async fn config_map(stage: &Stage, text: &str) -> Result<()> {
    let api: kube::Api<k8s_openapi::api::core::v1::ConfigMap> =
        kube::Api::namespaced(stage.client.clone(), NAMESPACE);
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "mine" }, "data": { "cassandra.yaml": text },
    });
    let params = kube::api::PatchParams::apply("e2e").force();
    api.patch("mine", &params, &kube::api::Patch::Apply(object))
        .await?;
    Ok(())
}

/// Nothing starts without the ConfigMap that the spec names.
pub(super) async fn a_missing_config_map_holds_up_until_it_comes(stage: &Stage) -> Result<()> {
    stage.fresh_namespace(NAMESPACE).await?;
    let mut spec = one_member();
    spec["config"]["fromConfigMap"] = json!("mine");
    stage.apply(NAMESPACE, CLUSTER, &spec).await?;
    blocked_by(stage, Rule::ConfigMapAvailable, "mine").await?;
    config_map(stage, "num_tokens: 4").await?;
    until("the member", MINUTES, async || {
        stage.members(NAMESPACE).get(MEMBER).await?;
        Ok(Look::Done(()))
    })
    .await
}

/// Nor with one that can't be used.
pub(super) async fn a_config_map_that_is_not_yaml_holds_up_until_it_is(
    stage: &Stage,
) -> Result<()> {
    stage.fresh_namespace(NAMESPACE).await?;
    config_map(stage, "num_tokens: [").await?;
    let mut spec = one_member();
    spec["config"]["fromConfigMap"] = json!("mine");
    stage.apply(NAMESPACE, CLUSTER, &spec).await?;
    blocked_by(stage, Rule::ConfigMapParses, "not YAML").await?;
    config_map(stage, "cluster_name: theirs").await?;
    blocked_by(stage, Rule::ConfigMapParses, "set spec.clusterName").await?;
    config_map(stage, "num_tokens: 4").await?;
    until("the member", MINUTES, async || {
        stage.members(NAMESPACE).get(MEMBER).await?;
        Ok(Look::Done(()))
    })
    .await
}

/// A Service of somebody else stays as it is.
pub(super) async fn a_name_that_is_taken_is_not_taken_over(stage: &Stage) -> Result<()> {
    stage.fresh_namespace(NAMESPACE).await?;
    let create = [
        "create",
        "service",
        "clusterip",
        CLUSTER,
        "-n",
        NAMESPACE,
        "--tcp=80:80",
    ];
    stage.run_kubectl(&create).await?;
    let look = ["get", "service", CLUSTER, "-n", NAMESPACE, "-o", "json"];
    let before = stage.run_kubectl(&look).await?;
    stage.apply(NAMESPACE, CLUSTER, &one_member()).await?;
    blocked_by(stage, Rule::NameIsFree, "Service waits").await?;
    let after = stage.run_kubectl(&look).await?;
    ensure!(before == after, "the Service was changed:\n{after}");
    Ok(())
}

/// A corrected image does not wait for the backoff of the broken one.
pub(super) async fn an_image_that_is_corrected_gets_through_at_once(stage: &Stage) -> Result<()> {
    stage.fresh_namespace(NAMESPACE).await?;
    let mut broken = one_member();
    broken["image"] = json!("example.invalid/nothing:here");
    broken["imagePullSecrets"] = json!([{ "name": "registry" }]);
    stage.apply(NAMESPACE, CLUSTER, &broken).await?;
    blocked_by(stage, Rule::ImageAvailable, "example.invalid/nothing:here").await?;
    described(stage, Rule::ImageAvailable, "Check spec.image").await?;
    stage.apply(NAMESPACE, CLUSTER, &one_member()).await?;
    gets_as_far_as_cassandra(stage).await?;
    nothing_is_left_of_the_creation(stage, "cassandramember", "/spec/workload/imagePullSecrets")
        .await?;
    let in_pod = "/spec/template/spec/imagePullSecrets";
    nothing_is_left_of_the_creation(stage, "statefulset", in_pod).await
}

/// What an object was created with, and the spec does not ask for any more, is gone; the API server has the controller's
/// fields as applied, and none as it created them.
async fn nothing_is_left_of_the_creation(stage: &Stage, kind: &str, field: &str) -> Result<()> {
    let get = ["get", kind, "-n", NAMESPACE, MEMBER];
    let get = [&get[..], &["-o", "json", "--show-managed-fields"]].concat();
    let object: Value = serde_json::from_str(&stage.run_kubectl(&get).await?)?;
    ensure!(
        object.pointer(field).is_none(),
        "{kind} {MEMBER} still has {field}"
    );
    let entries = object.pointer("/metadata/managedFields");
    let entries = entries.and_then(Value::as_array).context("no managers")?;
    let ours = |operation: &str| {
        entries.iter().any(|entry| {
            let manager = entry.get("manager").and_then(Value::as_str);
            manager.is_some_and(|name| name.starts_with("cassandra-controller/"))
                && entry.get("operation").and_then(Value::as_str) == Some(operation)
        })
    };
    ensure!(
        ours("Apply") && !ours("Update"),
        "managers of {kind} {MEMBER}: {entries:?}"
    );
    Ok(())
}

/// A volume with the marker of another cluster is refused, and not touched.
pub(super) async fn a_volume_of_another_cluster_is_refused(stage: &Stage) -> Result<()> {
    stage.fresh_namespace(NAMESPACE).await?;
    // The pod finds its node, and so the claim its volume, but nothing of ours runs yet.
    let mut broken = one_member();
    broken["image"] = json!("example.invalid/nothing:here");
    stage.apply(NAMESPACE, CLUSTER, &broken).await?;
    blocked_by(stage, Rule::ImageAvailable, "nothing:here").await?;
    let marker = json!({
        "version": 1, "clusterUid": "another", "clusterName": "another", "datacenter": "dc1",
        "rack": "r1", "member": "another-r1-0", "memberUid": "x", "joined": true,
        "hostId": "11111111-2222-3333-4444-555555555555", "seeds": [],
        "configRevision": "x", "startEpoch": 1,
    });
    write_marker(stage, &marker.to_string()).await?;
    stage.apply(NAMESPACE, CLUSTER, &one_member()).await?;
    blocked_by(stage, Rule::PvcIdentity, "another").await?;
    described(
        stage,
        Rule::PvcIdentity,
        "put an empty volume behind claim data-waits-r1-0",
    )
    .await?;
    stage.remove_namespace(NAMESPACE).await
}

/// Writes a marker onto the member's volume, from a pod beside it.
async fn write_marker(stage: &Stage, marker: &str) -> Result<()> {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "intruder", "namespace": NAMESPACE },
        "spec": {
            "restartPolicy": "Never",
            "securityContext": { "runAsNonRoot": true, "runAsUser": 999, "fsGroup": 999,
                "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "name": "intruder", "image": "docker.io/library/cassandra:5.0.9",
                "command": ["/bin/sh", "-c",
                    "mkdir -p /data/.operator && printf '%s' \"$MARKER\" > /data/.operator/marker.json"],
                "env": [{ "name": "MARKER", "value": marker }],
                "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
                "volumeMounts": [{ "name": "data", "mountPath": "/data" }],
            }],
            "volumes": [{ "name": "data",
                "persistentVolumeClaim": { "claimName": format!("data-{MEMBER}") } }],
        },
    });
    let pod = serde_json::from_value(pod)?;
    stage
        .pods(NAMESPACE)
        .create(&kube::api::PostParams::default(), &pod)
        .await?;
    until("the marker to be written", MINUTES, async || {
        let pod = stage.pods(NAMESPACE).get("intruder").await?;
        let phase = pod
            .status
            .and_then(|status| status.phase)
            .context("no phase")?;
        Ok(Look::when(phase == "Succeeded", (), phase))
    })
    .await
}
