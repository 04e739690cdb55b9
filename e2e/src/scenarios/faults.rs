//! Faults that users plant: each is told in `kubectl describe` of the cluster by its rule, with its cause and what helps,
//! and in `kubectl get` the cluster is Blocked. All of them at once, each in a namespace of its own.

use anyhow::{Context as _, Result, ensure};
use cassandra_api::{labels, rules::Rule};
use futures::future::{join_all, try_join_all};
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
    discovery::ApiResource,
};
use serde_json::{Value, json};

use super::specs::{one_member, set};
use crate::{
    stage::{MINUTES, Stage},
    wait::{Look, until},
};

const CLUSTER: &str = "planted";
/// The zone of a node that takes no pods, and that of one with a taint.
const CORDONED: &str = "cordoned";
const TAINTED: &str = "tainted";

/// What is planted, and what is to be read.
struct Fault {
    name: &'static str,
    /// Objects beside the cluster.
    objects: Vec<Value>,
    /// Fields of the spec, by their pointers.
    spec: Vec<(&'static str, Value)>,
    rule: Rule,
    /// Words of the cause and of the remedy.
    words: &'static [&'static str],
}

fn fault(
    name: &'static str,
    spec: Vec<(&'static str, Value)>,
    rule: Rule,
    words: &'static [&'static str],
) -> Fault {
    Fault {
        name,
        objects: Vec::new(),
        spec,
        rule,
        words,
    }
}

impl Fault {
    fn with(mut self, object: Value) -> Self {
        self.objects.push(object);
        self
    }

    fn namespace(&self) -> String {
        format!("e2e-fault-{}", self.name)
    }
}

fn quota(hard: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "small" }, "spec": { "hard": hard } })
}

fn class(name: &str, binding: &str) -> Value {
    json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": name },
        "provisioner": "example.com/nobody", "volumeBindingMode": binding })
}

fn config_map(text: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "mine" }, "data": { "cassandra.yaml": text } })
}

/// A node that is an object alone, in a zone of its own.
fn node(zone: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": format!("e2e-{zone}"), "labels": { "topology.kubernetes.io/zone": zone } }, "spec": spec })
}

fn racks(zone: &str) -> (&'static str, Value) {
    (
        "/racks",
        json!([{ "name": "r1", "members": 1, "zone": zone }]),
    )
}

const NO_IMAGE: &str = "registry.invalid/cassandra:none";

fn of_nodes() -> Vec<Fault> {
    let rule = Rule::NodeAvailable;
    vec![
        fault(
            "cpu",
            vec![("/resources/requests/cpu", json!("500"))],
            rule,
            &["Insufficient cpu", "lower spec.resources.requests"],
        ),
        fault(
            "memory",
            vec![(
                "/resources",
                json!({ "requests": { "memory": "900Gi" }, "limits": { "memory": "900Gi" } }),
            )],
            rule,
            &["Insufficient memory", "lower spec.resources.requests"],
        ),
        fault(
            "zone",
            vec![racks("nowhere")],
            rule,
            &["node affinity/selector", "a node in zone nowhere"],
        ),
        fault(
            "selector",
            vec![("/placement/nodeSelector", json!({ "disk": "nvme" }))],
            rule,
            &[
                "node affinity/selector",
                "with disk=nvme (spec.placement.nodeSelector)",
            ],
        ),
        fault(
            "cordon",
            vec![racks(CORDONED)],
            rule,
            &["were unschedulable", "kubectl uncordon"],
        )
        .with(node(CORDONED, &json!({ "unschedulable": true }))),
        fault(
            "taint",
            vec![racks(TAINTED)],
            rule,
            &[
                "untolerated taint",
                "tolerate it in spec.placement.tolerations",
            ],
        )
        .with(node(
            TAINTED,
            &json!({ "taints": [{ "key": "dedicated", "value": "x", "effect": "NoSchedule" }] }),
        )),
        fault(
            "no-room",
            vec![
                ("/racks", json!([{ "name": "r1", "members": 4 }])),
                ("/image", json!(NO_IMAGE)),
            ],
            rule,
            &[
                "anti-affinity",
                "Each member has a node of its own: add a node",
                "lower the rack's members again",
            ],
        ),
    ]
}

fn of_volumes() -> Vec<Fault> {
    let rule = Rule::VolumeAvailable;
    let of_class = |name: &str| vec![("/storage/storageClassName", json!(name))];
    vec![
        fault(
            "no-class",
            of_class("nowhere"),
            rule,
            &["claim data-planted-r1-0 of StorageClass nowhere", "kubectl get storageclass"],
        ),
        fault(
            "no-provisioner",
            of_class("e2e-immediate"),
            rule,
            &["claim data-planted-r1-0 of StorageClass e2e-immediate", "what its provisioner says"],
        )
        .with(class("e2e-immediate", "Immediate")),
        fault(
            "late-provisioner",
            of_class("e2e-late"),
            rule,
            &["claim data-planted-r1-0 of StorageClass e2e-late", "what its provisioner says"],
        )
        .with(class("e2e-late", "WaitForFirstConsumer")),
        fault(
            "earlier-claims",
            Vec::new(),
            Rule::RetainedVolumes,
            &["data-planted-r1-0", "adoptRetained"],
        )
        .with(json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": { "name": "data-planted-r1-0", "labels": {
                labels::NAME: labels::APP, labels::MANAGED_BY: labels::OPERATOR, labels::CLUSTER: CLUSTER,
                labels::CLUSTER_UID: "an-earlier-one", labels::RACK: "r1", labels::ORDINAL: "0",
                labels::MEMBER: "planted-r1-0",
            } },
            "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } },
        })),
    ]
}

fn of_refusals() -> Vec<Fault> {
    let rule = Rule::ObjectAccepted;
    vec![
        fault(
            "quota-claims",
            Vec::new(),
            rule,
            &[
                "PersistentVolumeClaim data-planted-r1-0: exceeded quota: small",
                "Raise the namespace's ResourceQuota small",
            ],
        )
        .with(quota(&json!({ "persistentvolumeclaims": "0" }))),
        fault(
            "quota-services",
            Vec::new(),
            rule,
            &[
                "exceeded quota: small",
                "Raise the namespace's ResourceQuota small",
            ],
        )
        .with(quota(&json!({ "services": "0" }))),
        fault(
            "quota-pods",
            Vec::new(),
            rule,
            &[
                "Pod planted-r1-0-0: exceeded quota: small",
                "Raise the namespace's ResourceQuota small",
            ],
        )
        .with(quota(&json!({ "pods": "0" }))),
        fault(
            "limit-range",
            Vec::new(),
            rule,
            &[
                "maximum memory usage per Container is 512Mi",
                "A LimitRange of the namespace says so",
            ],
        )
        .with(
            json!({ "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "small" },
            "spec": { "limits": [{ "type": "Container", "max": { "memory": "512Mi" } }] } }),
        ),
        fault(
            "name-taken",
            Vec::new(),
            Rule::NameIsFree,
            &[
                "Service planted is not this cluster's",
                "Delete or rename the object",
            ],
        )
        .with(
            json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": CLUSTER },
            "spec": { "ports": [{ "port": 80 }] } }),
        ),
    ]
}

fn of_configuration() -> Vec<Fault> {
    let named = || vec![("/config/fromConfigMap", json!("mine"))];
    let parses = Rule::ConfigMapParses;
    vec![
        fault(
            "no-config-map",
            named(),
            Rule::ConfigMapAvailable,
            &["there is no ConfigMap mine", "Create the ConfigMap"],
        ),
        fault(
            "no-yaml",
            named(),
            parses,
            &["in ConfigMap mine, cassandra.yaml can't be used: it is not YAML (line 1)"],
        )
        .with(config_map("num_tokens: [")),
        fault(
            "owned-key",
            named(),
            parses,
            &["sets cluster_name", "set spec.clusterName"],
        )
        .with(config_map("cluster_name: theirs")),
    ]
}

fn of_containers() -> Vec<Fault> {
    let runs = Rule::CassandraRuns;
    vec![
        fault(
            "image",
            vec![("/image", json!(NO_IMAGE))],
            Rule::ImageAvailable,
            &[
                "registry.invalid/cassandra:none can't be pulled",
                "Check spec.image",
            ],
        ),
        fault(
            "pull-secret",
            vec![
                ("/image", json!(NO_IMAGE)),
                ("/imagePullSecrets", json!([{ "name": "registry" }])),
            ],
            Rule::ImageAvailable,
            &["can't be pulled with Secret registry: does it exist in this namespace"],
        ),
        fault(
            "unknown-setting",
            vec![("/config/cassandraYaml", json!({ "no_such_setting": 1 }))],
            runs,
            &["no_such_setting"],
        ),
        fault(
            "jvm-option",
            vec![("/config/jvm/options", json!(["-XX:NoSuchOption=3"]))],
            runs,
            &["Unrecognized VM option 'NoSuchOption=3'"],
        ),
        fault(
            "out-of-memory",
            vec![
                (
                    "/resources",
                    json!({ "requests": { "cpu": "100m", "memory": "200Mi" }, "limits": { "memory": "200Mi" } }),
                ),
                ("/config/jvm/heap", json!("180Mi")),
            ],
            runs,
            &["memory", "Raise spec.resources.limits.memory"],
        ),
    ]
}

/// Each is told, and all are.
pub(super) async fn each_fault_is_told_with_its_cause_and_what_helps(stage: &Stage) -> Result<()> {
    let faults: Vec<_> = [
        of_nodes(),
        of_volumes(),
        of_refusals(),
        of_configuration(),
        of_containers(),
    ]
    .into_iter()
    .flatten()
    .collect();
    // One after the other they would take long; planted together they wait together.
    try_join_all(faults.iter().map(|fault| plant(stage, fault))).await?;
    let told = join_all(faults.iter().map(|fault| is_told(stage, fault))).await;
    let untold: Vec<_> = told.iter().filter_map(|told| told.as_ref().err()).collect();
    println!(
        "  {} of {} faults are told",
        faults.len() - untold.len(),
        faults.len()
    );
    let untold: Vec<_> = untold.iter().map(|error| format!("{error:#}")).collect();
    // Also if some are not told: nodes that are none would be in the way of the scenarios that follow.
    try_join_all(faults.iter().map(|fault| remove(stage, fault))).await?;
    ensure!(untold.is_empty(), "{}", untold.join("\n"));
    Ok(())
}

async fn plant(stage: &Stage, fault: &Fault) -> Result<()> {
    let namespace = fault.namespace();
    stage.fresh_namespace(&namespace).await?;
    for object in &fault.objects {
        let (api, name) = api(stage, &namespace, object)?;
        let params = PatchParams::apply("e2e").force();
        api.patch(&name, &params, &Patch::Apply(object))
            .await
            .with_context(|| format!("{}: {object}", fault.name))?;
    }
    let mut spec = one_member();
    for (pointer, value) in &fault.spec {
        set(&mut spec, pointer, value.clone())?;
    }
    stage
        .apply(&namespace, CLUSTER, &spec)
        .await
        .with_context(|| fault.name)
}

async fn is_told(stage: &Stage, fault: &Fault) -> Result<()> {
    let namespace = fault.namespace();
    let what = format!(
        "{} to be told as {}: {:?}",
        fault.name, fault.rule, fault.words
    );
    let describe = ["describe", "cassandracluster", "-n", &namespace, CLUSTER];
    let get = [
        "get",
        "cassandracluster",
        "-n",
        &namespace,
        CLUSTER,
        "--no-headers",
    ];
    until(&what, MINUTES * 2, async || {
        // Long lines are not broken, so words stand as they were written.
        let text = stage.run_kubectl(&describe).await?;
        let line = stage.run_kubectl(&get).await?;
        let told = fault.words.iter().all(|word| text.contains(word));
        let found = told && text.contains(fault.rule.name()) && line.contains("Blocked");
        let blocked: Vec<_> = text
            .lines()
            .filter(|line| line.contains("Message:"))
            .collect();
        Ok(Look::when(
            found,
            (),
            format!("{line}{}", blocked.join("\n")),
        ))
    })
    .await
}

async fn remove(stage: &Stage, fault: &Fault) -> Result<()> {
    stage.remove_namespace(&fault.namespace()).await?;
    for object in fault.objects.iter().filter(|object| !is_namespaced(object)) {
        let (api, name) = api(stage, &fault.namespace(), object)?;
        api.delete(&name, &kube::api::DeleteParams::default())
            .await?;
    }
    Ok(())
}

fn is_namespaced(object: &Value) -> bool {
    let kind = object.get("kind").and_then(Value::as_str);
    !matches!(kind, Some("Node" | "StorageClass"))
}

fn api(stage: &Stage, namespace: &str, object: &Value) -> Result<(Api<DynamicObject>, String)> {
    let text = |pointer: &str| {
        let text = object.pointer(pointer).and_then(Value::as_str);
        text.with_context(|| format!("no {pointer} in {object}"))
    };
    let (version, kind) = (text("/apiVersion")?, text("/kind")?);
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let resource = ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(group, version, kind));
    let api = if is_namespaced(object) {
        Api::namespaced_with(stage.client.clone(), namespace, &resource)
    } else {
        Api::all_with(stage.client.clone(), &resource)
    };
    Ok((api, text("/metadata/name")?.to_owned()))
}
