//! Defaults of decoding, as rows: where a field is, and what it is if it is not there. What depends on other fields is in
//! the files of the kinds, and comes first.
//!
//! A path goes down fields, by dots; `*` is each element of a list, `a|b` is both fields. Nothing is made on the way: a
//! default is for what is there.

use serde_json::{Value, json};

use super::fill;
use crate::kubernetes::catalogue::Family;

/// The path of a field, and what it is by default.
type Row = (&'static str, Is);

/// What a field is by default.
#[derive(Clone, Copy, Debug)]
enum Is {
    Text(&'static str),
    Number(i64),
    True,
    /// An object without fields.
    Empty,
}

use Is::{Empty, Number, Text, True};

/// Of which kind, below which path, which rows. A row can stand on one before it.
const DEFAULTS: &[(Family, &str, &[Row])] = &[
    (Family::Pod, "spec", POD),
    (Family::Pod, "spec.containers|initContainers.*", CONTAINER),
    (
        Family::Pod,
        "",
        &[
            ("spec.enableServiceLinks", True),
            ("status.phase", Text("Pending")),
        ],
    ),
    (Family::StatefulSet, "spec.template.spec", POD),
    (
        Family::StatefulSet,
        "spec.template.spec.containers|initContainers.*",
        CONTAINER,
    ),
    (Family::StatefulSet, "spec", STATEFUL_SET),
    (Family::StatefulSet, "spec.volumeClaimTemplates.*", CLAIM),
    (Family::PersistentVolumeClaim, "", CLAIM),
    (
        Family::PersistentVolume,
        "",
        &[
            ("status.phase", Text("Pending")),
            ("spec.persistentVolumeReclaimPolicy", Text("Retain")),
            ("spec.volumeMode", Text("Filesystem")),
        ],
    ),
    (
        Family::Service,
        "spec",
        &[
            ("ports.*.protocol", Text("TCP")),
            ("sessionAffinity", Text("None")),
            ("type", Text("ClusterIP")),
        ],
    ),
    (Family::Namespace, "", &[("status.phase", Text("Active"))]),
    (Family::Secret, "", &[("type", Text("Opaque"))]),
    (
        Family::StorageClass,
        "",
        &[
            ("reclaimPolicy", Text("Delete")),
            ("volumeBindingMode", Text("Immediate")),
        ],
    ),
    (
        Family::Endpoints,
        "subsets.*.ports.*",
        &[("protocol", Text("TCP"))],
    ),
    (
        Family::EndpointSlice,
        "ports.*",
        &[("protocol", Text("TCP")), ("name", Text(""))],
    ),
    (
        Family::ValidatingAdmissionPolicy,
        "spec",
        &[("failurePolicy", Text("Fail"))],
    ),
    (
        Family::ValidatingAdmissionPolicy,
        "spec.matchConstraints|matchResources",
        MATCHING,
    ),
    (
        Family::ValidatingAdmissionPolicyBinding,
        "spec.matchConstraints|matchResources",
        MATCHING,
    ),
];

const POD: &[Row] = &[
    ("dnsPolicy", Text("ClusterFirst")),
    ("restartPolicy", Text("Always")),
    ("schedulerName", Text("default-scheduler")),
    ("securityContext", Empty),
    ("terminationGracePeriodSeconds", Number(30)),
    (
        "volumes.*.configMap|secret|downwardAPI|projected.defaultMode",
        Number(420),
    ),
    ("volumes.*.hostPath.type", Text("")),
    (
        "volumes.*.projected.sources.*.serviceAccountToken.expirationSeconds",
        Number(3600),
    ),
    (
        "volumes.*.projected.sources.*.downwardAPI.items.*.fieldRef.apiVersion",
        Text("v1"),
    ),
    (
        "volumes.*.projected.sources.*.downwardAPI.items.*.resourceFieldRef.divisor",
        Text("0"),
    ),
    (
        "volumes.*.downwardAPI.items.*.fieldRef.apiVersion",
        Text("v1"),
    ),
    (
        "volumes.*.downwardAPI.items.*.resourceFieldRef.divisor",
        Text("0"),
    ),
];

const CONTAINER: &[Row] = &[
    ("ports.*.protocol", Text("TCP")),
    ("env.*.valueFrom.fieldRef.apiVersion", Text("v1")),
    // An amount of nothing is written too.
    ("env.*.valueFrom.resourceFieldRef.divisor", Text("0")),
    ("lifecycle.postStart|preStop.httpGet.path", Text("/")),
    ("lifecycle.postStart|preStop.httpGet.scheme", Text("HTTP")),
    (
        "livenessProbe|readinessProbe|startupProbe.httpGet.path",
        Text("/"),
    ),
    (
        "livenessProbe|readinessProbe|startupProbe.httpGet.scheme",
        Text("HTTP"),
    ),
    (
        "livenessProbe|readinessProbe|startupProbe.grpc.service",
        Text(""),
    ),
    (
        "livenessProbe|readinessProbe|startupProbe.timeoutSeconds",
        Number(1),
    ),
    (
        "livenessProbe|readinessProbe|startupProbe.periodSeconds",
        Number(10),
    ),
    (
        "livenessProbe|readinessProbe|startupProbe.successThreshold",
        Number(1),
    ),
    (
        "livenessProbe|readinessProbe|startupProbe.failureThreshold",
        Number(3),
    ),
    ("terminationMessagePath", Text("/dev/termination-log")),
    ("terminationMessagePolicy", Text("File")),
];

const STATEFUL_SET: &[Row] = &[
    ("podManagementPolicy", Text("OrderedReady")),
    ("replicas", Number(1)),
    ("revisionHistoryLimit", Number(10)),
    ("persistentVolumeClaimRetentionPolicy", Empty),
    (
        "persistentVolumeClaimRetentionPolicy.whenDeleted|whenScaled",
        Text("Retain"),
    ),
    ("volumeClaimTemplates.*.apiVersion", Text("v1")),
    ("volumeClaimTemplates.*.kind", Text("PersistentVolumeClaim")),
];

const CLAIM: &[Row] = &[
    ("status.phase", Text("Pending")),
    ("spec.volumeMode", Text("Filesystem")),
];

const MATCHING: &[Row] = &[
    ("matchPolicy", Text("Equivalent")),
    ("namespaceSelector|objectSelector", Empty),
    ("resourceRules.*.scope", Text("*")),
];

/// Sets what is not there.
pub(super) fn add(family: Family, object: &mut Value) {
    for (_, at, rows) in DEFAULTS.iter().filter(|(of, ..)| *of == family) {
        each(object, at, &mut |place| {
            for (path, is) in *rows {
                let (path, field) = path.rsplit_once('.').unwrap_or(("", path));
                each(place, path, &mut |holder| set(holder, field, *is));
            }
        });
    }
}

fn set(holder: &mut Value, field: &str, is: Is) {
    let Some(fields) = holder.as_object_mut() else {
        return;
    };
    for name in field.split('|') {
        fill(
            fields,
            name,
            match is {
                Text(text) => json!(text),
                Number(number) => json!(number),
                True => json!(true),
                Empty => json!({}),
            },
        );
    }
}

/// Each value at a path.
fn each(value: &mut Value, path: &str, act: &mut dyn FnMut(&mut Value)) {
    if path.is_empty() {
        return act(value);
    }
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    if step == "*" {
        let elements = value.as_array_mut().into_iter().flatten();
        return elements.for_each(|element| each(element, rest, act));
    }
    for name in step.split('|') {
        if let Some(field) = value.get_mut(name) {
            each(field, rest, act);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_for_what_is_there_and_says_nothing() {
        let mut pod = json!({"spec": {"containers": [
            {"ports": [{"containerPort": 1}, {"containerPort": 2, "protocol": "UDP"}],
             "readinessProbe": {"periodSeconds": 5, "httpGet": {"port": 1}}},
        ], "volumes": [{"secret": {}}]}});
        add(Family::Pod, &mut pod);
        let container = &pod["spec"]["containers"][0];
        assert_eq!(container["ports"][0]["protocol"], "TCP");
        assert_eq!(container["ports"][1]["protocol"], "UDP");
        assert_eq!(container["readinessProbe"]["periodSeconds"], 5);
        assert_eq!(container["readinessProbe"]["httpGet"]["scheme"], "HTTP");
        assert_eq!(pod["spec"]["volumes"][0]["secret"]["defaultMode"], 420);
        // No place is made for a default.
        assert_eq!(container.get("livenessProbe"), None);
        assert_eq!(pod["spec"].get("initContainers"), None);
        assert_eq!(pod.get("status"), None);
    }

    #[test]
    fn a_row_can_stand_on_one_before_it() {
        let mut set = json!({"spec": {"replicas": 3}});
        add(Family::StatefulSet, &mut set);
        assert_eq!(set["spec"]["replicas"], 3);
        assert_eq!(
            set["spec"]["persistentVolumeClaimRetentionPolicy"],
            json!({"whenDeleted": "Retain", "whenScaled": "Retain"})
        );
    }
}
