//! L16: the status of a cluster counts as ready those that serve, and only those; it may be behind for a while, not for
//! long.

use std::{collections::BTreeMap, time::Duration};

use cassandra_api::v1alpha1::{CassandraCluster, CassandraMember};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::{objects::LEASE, text};
use crate::{kubernetes::Server, ring::Ring};

const OURS: &str = "cassandra-operator.rs/v1alpha1";
/// How long a status may be wrong: a node is given up after 50 s, a cache may lag for 30, another controller takes the
/// lead after 17.
const BEHIND: Duration = Duration::from_secs(150);
/// The same while faults of all kinds go on: who has failed again and again waits for five minutes.
const BEHIND_IN_A_STORM: Duration = Duration::from_mins(15);
/// Who has not renewed the Lease for so long does not lead.
const RENEWED: SignedDuration = SignedDuration::from_secs(15);

/// Since when which status is wrong, by the cluster's UID.
#[derive(Debug, Default)]
pub(super) struct Truth {
    wrong_since: BTreeMap<String, Instant>,
    in_a_storm: bool,
}

impl Truth {
    /// From now on faults of all kinds go on.
    pub(super) fn storm(&mut self) {
        self.in_a_storm = true;
    }

    /// A look at all clusters.
    pub(super) fn look(&mut self, server: &Server, ring: &Ring) -> Vec<String> {
        let led = is_led(server);
        let members: Vec<CassandraMember> = all(server, "CassandraMember");
        let clusters: Vec<CassandraCluster> = all(server, "CassandraCluster");
        let wrong: BTreeMap<_, _> = clusters
            .iter()
            .filter(|cluster| led && cluster.metadata.deletion_timestamp.is_none())
            .filter_map(|cluster| {
                let difference = difference(cluster, &members, ring)?;
                Some((cluster.metadata.uid.clone()?, difference))
            })
            .collect();
        self.wrong_since.retain(|uid, _| wrong.contains_key(uid));
        let limit = if self.in_a_storm {
            BEHIND_IN_A_STORM
        } else {
            BEHIND
        };
        let mut found = Vec::new();
        for (uid, difference) in wrong {
            let since = self.wrong_since.entry(uid).or_insert_with(Instant::now);
            if since.elapsed() > limit {
                found.push(format!("L16: for {} s {difference}", limit.as_secs()));
            }
        }
        found
    }
}

fn difference(
    cluster: &CassandraCluster,
    members: &[CassandraMember],
    ring: &Ring,
) -> Option<String> {
    let serves = |member: &&CassandraMember| {
        let of_cluster = Some(&member.spec.cluster.uid) == cluster.metadata.uid.as_ref();
        let address = member.spec.broadcast_address.as_deref();
        of_cluster && address.is_some_and(|address| ring.serves_at(address))
    };
    let serving = members.iter().filter(serves).count();
    let told = cluster
        .status
        .as_ref()
        .and_then(|status| status.ready_members);
    let told = usize::try_from(told.unwrap_or(0)).unwrap_or_default();
    (told != serving).then(|| {
        let name = cluster.metadata.name.as_deref().unwrap_or_default();
        format!("{name} says that {told} are ready, and {serving} serve")
    })
}

/// Whether a controller is there that could tell.
fn is_led(server: &Server) -> bool {
    let (version, kind, namespace, name) = LEASE;
    let lease = server.get(version, kind, namespace, name);
    let renewed = lease.and_then(|lease| {
        let renewed: Timestamp = text(lease.value(), "/spec/renewTime").parse().ok()?;
        Some(server.clock().now().duration_since(renewed) < RENEWED)
    });
    renewed == Some(true)
}

fn all<K: DeserializeOwned>(server: &Server, kind: &str) -> Vec<K> {
    let objects = server.list(OURS, kind).into_iter();
    objects
        .filter_map(|object| serde_json::from_value(object.value().clone()).ok())
        .collect()
}
