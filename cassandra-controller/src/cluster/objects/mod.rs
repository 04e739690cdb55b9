//! Objects as they should be. Each function returns the write that puts an object right, or None if it is right.

mod configuration;
mod member;
mod pod;
mod shared;
mod stateful_set;
mod volume;
mod waiting;

use cassandra_api::GROUP;
use serde_json::{Value, json};

pub(super) use configuration::config_revision;
pub(super) use member::{member, member_service};
pub(super) use shared::shared_objects;
pub(super) use stateful_set::stateful_set;
pub(super) use volume::{adopted_claim, volume_claim};
pub(super) use waiting::waiting;

use super::validate::Validated;

/// The owner reference of what goes with the cluster.
fn owned_by_cluster(cluster: &Validated<'_>) -> Value {
    owner("CassandraCluster", &cluster.name, &cluster.uid)
}

fn owner(kind: &str, name: &str, uid: &str) -> Value {
    json!([{
        "apiVersion": format!("{GROUP}/v1alpha1"),
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}
