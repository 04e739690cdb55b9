//! What the user changes.

use std::time::Duration;

use cassandra_api::{
    names,
    rules::Rule,
    v1alpha1::{MemberState, OperationKind, Phase},
};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::{PATIENCE, cluster, create::one_ring_of, loss::comes_to_wait, three_racks};
use crate::simulation::{Failure, Simulation};

/// More members and another rack.
pub(super) async fn growth(simulation: &Simulation) -> Result<(), Failure> {
    simulation
        .apply(
            "orders",
            cluster(&[("r1", 2), ("r2", 1), ("r3", 1), ("r4", 1)]),
        )
        .await?;
    simulation.until_ready("orders", 5).await?;
    one_ring_of(simulation, 5)
}

/// The node of a member is lost while it joins: it gives its turn back, and the next one joins. When the node is back, so is
/// its turn.
pub(super) async fn joiner_loss(simulation: &Simulation) -> Result<(), Failure> {
    let spec = cluster(&[("r1", 2), ("r2", 2), ("r3", 1)]);
    simulation.apply("orders", spec).await?;
    let joining = |now: &Simulation| {
        let operation = now.cluster("orders")?.status?.record.operation?;
        let mut members = operation.members.into_iter();
        members
            .next()
            .filter(|_| operation.kind == OperationKind::Join)
    };
    simulation
        .until("a member to join", PATIENCE, |now| {
            joining(now).map(drop).ok_or_else(|| "nobody does".into())
        })
        .await?;
    let lost = joining(simulation).unwrap_or_default();
    let node = simulation.node_of(&names::pod(&lost))?;
    simulation.power(&node, false);
    simulation
        .until("the other one to have joined", PATIENCE, |now| {
            let ready = now.members("orders").into_iter().filter(|(name, member)| {
                let status = member.status.as_ref();
                *name != lost && status.is_some_and(|status| status.state == MemberState::Ready)
            });
            let ready: Vec<_> = ready.map(|(name, _)| name).collect();
            if ready.len() == 4 {
                Ok(())
            } else {
                Err(format!("{ready:?} are ready, and {lost} is lost"))
            }
        })
        .await?;
    simulation.power(&node, true);
    simulation.until_ready("orders", 5).await?;
    one_ring_of(simulation, 5)
}

/// A version that is pending does not reach a member that has joined because its pod has no node for a while.
pub(super) async fn pending_version(simulation: &Simulation) -> Result<(), Failure> {
    let before = simulation.ring.members();
    let mut spec = three_racks();
    spec["version"] = json!("5.0.10");
    simulation.apply("orders", spec).await?;
    for number in 1..=6 {
        simulation.cordon(&format!("node-{number}"), true).await?;
    }
    simulation.delete::<Pod>("orders-r2-0-0").await?;
    comes_to_wait(simulation, Rule::NodeAvailable, "").await?;
    simulation.pass(Duration::from_mins(2)).await;
    for number in 1..=6 {
        simulation.cordon(&format!("node-{number}"), false).await?;
    }
    simulation.until_ready("orders", 3).await?;
    if simulation.ring.members() != before {
        return Err(Failure::Wrong("the ring is another one".into()));
    }
    one_ring_of(simulation, 3)
}

/// An image that can't be pulled holds up the new member, and nobody else; the next spec gets through.
pub(super) async fn broken_spec(simulation: &Simulation) -> Result<(), Failure> {
    let before = simulation.ring.members();
    simulation.image_is_there("cassandra:broken", false);
    let mut spec = cluster(&[("r1", 2), ("r2", 1), ("r3", 1)]);
    spec["image"] = json!("cassandra:broken");
    spec["imagePullSecrets"] = json!([{ "name": "registry" }]);
    simulation.apply("orders", spec).await?;
    let named = |now: &Simulation| {
        let member = now.members("orders").remove("orders-r1-1");
        let waiting = member
            .and_then(|member| member.waiting())
            .map(|waiting| waiting.message);
        match waiting {
            Some(words) if words.contains("can't be pulled") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    };
    simulation
        .until("the rule of the image", PATIENCE, named)
        .await?;
    simulation.pass(Duration::from_mins(5)).await;
    if simulation.ring.members() != before {
        return Err(Failure::Wrong("a broken spec changed the ring".into()));
    }
    simulation
        .apply("orders", cluster(&[("r1", 2), ("r2", 1), ("r3", 1)]))
        .await?;
    simulation.until_ready("orders", 4).await?;
    // What the new Member was created with goes when the spec does not ask for it any more.
    let member = simulation.members("orders").remove("orders-r1-1");
    let workload = member.and_then(|member| member.spec.workload);
    if workload.is_none_or(|workload| !workload.image_pull_secrets.is_empty()) {
        return Err(Failure::Wrong("a Member keeps what is not wanted".into()));
    }
    // One of them would have to leave the ring.
    simulation.apply("orders", three_racks()).await?;
    let refused = |now: &Simulation| {
        let status = now.cluster("orders").and_then(|cluster| cluster.status);
        match status.and_then(|status| status.phase) {
            Some(Phase::Invalid) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    };
    simulation
        .until("the phase Invalid", PATIENCE, refused)
        .await?;
    simulation
        .apply("orders", cluster(&[("r1", 2), ("r2", 1), ("r3", 1)]))
        .await?;
    simulation.until_ready("orders", 4).await?;
    one_ring_of(simulation, 4)
}

/// More members than there are nodes: the one that has no room is taken back by a lower number, and its ordinal is not
/// given again.
pub(super) async fn too_many(simulation: &Simulation) -> Result<(), Failure> {
    let racks = |first| cluster(&[("r1", first), ("r2", 1), ("r3", 1)]);
    simulation.apply("orders", racks(4)).await?;
    simulation.until_ready("orders", 6).await?;
    simulation.apply("orders", racks(5)).await?;
    let waiting = |now: &Simulation| {
        let member = now.members("orders").remove("orders-r1-4");
        member.and_then(|member| member.waiting())
    };
    simulation
        .until("orders-r1-4 to wait for a node", PATIENCE, |now| {
            let waiting = waiting(now).map(|waiting| waiting.rule);
            let right = waiting == Some(Rule::NodeAvailable);
            right.then_some(()).ok_or_else(|| format!("{waiting:?}"))
        })
        .await?;
    simulation.apply("orders", racks(4)).await?;
    simulation
        .until("orders-r1-4 to be gone", PATIENCE, |now| {
            let there = now.members("orders").contains_key("orders-r1-4");
            there.then(|| "it is there".into()).map_or(Ok(()), Err)
        })
        .await?;
    simulation.until_ready("orders", 6).await?;
    one_ring_of(simulation, 6)
}
