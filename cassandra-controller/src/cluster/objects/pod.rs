//! The pod of a member: the agent beside, two steps before, Cassandra. All within the Restricted Pod Security
//! Standard. The Cassandra image is the official one, unmodified; its entrypoint is not used, since that would write
//! the node's own address into its seeds.

use cassandra_api::{
    labels, names, ports,
    v1alpha1::{AntiAffinity, CassandraMemberSpec, Workload},
};
use serde_json::{Map, Value, json};

use super::{AGENT, CASSANDRA};
use crate::cluster::validate::Validated;

/// Cassandra's user and group in the official image.
const USER: i32 = 999;
/// Longest drain, and what Kubernetes leaves for it.
const GRACE_SECONDS: i32 = 300;
/// Where the operator's image has its programs.
const PROGRAMS: &str = "/opt/operator";
const DATA: &str = "/var/lib/cassandra";
const CONFIGURATION: &str = "/etc/cassandra";
const EXTRA_LIB: &str = "/extra-lib";
const REVISION: &str = "/operator/revision";
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The startup probe only keeps the liveness probe away; no start is judged by the clock.
const NEVER: i32 = i32::MAX;

/// What makes this pod the member's.
pub(super) struct Identity<'a> {
    pub(super) cluster: &'a Validated<'a>,
    pub(super) member: &'a str,
    pub(super) member_uid: &'a str,
    pub(super) pvc_uid: Option<&'a str>,
    pub(super) spec: &'a CassandraMemberSpec,
    pub(super) workload: &'a Workload,
}

/// The pod's template, without annotations.
pub(super) fn template(identity: &Identity<'_>) -> Value {
    let (cluster, workload) = (identity.cluster, identity.workload);
    let labels = labels::of_member(
        &cluster.name,
        &cluster.uid,
        &identity.spec.rack,
        identity.member,
    );
    let mut spec = json!({
        "serviceAccountName": names::agent_account(&cluster.name),
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": { "type": "RuntimeDefault" },
        },
    });
    if let Some(fields) = spec.as_object_mut() {
        // Moved: `json!` would copy them.
        let init = vec![
            agent(identity),
            init_config(workload),
            bootstrapper(identity),
        ];
        fields.insert("affinity".into(), affinity(identity));
        fields.insert("initContainers".into(), Value::Array(init));
        fields.insert("containers".into(), Value::Array(vec![cassandra(workload)]));
        fields.insert("volumes".into(), volumes(identity));
        if !workload.image_pull_secrets.is_empty() {
            let secrets: Vec<_> = workload
                .image_pull_secrets
                .iter()
                .map(|name| json!({ "name": name }))
                .collect();
            fields.insert("imagePullSecrets".into(), json!(secrets));
        }
        if !workload.placement.node_selector.is_empty() {
            fields.insert(
                "nodeSelector".into(),
                json!(workload.placement.node_selector),
            );
        }
        if !workload.placement.tolerations.is_empty() {
            fields.insert("tolerations".into(), json!(workload.placement.tolerations));
        }
    }
    let metadata = json!({ "labels": labels });
    Value::Object(Map::from_iter([
        ("metadata".to_owned(), metadata),
        ("spec".to_owned(), spec),
    ]))
}

/// A native sidecar: it is there before the bootstrapper and until Cassandra has stopped. Only it has a token.
fn agent(identity: &Identity<'_>) -> Value {
    let mut env = identity_env(identity);
    env.extend([
        from_field("POD_NAMESPACE", "metadata.namespace"),
        from_field("POD_NAME", "metadata.name"),
    ]);
    let probe = |path: &str, period: i32, failures: i32| {
        json!({
            "httpGet": { "path": path, "port": ports::AGENT },
            "periodSeconds": period,
            "timeoutSeconds": 5,
            "failureThreshold": failures,
        })
    };
    container(
        AGENT,
        &identity.workload.operator_image,
        identity.workload,
        json!({
            "restartPolicy": "Always",
            "command": [format!("{PROGRAMS}/member-agent")],
            "env": env,
            "ports": [{ "name": "agent", "containerPort": ports::AGENT, "protocol": "TCP" }],
            "startupProbe": probe("/live", 1, 60),
            "livenessProbe": probe("/live", 20, 6),
            "resources": amounts("20m", "32Mi", "500m", "128Mi"),
            "securityContext": locked_down(true),
            "volumeMounts": [
                { "name": "data", "mountPath": DATA },
                { "name": "configuration", "mountPath": CONFIGURATION },
                { "name": "token", "mountPath": TOKEN, "readOnly": true },
            ],
        }),
    )
}

/// Copies the image's own configuration out, afresh at each start.
fn init_config(workload: &Workload) -> Value {
    let copy = "find /configuration -mindepth 1 -delete && cp -r /etc/cassandra/. /configuration/";
    container(
        "init-config",
        &workload.image,
        workload,
        json!({
            "command": ["/bin/sh", "-c", copy],
            "resources": amounts("20m", "32Mi", "500m", "128Mi"),
            "securityContext": locked_down(true),
            "volumeMounts": [{ "name": "configuration", "mountPath": "/configuration" }],
        }),
    )
}

/// Looks at the volume, waits for its permit to start, writes the configuration.
fn bootstrapper(identity: &Identity<'_>) -> Value {
    let spec = identity.spec;
    let mut env = identity_env(identity);
    env.extend([
        json!({ "name": "CLUSTER_UID", "value": spec.cluster.uid }),
        json!({ "name": "DATACENTER", "value": spec.datacenter }),
        json!({ "name": "RACK", "value": spec.rack }),
        json!({ "name": "CONFIG_REVISION", "value": identity.workload.config_revision }),
        from_resource("MEMORY_LIMIT_BYTES", "limits.memory", "1"),
        from_resource("CPU_LIMIT_MILLICORES", "limits.cpu", "1m"),
    ]);
    if let Some(origin) = &spec.adopted_from {
        env.push(json!({ "name": "ADOPTED_FROM", "value": origin }));
    }
    container(
        "bootstrapper",
        &identity.workload.operator_image,
        identity.workload,
        json!({
            "command": [format!("{PROGRAMS}/bootstrapper"), "bootstrap"],
            "env": env,
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": amounts("20m", "32Mi", "500m", "128Mi"),
            "securityContext": locked_down(true),
            "volumeMounts": [
                { "name": "data", "mountPath": DATA },
                { "name": "configuration", "mountPath": CONFIGURATION },
                { "name": "extra-lib", "mountPath": EXTRA_LIB },
                { "name": "revision", "mountPath": REVISION, "readOnly": true },
            ],
        }),
    )
}

fn cassandra(workload: &Workload) -> Value {
    let helper = format!("{EXTRA_LIB}/bootstrapper");
    let answers = |period: i32, timeout: i32, failures: i32| {
        json!({
            "exec": { "command": [helper, "live"] },
            "periodSeconds": period,
            "timeoutSeconds": timeout,
            "failureThreshold": failures,
        })
    };
    let ports = [
        ("internode", ports::INTERNODE),
        ("internode-tls", ports::INTERNODE_TLS),
        ("cql", ports::CQL),
        ("jmx-exporter", ports::JMX_EXPORTER),
    ];
    container(
        CASSANDRA,
        &workload.image,
        workload,
        json!({
            "command": ["/opt/cassandra/bin/cassandra", "-f"],
            "env": [
                { "name": "CASSANDRA_CONF", "value": CONFIGURATION },
                { "name": "CASSANDRA_LOG_DIR", "value": "/var/log/cassandra" },
            ],
            "ports": ports.map(|(name, port)| json!({ "name": name, "containerPort": port, "protocol": "TCP" })),
            // The management interface answers within seconds of the start; a bootstrap may take days.
            "startupProbe": answers(5, 15, NEVER),
            "livenessProbe": answers(30, 30, 10),
            "readinessProbe": {
                "httpGet": { "path": "/ready", "port": ports::AGENT },
                "periodSeconds": 5,
                "timeoutSeconds": 5,
                "failureThreshold": 2,
            },
            "lifecycle": { "preStop": { "exec": { "command": [helper, "drain"] } } },
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": workload.resources,
            "securityContext": locked_down(false),
            "volumeMounts": [
                { "name": "data", "mountPath": DATA },
                { "name": "configuration", "mountPath": CONFIGURATION },
                { "name": "extra-lib", "mountPath": EXTRA_LIB, "readOnly": true },
                { "name": "logs", "mountPath": "/var/log/cassandra" },
                { "name": "tmp", "mountPath": "/tmp" },
            ],
        }),
    )
}

/// A container with what all have in common.
fn container(name: &str, image: &str, workload: &Workload, fields: Value) -> Value {
    let mut all = Map::from_iter([
        ("name".to_owned(), json!(name)),
        ("image".to_owned(), json!(image)),
    ]);
    if let Some(policy) = workload.image_pull_policy {
        all.insert("imagePullPolicy".into(), json!(policy.as_str()));
    }
    if let Value::Object(fields) = fields {
        all.extend(fields);
    }
    Value::Object(all)
}

fn identity_env(identity: &Identity<'_>) -> Vec<Value> {
    let mut env = vec![
        from_field("POD_IP", "status.podIP"),
        json!({ "name": "MEMBER_NAME", "value": identity.member }),
        json!({ "name": "MEMBER_UID", "value": identity.member_uid }),
    ];
    let optional = [
        (
            "BROADCAST_ADDRESS",
            identity.spec.broadcast_address.as_deref(),
        ),
        ("PVC_UID", identity.pvc_uid),
    ];
    let set = optional
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    env.extend(set.map(|(name, value)| json!({ "name": name, "value": value })));
    env
}

fn from_field(name: &str, path: &str) -> Value {
    json!({ "name": name, "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": path } } })
}

fn from_resource(name: &str, resource: &str, divisor: &str) -> Value {
    let reference = json!({ "containerName": CASSANDRA, "resource": resource, "divisor": divisor });
    json!({ "name": name, "valueFrom": { "resourceFieldRef": reference } })
}

fn amounts(cpu: &str, memory: &str, cpu_limit: &str, memory_limit: &str) -> Value {
    json!({
        "requests": { "cpu": cpu, "memory": memory },
        "limits": { "cpu": cpu_limit, "memory": memory_limit },
    })
}

fn locked_down(read_only: bool) -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "capabilities": { "drop": ["ALL"] },
        "readOnlyRootFilesystem": read_only,
    })
}

fn volumes(identity: &Identity<'_>) -> Value {
    let data = if identity.workload.ephemeral {
        let size = identity
            .cluster
            .spec
            .storage
            .size
            .as_ref()
            .map(|size| &size.0);
        match size {
            Some(size) => json!({ "name": "data", "emptyDir": { "sizeLimit": size } }),
            None => json!({ "name": "data", "emptyDir": {} }),
        }
    } else {
        let claim = names::volume_claim(identity.member);
        json!({ "name": "data", "persistentVolumeClaim": { "claimName": claim } })
    };
    json!([
        data,
        { "name": "configuration", "emptyDir": {} },
        { "name": "extra-lib", "emptyDir": {} },
        { "name": "logs", "emptyDir": {} },
        { "name": "tmp", "emptyDir": {} },
        { "name": "revision", "configMap": { "name": identity.workload.config_revision } },
        { "name": "token", "projected": { "sources": [
            { "serviceAccountToken": { "path": "token", "expirationSeconds": 3607 } },
            { "configMap": {
                "name": "kube-root-ca.crt",
                "items": [{ "key": "ca.crt", "path": "ca.crt" }],
            } },
            { "downwardAPI": { "items": [{
                "path": "namespace",
                "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" },
            }] } },
        ] } },
    ])
}

/// The rack's zone, and apart from the cluster's other members.
fn affinity(identity: &Identity<'_>) -> Value {
    let mut affinity = Map::new();
    if let Some(zone) = &identity.workload.zone {
        let in_zone =
            json!({ "key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone] });
        affinity.insert(
            "nodeAffinity".into(),
            json!({ "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{ "matchExpressions": [in_zone] }],
            } }),
        );
    }
    let others = json!({
        "labelSelector": { "matchLabels": labels::selecting_cluster(&identity.cluster.name) },
        "topologyKey": "kubernetes.io/hostname",
    });
    let apart = match identity.workload.placement.anti_affinity {
        AntiAffinity::Required => {
            Some(json!({ "requiredDuringSchedulingIgnoredDuringExecution": [others] }))
        }
        AntiAffinity::Preferred => Some(json!({
            "preferredDuringSchedulingIgnoredDuringExecution": [
                { "weight": 100, "podAffinityTerm": others },
            ],
        })),
        AntiAffinity::None => None,
    };
    if let Some(apart) = apart {
        affinity.insert("podAntiAffinity".into(), apart);
    }
    Value::Object(affinity)
}
