//! Clusters that are deleted, and what comes after.

use std::{collections::BTreeMap, time::Duration};

use cassandra_api::v1alpha1::{CassandraCluster, CassandraMember};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use serde_json::json;

use super::{PATIENCE, create::one_ring_of, three_racks};
use crate::simulation::{Failure, NAMESPACE, Simulation};

const POD: &str = "orders-r2-0-0";

/// Everything goes but the volumes.
pub(super) async fn deletion(simulation: &Simulation) -> Result<(), Failure> {
    simulation.delete::<CassandraCluster>("orders").await?;
    gone(simulation).await
}

/// The same name again: the volumes are met only when the user says so, and bring the old ring back.
pub(super) async fn adoption(simulation: &Simulation) -> Result<(), Failure> {
    let before = simulation.ring.members();
    simulation.delete::<CassandraCluster>("orders").await?;
    gone(simulation).await?;
    simulation.apply("orders", three_racks()).await?;
    let waits = |now: &Simulation| {
        let blocked = now
            .cluster("orders")
            .and_then(|cluster| cluster.status)
            .map(|status| status.blocked);
        let named = blocked
            .iter()
            .flatten()
            .any(|blocked| blocked.message.contains("adoptRetained"));
        if named {
            Ok(())
        } else {
            Err(format!("{blocked:?}"))
        }
    };
    simulation
        .until("the rule retained_volumes", PATIENCE, waits)
        .await?;
    if !simulation.members("orders").is_empty() {
        return Err(Failure::Wrong("members were made unasked".into()));
    }
    let mut spec = three_racks();
    spec["storage"]["adoptRetained"] = json!(true);
    simulation.apply("orders", spec).await?;
    same_nodes(simulation, &before).await
}

/// A Member that somebody deletes, against all advice: the same node comes back under another Member. When its pod is
/// kept from going with it, the pod reports to nobody, and is made again while all others serve.
pub(super) async fn member_deletion(simulation: &Simulation) -> Result<(), Failure> {
    let before = simulation.ring.members();
    simulation.allow_delete("orders-r2-0").await?;
    simulation.delete::<CassandraMember>("orders-r2-0").await?;
    simulation.pass(Duration::from_mins(1)).await;
    same_nodes(simulation, &before).await?;
    simulation.allow_delete("orders-r2-0").await?;
    simulation
        .delete_and_orphan::<CassandraMember>("orders-r2-0")
        .await?;
    let pod = uid(simulation.pod(POD));
    simulation
        .until("another pod", PATIENCE, |now| match uid(now.pod(POD)) {
            Some(uid) if Some(&uid) != pod.as_ref() => Ok(()),
            same => Err(format!("{same:?}")),
        })
        .await?;
    same_nodes(simulation, &before).await
}

fn uid(pod: Option<Pod>) -> Option<String> {
    pod?.metadata.uid
}

/// The namespace with everything in it, volumes too: nobody works for it any more. What comes under the same names
/// later is another ring.
pub(super) async fn namespace_deletion(simulation: &Simulation) -> Result<(), Failure> {
    let before = simulation.ring.members();
    simulation
        .delete_unnamespaced::<Namespace>(NAMESPACE)
        .await?;
    simulation
        .until("the namespace to be gone", PATIENCE, |now| {
            match now.server.get("v1", "Namespace", "", NAMESPACE) {
                Some(_) => Err(format!("{:?}", now.owned())),
                None => Ok(()),
            }
        })
        .await?;
    simulation.pass(Duration::from_mins(1)).await;
    let writes = simulation.oracles.changes();
    simulation.pass(Duration::from_mins(30)).await;
    let writes = simulation.oracles.changes() - writes;
    if writes > 0 || simulation.ring.rings() > 0 {
        let rings = simulation.ring.rings();
        return Err(Failure::Wrong(format!(
            "{writes} writes after it, {rings} rings"
        )));
    }
    simulation.create_namespace().await?;
    simulation.apply("orders", three_racks()).await?;
    simulation.until_ready("orders", 3).await?;
    let after = simulation.ring.members();
    if after.keys().any(|host_id| before.contains_key(host_id)) {
        return Err(Failure::Wrong("it is the ring that was deleted".into()));
    }
    one_ring_of(simulation, 3)
}

/// There is one ring again, of the nodes that there were. Their addresses may be others: a Service may go with its
/// Member.
async fn same_nodes(
    simulation: &Simulation,
    before: &BTreeMap<String, String>,
) -> Result<(), Failure> {
    simulation.until_ready("orders", before.len()).await?;
    let after = simulation.ring.members();
    if !after.keys().eq(before.keys()) {
        return Err(Failure::Wrong(format!(
            "nodes were {before:?} and are {after:?}"
        )));
    }
    one_ring_of(simulation, before.len())
}

async fn gone(simulation: &Simulation) -> Result<(), Failure> {
    simulation
        .until("everything but claims to be gone", PATIENCE, |now| {
            let left: Vec<_> = now
                .owned()
                .into_iter()
                .filter(|(kind, _)| kind != "PersistentVolumeClaim")
                .collect();
            if left.is_empty() {
                Ok(())
            } else {
                Err(format!("{left:?}"))
            }
        })
        .await?;
    let claims = simulation.owned().len();
    if claims == 3 {
        Ok(())
    } else {
        Err(Failure::Wrong(format!("{claims} claims are left")))
    }
}
