//! Objects of every kind that we use, valid and not.

use serde_json::{Value, json};

use super::dice::Dice;

/// A kind that sequences write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "it is called so in objects")]
pub(super) struct Kind {
    pub(super) prefix: &'static str,
    pub(super) plural: &'static str,
    pub(super) version: &'static str,
    pub(super) kind: &'static str,
    pub(super) has_status: bool,
    /// How often, beside the others.
    pub(super) weight: usize,
}

impl Kind {
    /// The path of all in a namespace.
    pub(super) fn collection(&self, namespace: &str) -> String {
        let Self {
            prefix,
            version,
            plural,
            ..
        } = self;
        format!("/{prefix}/{version}/namespaces/{namespace}/{plural}")
    }
}

const fn kind(
    version: &'static str,
    plural: &'static str,
    kind: &'static str,
    has_status: bool,
    weight: usize,
) -> Kind {
    let prefix = if version.len() == 2 { "api" } else { "apis" };
    Kind {
        prefix,
        plural,
        version,
        kind,
        has_status,
        weight,
    }
}

const RBAC: &str = "rbac.authorization.k8s.io/v1";
const OURS: &str = "cassandra-operator.rs/v1alpha1";

pub(super) const KINDS: &[Kind] = &[
    kind("v1", "configmaps", "ConfigMap", false, 12),
    kind("v1", "services", "Service", true, 10),
    kind(
        "v1",
        "persistentvolumeclaims",
        "PersistentVolumeClaim",
        true,
        8,
    ),
    kind("v1", "pods", "Pod", true, 12),
    kind("v1", "serviceaccounts", "ServiceAccount", false, 4),
    kind("v1", "endpoints", "Endpoints", false, 2),
    kind("v1", "secrets", "Secret", false, 3),
    kind("apps/v1", "statefulsets", "StatefulSet", true, 12),
    kind(
        "policy/v1",
        "poddisruptionbudgets",
        "PodDisruptionBudget",
        true,
        8,
    ),
    kind(RBAC, "roles", "Role", false, 6),
    kind(RBAC, "rolebindings", "RoleBinding", false, 6),
    kind("coordination.k8s.io/v1", "leases", "Lease", false, 6),
    kind("events.k8s.io/v1", "events", "Event", false, 3),
    kind(
        "discovery.k8s.io/v1",
        "endpointslices",
        "EndpointSlice",
        false,
        3,
    ),
    kind(OURS, "cassandraclusters", "CassandraCluster", true, 16),
    kind(OURS, "cassandramembers", "CassandraMember", true, 16),
];

/// An object without metadata but its name.
pub(super) fn object(kind: Kind, name: &str, namespace: &str, dice: &mut Dice) -> Value {
    let mut object =
        json!({"apiVersion": kind.version, "kind": kind.kind, "metadata": {"name": name}});
    let content = content(kind, namespace, dice);
    if let (Some(fields), Value::Object(content)) = (object.as_object_mut(), content) {
        fields.extend(content);
    }
    object
}

/// What an object of the kind says.
pub(super) fn content(kind: Kind, namespace: &str, dice: &mut Dice) -> Value {
    match kind.kind {
        "ConfigMap" => config_map(dice),
        "Secret" => json!({"data": {dice.text(&["a", "b"]): "YQ=="}}),
        "Service" => service(dice),
        "PersistentVolumeClaim" => claim(dice),
        "Pod" => json!({"spec": pod_spec(dice)}),
        "ServiceAccount" => match dice.below(3) {
            0 => json!({"automountServiceAccountToken": false}),
            1 => json!({"imagePullSecrets": [{"name": dice.text(&["x", "y"])}]}),
            _ => json!({}),
        },
        "Endpoints" => {
            json!({"subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 9042}]}]})
        }
        "EndpointSlice" => {
            json!({"addressType": "IPv4", "endpoints": [{"addresses": ["10.1.2.3"]}],
            "ports": [{"port": 9042, "name": dice.text(&["cql", "other"])}]})
        }
        "StatefulSet" => stateful_set(dice),
        "PodDisruptionBudget" => budget(dice),
        "Role" => json!({"rules": rules(dice)}),
        "RoleBinding" => binding(namespace, dice),
        "Lease" => lease(dice),
        "Event" => event(namespace),
        "CassandraCluster" => json!({"spec": cluster(dice)}),
        "CassandraMember" => json!({"spec": member(dice)}),
        _ => json!({}),
    }
}

/// What an object of the kind could report.
pub(super) fn status(kind: Kind, dice: &mut Dice) -> Value {
    let number = dice.below(3);
    match kind.kind {
        "Pod" => match dice.below(3) {
            0 => json!({"phase": "Running", "podIP": "10.2.3.4", "podIPs": [{"ip": "10.2.3.4"}],
                "conditions": [{"type": "Ready", "status": "True"}]}),
            1 => json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}),
            _ => json!({"phase": "Pending", "reason": "x"}),
        },
        "StatefulSet" => {
            json!({"replicas": number, "readyReplicas": number, "observedGeneration": 1})
        }
        "PodDisruptionBudget" => {
            json!({"disruptionsAllowed": number, "currentHealthy": number, "desiredHealthy": 1,
            "expectedPods": 3, "observedGeneration": dice.below(4)})
        }
        "PersistentVolumeClaim" => json!({"phase": "Bound", "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"]}),
        "Service" => json!({"loadBalancer": {}}),
        "CassandraCluster" => match dice.below(4) {
            0 => json!({"members": number, "nonsense": 1}),
            1 => json!({"members": "many"}),
            2 => {
                json!({"observedGeneration": number, "conditions": [{"type": "Ready", "status": "True",
                "reason": "A", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]})
            }
            _ => json!({"members": number, "version": dice.text(&["5.0.9", "4.1.10"])}),
        },
        "CassandraMember" => match dice.below(4) {
            0 => json!({"state": "Nonsense"}),
            1 => json!({"state": "Ready", "nonsense": {"a": 1}}),
            _ => json!({"state": dice.text(&["Ready", "Stopped", "Starting"])}),
        },
        _ => json!({}),
    }
}

fn config_map(dice: &mut Dice) -> Value {
    let key = dice.text(&["a", "b", "c"]);
    let value = dice.text(&["1", "2", ""]);
    match dice.below(12) {
        0 => json!({"data": {key: value}, "immutable": true}),
        1 => json!({"data": {key: value}, "immutable": false}),
        2 => json!({"binaryData": {key: "AAE="}}),
        3 => json!({"data": {}}),
        4 => json!({"data": {key: value}, "unknown": {"x": 1}}),
        5 => json!({"data": {key: 7}}),
        6 => json!({}),
        _ => json!({"data": {key: value, "d": "4"}}),
    }
}

fn service(dice: &mut Dice) -> Value {
    let mut ports = vec![json!({"name": "cql", "port": 9042, "protocol": "TCP"})];
    if dice.percent(50) {
        ports.push(json!({"name": "internode", "port": dice.below(2) + 7000}));
    }
    if dice.percent(5) {
        ports.push(json!({"port": 80}));
    }
    if dice.percent(4) {
        ports.push(json!({"name": "x", "port": 70000}));
    }
    let mut spec = json!({"selector": {"app": dice.text(&["a", "b"])}, "ports": ports});
    if let Some(spec) = spec.as_object_mut() {
        match dice.below(8) {
            0..=2 => drop(spec.insert("clusterIP".into(), json!("None"))),
            3 => drop(spec.insert("publishNotReadyAddresses".into(), json!(true))),
            4 => drop(spec.insert("publishNotReadyAddresses".into(), json!(false))),
            5 if dice.percent(30) => drop(spec.insert("clusterIP".into(), json!("10.0.0.1"))),
            _ => {}
        }
    }
    json!({"spec": spec})
}

fn claim(dice: &mut Dice) -> Value {
    let size = dice.text(&["1Gi", "1024Mi", "2Gi", "10Gi", "1.5Gi"]);
    let mut spec =
        json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}});
    if let Some(spec) = spec.as_object_mut() {
        match dice.below(12) {
            0..=2 => drop(spec.insert("storageClassName".into(), json!("fast"))),
            3 => drop(spec.remove("accessModes")),
            4 => drop(spec.insert("resources".into(), json!({}))),
            5 => drop(spec.insert("volumeMode".into(), json!("Block"))),
            _ => {}
        }
    }
    json!({"spec": spec})
}

fn container(name: &str, dice: &mut Dice) -> Value {
    let mut container = json!({"name": name, "image": dice.text(&["cassandra:5.0", "cassandra", "x.y/z:latest", "x@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"])});
    let Some(fields) = container.as_object_mut() else {
        return container;
    };
    if dice.percent(40) {
        let cpu = dice.text(&["1", "1000m", "0.5", "500m"]);
        fields.insert(
            "resources".into(),
            json!({"limits": {"cpu": cpu, "memory": "1024Mi"}}),
        );
    }
    if dice.percent(30) {
        fields.insert(
            "resources".into(),
            json!({"requests": {"memory": dice.text(&["1Gi", "512Mi"])}}),
        );
    }
    if dice.percent(30) {
        fields.insert(
            "readinessProbe".into(),
            json!({"httpGet": {"port": 8080, "path": "/ready"}, "periodSeconds": 5}),
        );
    }
    if dice.percent(30) {
        fields.insert(
            "livenessProbe".into(),
            json!({"exec": {"command": ["true"]}}),
        );
    }
    if dice.percent(40) {
        fields.insert("ports".into(), json!([{"name": "cql", "containerPort": 9042}, {"containerPort": 7000, "protocol": "TCP"}]));
    }
    if dice.percent(40) {
        fields.insert("env".into(), json!([{"name": "A", "value": dice.text(&["1", ""])},
            {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "C", "valueFrom": {"resourceFieldRef": {"containerName": name, "resource": "limits.cpu"}}}]));
    }
    if dice.percent(30) {
        fields.insert(
            "securityContext".into(),
            json!({"allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": dice.percent(50)}),
        );
    }
    if dice.percent(30) {
        fields.insert(
            "volumeMounts".into(),
            json!([{"name": "data", "mountPath": "/data"}]),
        );
    }
    if dice.percent(20) {
        fields.insert(
            "lifecycle".into(),
            json!({"preStop": {"exec": {"command": ["x"]}}}),
        );
    }
    container
}

fn pod_spec(dice: &mut Dice) -> Value {
    let mut spec = json!({"containers": [container("cassandra", dice)], "volumes": [{"name": "data", "emptyDir": {}},
        {"name": "conf", "configMap": {"name": "conf"}}]});
    let Some(fields) = spec.as_object_mut() else {
        return spec;
    };
    if dice.percent(40) {
        let mut first = container("agent", dice);
        if let (true, Some(first)) = (dice.percent(50), first.as_object_mut()) {
            first.insert("restartPolicy".into(), json!("Always"));
        }
        if let Some(first) = first.as_object_mut() {
            for absent in ["readinessProbe", "livenessProbe", "lifecycle"] {
                first.remove(absent);
            }
        }
        fields.insert("initContainers".into(), json!([first]));
    }
    if dice.percent(30) {
        fields.insert("terminationGracePeriodSeconds".into(), json!(300));
    }
    if dice.percent(30) {
        fields.insert("serviceAccountName".into(), json!("agent"));
        fields.insert("automountServiceAccountToken".into(), json!(false));
    }
    if dice.percent(30) {
        fields.insert(
            "securityContext".into(),
            json!({"runAsUser": 999, "fsGroup": 999, "runAsNonRoot": true,
            "seccompProfile": {"type": "RuntimeDefault"}}),
        );
    }
    if dice.percent(20) {
        fields.insert("nodeName".into(), json!("node-1"));
    }
    if dice.percent(20) {
        fields.insert(
            "tolerations".into(),
            json!([{"key": "a", "operator": "Exists"}]),
        );
    }
    if dice.percent(20) {
        fields.insert("enableServiceLinks".into(), json!(false));
    }
    if dice.percent(20) {
        fields.insert("nodeSelector".into(), json!({"a": "b"}));
    }
    if dice.percent(20) {
        fields.insert("affinity".into(), json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            [{"labelSelector": {"matchLabels": {"app": "a"}}, "topologyKey": "kubernetes.io/hostname"}]}}));
    }
    if dice.percent(20) {
        fields.insert("serviceAccountName".into(), json!("agent"));
        fields.insert("volumes".into(), json!([{"name": "data", "persistentVolumeClaim": {"claimName": "x"}},
            {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}},
                {"downwardAPI": {"items": [{"path": "ns", "fieldRef": {"fieldPath": "metadata.namespace"}}]}}]}}]));
    }
    if dice.percent(3) {
        fields.remove("containers");
    }
    if dice.percent(3) {
        fields.remove("volumes");
    }
    spec
}

fn stateful_set(dice: &mut Dice) -> Value {
    let app = dice.text(&["a", "a", "a", "b"]);
    let mut spec = json!({
        "serviceName": dice.text(&["s", "s", "s", "t"]),
        "selector": {"matchLabels": {"app": "a"}},
        "template": {"metadata": {"labels": {"app": app}}, "spec": pod_spec(dice)},
    });
    let Some(fields) = spec.as_object_mut() else {
        return spec;
    };
    if dice.percent(50) {
        fields.insert("replicas".into(), json!(dice.below(4)));
    }
    if dice.percent(50) {
        fields.insert("updateStrategy".into(), json!({"type": "OnDelete"}));
        fields.insert("podManagementPolicy".into(), json!("Parallel"));
        fields.insert("revisionHistoryLimit".into(), json!(1));
    }
    if dice.percent(3) {
        fields.insert("replicas".into(), json!(-1));
    }
    json!({"spec": spec})
}

fn budget(dice: &mut Dice) -> Value {
    let selector = json!({"matchLabels": {"app": dice.text(&["a", "b"])}});
    match dice.below(5) {
        0 => json!({"spec": {"minAvailable": dice.text(&["50%", "10%"]), "selector": selector}}),
        1 if dice.percent(30) => {
            json!({"spec": {"minAvailable": 1, "maxUnavailable": 1, "selector": selector}})
        }
        _ => json!({"spec": {"maxUnavailable": dice.below(3), "selector": selector}}),
    }
}

fn rules(dice: &mut Dice) -> Value {
    match dice.below(8) {
        0 => {
            json!([{"apiGroups": [OURS_GROUP], "resources": ["cassandramembers/status"], "verbs": ["patch"]}])
        }
        1 => {
            json!([{"apiGroups": [OURS_GROUP], "resources": ["cassandramembers"], "verbs": ["get", "list", "watch"]}])
        }
        2 => json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]),
        3 => {
            json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"], "resourceNames": ["n0"]}])
        }
        4 => json!([{"resources": ["pods"], "verbs": ["get"]}]),
        5 => json!([]),
        _ => {
            json!([{"apiGroups": [OURS_GROUP], "resources": ["cassandramembers"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": [OURS_GROUP], "resources": ["cassandramembers/status"], "verbs": ["patch"]}])
        }
    }
}

const OURS_GROUP: &str = "cassandra-operator.rs";

fn binding(namespace: &str, dice: &mut Dice) -> Value {
    let name = dice.text(&["n0", "n1", "n2"]);
    json!({
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": "agent", "namespace": namespace}],
    })
}

fn lease(dice: &mut Dice) -> Value {
    let seconds = [15, 15, 15, 0].get(dice.below(4)).copied().unwrap_or(15);
    json!({"spec": {"holderIdentity": dice.text(&["a", "b"]), "leaseDurationSeconds": seconds,
        "renewTime": dice.text(&["2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:01.500000Z"]),
        "leaseTransitions": dice.below(3)}})
}

fn event(namespace: &str) -> Value {
    json!({"eventTime": "2026-01-01T00:00:00.000001Z", "reason": "Made", "action": "Make", "type": "Normal",
        "reportingController": "cassandra-operator.rs/x", "reportingInstance": "i", "note": "a",
        "regarding": {"kind": "Pod", "name": "p", "namespace": namespace, "apiVersion": "v1"}})
}

fn cluster(dice: &mut Dice) -> Value {
    let mut spec = json!({
        "version": dice.text(&["5.0.9", "4.1.10"]),
        "racks": [{"name": "r1", "members": dice.below(3) + 1}],
        "storage": {"size": dice.text(&["1Gi", "100Gi"])},
    });
    let Some(fields) = spec.as_object_mut() else {
        return spec;
    };
    match dice.below(22) {
        0 => drop(fields.remove("racks")),
        1 => drop(fields.insert("racks".into(), json!([]))),
        2 => drop(fields.insert(
            "racks".into(),
            json!([{"name": "r1", "members": 1}, {"name": "r1", "members": 2}]),
        )),
        3 => drop(fields.insert("version".into(), json!("nonsense"))),
        4 => drop(fields.insert("version".into(), json!(5))),
        5 => drop(fields.insert("clusterName".into(), json!(dice.text(&["A", "B"])))),
        6 => drop(fields.insert(
            "config".into(),
            json!({"cassandraYaml": {"cluster_name": "x"}}),
        )),
        7 => drop(fields.insert(
            "config".into(),
            json!({"cassandraYaml": {"concurrent_reads": 64, "a": {"b": [1]}}}),
        )),
        8 => drop(fields.insert(
            "config".into(),
            json!({"jvm": {"heap": "1Gi", "unknown": 1}}),
        )),
        9 => drop(fields.insert("unknown".into(), json!({"x": [1, 2]}))),
        10 => drop(fields.insert("clusterName".into(), Value::Null)),
        11 => drop(fields.insert("datacenter".into(), json!(dice.text(&["dc1", "dc2"])))),
        12 => drop(fields.remove("storage")),
        13 => drop(fields.insert("racks".into(), json!([{"name": "R 1", "members": -1}]))),
        14 => drop(fields.insert(
            "racks".into(),
            json!([{"name": "r1", "members": 1, "zone": "z"}, {"name": "r2", "members": 1}]),
        )),
        15 => drop(fields.insert("config".into(), Value::Null)),
        16 => drop(fields.insert(
            "resources".into(),
            json!({"limits": {"cpu": 1, "memory": "1Gi"}}),
        )),
        _ => {}
    }
    spec
}

fn member(dice: &mut Dice) -> Value {
    let mut spec = json!({
        "cluster": {"name": dice.text(&["n0", "n1"]), "uid": "11111111-1111-1111-1111-111111111111"},
        "rack": dice.text(&["r1", "r1", "r2"]),
        "datacenter": "dc1",
        "clusterName": dice.text(&["A", "A", "A", "B"]),
        "ordinal": dice.below(2),
    });
    let Some(fields) = spec.as_object_mut() else {
        return spec;
    };
    match dice.below(14) {
        0 => drop(fields.remove("cluster")),
        1 => drop(fields.insert("ordinal".into(), json!("x"))),
        2 => drop(fields.insert("unknown".into(), json!(1))),
        3 => drop(fields.insert(
            "broadcastAddress".into(),
            json!(dice.text(&["10.0.0.1", "10.0.0.2"])),
        )),
        4 => drop(fields.insert("seeds".into(), json!(["10.0.0.1"]))),
        5 => drop(fields.remove("rack")),
        _ => {}
    }
    spec
}
