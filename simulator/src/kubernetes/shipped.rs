//! What is there before anybody asks for it, and what the operator's installation adds.

use std::sync::LazyLock;

use serde_json::{Value, json};

const CRDS: [&str; 2] = [
    include_str!("../../../crds/cassandraclusters.yaml"),
    include_str!("../../../crds/cassandramembers.yaml"),
];
const MANIFESTS: [&str; 5] = [
    include_str!("../../../deploy/manifests/namespace.yaml"),
    include_str!("../../../deploy/manifests/serviceaccount.yaml"),
    include_str!("../../../deploy/manifests/rbac.yaml"),
    include_str!("../../../deploy/manifests/admission-policies.yaml"),
    include_str!("../../../deploy/overlays/cluster/binding.yaml"),
];

/// The documents of a YAML file. One that can't be read is left out; a test reads them all.
fn documents(text: &str) -> impl Iterator<Item = Value> {
    let parts = text.split("\n---\n");
    parts
        .filter_map(|part| serde_saphyr::from_str::<Value>(part).ok())
        .filter(Value::is_object)
}

/// The definitions of our kinds.
pub(crate) fn definitions() -> Vec<Value> {
    static READ: LazyLock<Vec<Value>> =
        LazyLock::new(|| CRDS.iter().flat_map(|text| documents(text)).collect());
    READ.clone()
}

/// The operator's installation for a whole Kubernetes cluster, without its Deployment.
pub(crate) fn operator() -> Vec<Value> {
    static READ: LazyLock<Vec<Value>> =
        LazyLock::new(|| MANIFESTS.iter().flat_map(|text| documents(text)).collect());
    READ.clone()
}

/// What is installed on a real server to be like a simulated one with the operator.
pub fn installation() -> Vec<Value> {
    let mut objects = definitions();
    objects.extend(operator());
    objects
}

/// What an API server has from its start, as far as it matters here.
pub(crate) fn at_start() -> Vec<Value> {
    let namespace =
        |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let mut objects = vec![namespace("default"), namespace("kube-system")];
    objects.extend(definitions());
    objects.extend(controllers());
    objects
}

/// The rights of Kubernetes' own controllers that are played here.
fn controllers() -> Vec<Value> {
    let role = |name: &str, rules: Value| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": format!("system:controller:{name}")}, "rules": rules})
    };
    let binding = |name: &str| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": format!("system:controller:{name}")},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                "name": format!("system:controller:{name}")},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "kube-system"}]})
    };
    let all = |verbs: Value| json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": verbs}]);
    vec![
        role(
            "generic-garbage-collector",
            all(json!(["get", "list", "watch", "patch", "update", "delete"])),
        ),
        binding("generic-garbage-collector"),
        role(
            "namespace-controller",
            all(json!([
                "get",
                "list",
                "delete",
                "deletecollection",
                "update"
            ])),
        ),
        binding("namespace-controller"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_document_is_read() {
        assert_eq!(definitions().len(), 2);
        let parts: usize = MANIFESTS
            .iter()
            .map(|text| text.split("\n---\n").count())
            .sum();
        assert_eq!(operator().len(), parts);
    }
}
