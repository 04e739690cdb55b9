//! What a cluster has once: the Service for clients, the agents' account and its rights, the disruption budget.

use cassandra_api::{GROUP, labels, names, ports};
use serde_json::{Value, json};

use super::owned_by_cluster;
use crate::{
    cluster::{
        drift::{Guard, ensure},
        kinds::Kind,
        plan::Desired,
        validate::Validated,
    },
    fields,
};

/// The writes that put the cluster's own objects right.
pub(crate) fn shared_objects(cluster: &Validated<'_>) -> Vec<Desired> {
    let owned = &cluster.observed.owned;
    let account = names::agent_account(&cluster.name);
    let service = names::client_service(&cluster.name);
    let budget = names::disruption_budget(&cluster.name);
    let right = Guard::Uid;
    let writes = [
        ensure(
            Kind::ServiceAccount,
            &account,
            fields::CLUSTER,
            right,
            service_account(cluster, &account),
            owned,
            owned.service_accounts.get(&account).map(AsRef::as_ref),
        ),
        ensure(
            Kind::Role,
            &account,
            fields::CLUSTER,
            right,
            role(cluster, &account),
            owned,
            owned.roles.get(&account).map(AsRef::as_ref),
        ),
        ensure(
            Kind::RoleBinding,
            &account,
            fields::CLUSTER,
            right,
            role_binding(cluster, &account),
            owned,
            owned.role_bindings.get(&account).map(AsRef::as_ref),
        )
        // Kubernetes refuses a binding of a role that is not there.
        .filter(|_| owned.roles.contains_key(&account)),
        ensure(
            Kind::Service,
            &service,
            fields::CLUSTER,
            right,
            client_service(cluster, &service),
            owned,
            owned.services.get(&service).map(AsRef::as_ref),
        ),
        ensure(
            Kind::PodDisruptionBudget,
            &budget,
            fields::CLUSTER,
            right,
            disruption_budget(cluster, &budget),
            owned,
            owned.budgets.get(&budget).map(AsRef::as_ref),
        ),
    ];
    writes.into_iter().flatten().collect()
}

fn metadata(cluster: &Validated<'_>, name: &str) -> Value {
    json!({
        "name": name,
        "labels": labels::of_cluster(&cluster.name, &cluster.uid),
        "ownerReferences": owned_by_cluster(cluster),
    })
}

/// Resolves to the members that are ready. No port of the management plane is on it.
fn client_service(cluster: &Validated<'_>, name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(cluster, name),
        "spec": {
            "clusterIP": "None",
            "selector": labels::selecting_cluster(&cluster.name),
            "ports": [{ "name": "cql", "port": ports::CQL, "protocol": "TCP" }],
        },
    })
}

fn service_account(cluster: &Validated<'_>, name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(cluster, name),
        "automountServiceAccountToken": false,
    })
}

/// An agent reads Members and writes their status; the admission policy `agent-own-status` leaves it only its own.
fn role(cluster: &Validated<'_>, name: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": metadata(cluster, name),
        "rules": [
            { "apiGroups": [GROUP], "resources": ["cassandramembers"], "verbs": ["get", "list", "watch"] },
            { "apiGroups": [GROUP], "resources": ["cassandramembers/status"], "verbs": ["patch"] },
        ],
    })
}

fn role_binding(cluster: &Validated<'_>, name: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata(cluster, name),
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": cluster.namespace }],
    })
}

/// Evictions take one member at a time, and none while another is down.
fn disruption_budget(cluster: &Validated<'_>, name: &str) -> Value {
    json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(cluster, name),
        "spec": {
            "maxUnavailable": 1,
            "selector": { "matchLabels": labels::selecting_cluster(&cluster.name) },
        },
    })
}
