//! Clusters that are deleted, and what comes after.

use cassandra_api::v1alpha1::CassandraCluster;
use serde_json::json;

use super::{PATIENCE, three_racks};
use crate::simulation::{Failure, Simulation};

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
    simulation.until_ready("orders", 3).await?;
    let host_ids = |members: &std::collections::BTreeMap<String, String>| {
        members.keys().cloned().collect::<Vec<_>>()
    };
    let after = simulation.ring.members();
    if host_ids(&after) != host_ids(&before) {
        return Err(Failure::Wrong(format!(
            "nodes were {before:?} and are {after:?}"
        )));
    }
    Ok(())
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
