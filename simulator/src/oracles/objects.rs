//! What the operator may do to objects.

use cassandra_api::{labels, names};
use serde_json::{Value, json};

use super::{Write, text};
use crate::json::At as _;
use crate::kubernetes::{Verb, is_ready};

/// The controllers' Lease.
pub(super) const LEASE: (&str, &str, &str, &str) = (
    "coordination.k8s.io/v1",
    "Lease",
    "cassandra-operator",
    "cassandra-controller",
);

pub(super) fn check(write: &Write<'_>) -> Vec<String> {
    if !write.is_ours() {
        return claims_stay(write).into_iter().collect();
    }
    let checks = [
        claims_stay,
        deletions_name_their_object,
        writes_name_their_object,
        only_the_leader_writes,
        records_are_conditional,
        owners_live,
        users_specs_stay,
        only_unready_pods_go,
    ];
    let mut found: Vec<_> = checks.iter().filter_map(|check| check(write)).collect();
    found.extend(claims_do_not_shrink(write));
    found.extend(host_ids_stay(write));
    found.extend(images_stay(write));
    found.extend(budgets_stay(write));
    found
}

fn deletes(write: &Write<'_>) -> bool {
    write.request.verb == Verb::Delete
}

/// S01: no volume claim is deleted but by the user, who may delete the whole namespace; also not by the garbage collector
/// on our word.
fn claims_stay(write: &Write<'_>) -> Option<String> {
    let deleted = deletes(write) && write.kind == "PersistentVolumeClaim";
    let by_user = matches!(write.component, "user" | "namespace controller");
    (deleted && !by_user).then(|| {
        format!(
            "S01: {} deleted the claim {}",
            write.component,
            write.name()
        )
    })
}

/// S02: every deletion names the very object that it means.
fn deletions_name_their_object(write: &Write<'_>) -> Option<String> {
    if !deletes(write) {
        return None;
    }
    let options: Value = serde_json::from_slice(&write.request.body).unwrap_or_default();
    let named = options.at("/preconditions/uid") == write.object().at("/metadata/uid");
    (!named).then(|| {
        format!(
            "S02: {} deleted {} {} without its UID",
            write.component,
            write.kind,
            write.name()
        )
    })
}

/// S02: and so does every write over something. Leases and Events have guards of their own.
fn writes_name_their_object(write: &Write<'_>) -> Option<String> {
    let uid = write.old?.at("/metadata/uid");
    if write.request.verb != Verb::Patch || matches!(write.kind, "Lease" | "Event") {
        return None;
    }
    let patch: Value = serde_json::from_slice(&write.request.body).unwrap_or_default();
    let replaced = patch.as_array().into_iter().flatten().find_map(|change| {
        let of_uid = change.get("path").and_then(Value::as_str) == Some("/metadata/uid");
        change.get("value").filter(|_| of_uid)
    });
    (patch.at("/metadata/uid").or(replaced) != uid).then(|| {
        format!(
            "S02: {} wrote over {} {} without its UID",
            write.component,
            write.kind,
            write.name()
        )
    })
}

/// S62: the record is written only over what it was decided on.
fn records_are_conditional(write: &Write<'_>) -> Option<String> {
    if write.kind != "CassandraCluster" || write.request.verb != Verb::Patch {
        return None;
    }
    let patch: Value = serde_json::from_slice(&write.request.body).unwrap_or_default();
    let recorded = patch.at("/status/record").is_some();
    let conditional = patch.at("/metadata/resourceVersion").is_some();
    (recorded && !conditional).then(|| {
        format!(
            "S62: {} wrote the record of {} whatever was there",
            write.component,
            write.name()
        )
    })
}

/// S61: of the controllers only the one that holds the Lease writes.
fn only_the_leader_writes(write: &Write<'_>) -> Option<String> {
    if !write.component.starts_with("controller") || matches!(write.kind, "Lease" | "Event") {
        return None;
    }
    let (version, kind, namespace, name) = LEASE;
    let lease = write.server.get(version, kind, namespace, name);
    let lease = lease.as_ref().map_or(&Value::Null, |lease| lease.value());
    let holder = text(lease, "/spec/holderIdentity");
    (holder != write.component).then(|| {
        format!(
            "S61: {} wrote {} {} while {holder:?} held the Lease",
            write.component,
            write.kind,
            write.name()
        )
    })
}

/// S29: owners are objects that live.
fn owners_live(write: &Write<'_>) -> Option<String> {
    if write.old.is_some() || write.kind == "Event" {
        return None;
    }
    let owners = write.object().at("/metadata/ownerReferences")?.as_array()?;
    let dead = owners.iter().find(|owner| {
        let namespace = text(write.object(), "/metadata/namespace");
        let found = write.server.get(
            text(owner, "/apiVersion"),
            kind_of(owner),
            namespace,
            text(owner, "/name"),
        );
        found.is_none_or(|found| text(found.value(), "/metadata/uid") != text(owner, "/uid"))
    })?;
    Some(format!(
        "S29: {} {} is owned by {}, which is not there",
        write.kind,
        write.name(),
        text(dead, "/name")
    ))
}

fn kind_of(owner: &Value) -> &'static str {
    match text(owner, "/kind") {
        "CassandraCluster" => "CassandraCluster",
        _ => "CassandraMember",
    }
}

/// S40: a user's spec is the user's.
fn users_specs_stay(write: &Write<'_>) -> Option<String> {
    let spec = |object: Option<&Value>| object.and_then(|object| object.get("spec")).cloned();
    (write.kind == "CassandraCluster" && write.old.is_some() && spec(write.old) != spec(write.new))
        .then(|| {
            format!(
                "S40: {} changed the spec of {}",
                write.component,
                write.name()
            )
        })
}

/// S03, S53: no pod that is ready is deleted, but one that something which made it left behind, while all others are ready.
fn only_unready_pods_go(write: &Write<'_>) -> Option<String> {
    let deletes_pod = deletes(write) && write.kind == "Pod";
    let ready = write.old.filter(|pod| deletes_pod && is_ready(pod))?;
    let allowed = is_left_behind(write, ready) && others_are_ready(write, ready);
    (!allowed).then(|| {
        format!(
            "S03: {} deleted the ready pod {}",
            write.component,
            write.name()
        )
    })
}

/// Whether the StatefulSet, the Member or the account that a pod was made with is not there any more.
fn is_left_behind(write: &Write<'_>, pod: &Value) -> bool {
    let namespace = text(pod, "/metadata/namespace");
    let member = text(pod, "/metadata/labels/cassandra-operator.rs~1member");
    let cluster = text(pod, "/metadata/labels/app.kubernetes.io~1instance");
    let account = names::agent_account(cluster);
    let is_gone = |version, kind, name: &str, uid: &str| {
        let found = write.server.get(version, kind, namespace, name);
        !uid.is_empty() && found.is_none_or(|found| text(found.value(), "/metadata/uid") != uid)
    };
    let noted = |annotation: &str| {
        let annotation = annotation.replace('/', "~1");
        text(pod, &format!("/metadata/annotations/{annotation}"))
    };
    let set = text(pod, "/metadata/ownerReferences/0/uid");
    is_gone("apps/v1", "StatefulSet", member, set)
        || is_gone(
            "v1",
            "ServiceAccount",
            &account,
            noted(labels::SERVICE_ACCOUNT_UID),
        )
        || is_gone(
            "cassandra-operator.rs/v1alpha1",
            "CassandraMember",
            member,
            noted(labels::MEMBER_UID),
        )
}

/// Whether every other Member of the pod's cluster has a pod that is ready, if it has joined.
fn others_are_ready(write: &Write<'_>, pod: &Value) -> bool {
    let cluster = text(pod, "/metadata/labels/app.kubernetes.io~1instance");
    let own = text(pod, "/metadata/labels/cassandra-operator.rs~1member");
    let members = write
        .server
        .list("cassandra-operator.rs/v1alpha1", "CassandraMember");
    members.iter().all(|member| {
        let member = member.value();
        let name = text(member, "/metadata/name");
        let joined = member.at("/status/bootstrapped").is_some();
        if text(member, "/spec/cluster/name") != cluster || name == own || !joined {
            return true;
        }
        let namespace = text(member, "/metadata/namespace");
        let pod = write.server.get("v1", "Pod", namespace, &names::pod(name));
        pod.is_some_and(|pod| is_ready(pod.value()))
    })
}

/// S33: a claim never asks for less.
fn claims_do_not_shrink(write: &Write<'_>) -> Option<String> {
    let size = |object: Option<&Value>| {
        let size = object?.at("/spec/resources/requests/storage")?.as_str()?;
        cassandra_api::quantity::Quantity(size.to_owned()).units()
    };
    (write.kind == "PersistentVolumeClaim"
        && write.new.is_some()
        && size(write.new) < size(write.old))
    .then(|| format!("S33: the claim {} shrank", write.name()))
}

/// S63: the host id that is noted on a claim is never another one.
fn host_ids_stay(write: &Write<'_>) -> Option<String> {
    let noted = |object: Option<&Value>| {
        let annotations = object?.at("/metadata/annotations")?;
        annotations.get(labels::HOST_ID)?.as_str().map(String::from)
    };
    let before = noted(write.old).filter(|_| write.kind == "PersistentVolumeClaim")?;
    (write.new.is_some() && noted(write.new).as_ref() != Some(&before)).then(|| {
        format!(
            "S63: the host id {before} was taken from the claim {}",
            write.name()
        )
    })
}

/// S64: a member that has joined is not made from another image, unless its own can't be pulled.
fn images_stay(write: &Write<'_>) -> Option<String> {
    let (old, new) = (write.old?, write.new?);
    let image = |object: &Value| text(object, "/spec/workload/image").to_owned();
    let joined = old.at("/status/bootstrapped").is_some();
    if write.kind != "CassandraMember" || !joined || image(old) == image(new) {
        return None;
    }
    let namespace = text(new, "/metadata/namespace");
    let pod = write
        .server
        .get("v1", "Pod", namespace, &names::pod(write.name()));
    let fails = pod.is_some_and(|pod| pod.value().to_string().contains("ImagePullBackOff"));
    (!fails).then(|| {
        format!(
            "S64: {} has joined and is made from {} instead of {}",
            write.name(),
            image(new),
            image(old)
        )
    })
}

/// S31: the budget of a cluster that has members stays, never allows more, and is for the pods of its cluster alone.
fn budgets_stay(write: &Write<'_>) -> Option<String> {
    if let (Some(new), "PodDisruptionBudget") = (write.new, write.kind) {
        let wanted = json!({ "matchLabels": {
            "app.kubernetes.io/managed-by": "cassandra-operator",
            "app.kubernetes.io/name": "cassandra",
            "cassandra-operator.rs/cluster": write.name(),
        } });
        if new.at("/spec/selector") != Some(&wanted) {
            let name = write.name();
            return Some(format!(
                "S31: the budget {name} is not for the pods of its cluster"
            ));
        }
    }
    let allowed = |object: Option<&Value>| {
        object.and_then(|object| object.at("/spec/maxUnavailable").cloned())
    };
    let weaker = write.new.is_none() || allowed(write.new).is_some_and(|now| now != json!(1));
    (write.kind == "PodDisruptionBudget" && weaker).then(|| {
        format!(
            "S31: the budget {} went or allows more than one",
            write.name()
        )
    })
}
