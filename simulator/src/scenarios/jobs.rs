//! What a member does beside its service, as the user of the Member API orders it.

use cassandra_api::v1alpha1::{CassandraMember, Job, JobArguments, JobKind, OperationState};

use super::{PATIENCE, cluster, create::one_ring_of};
use crate::simulation::{Failure, Simulation};

const SERVES: &str = "orders-r1-0";
const JOINS: &str = "orders-r1-1";

/// Jobs end, each as it must, and are forgotten when nobody asks for them any more. One of a member that is yet to join
/// is not begun before it has joined: that is S65's to see.
pub(super) async fn jobs(simulation: &Simulation) -> Result<(), Failure> {
    let ordered = [
        flush("all", &[]),
        flush("one", &["shop"]),
        flush("none", &["nowhere"]),
    ];
    simulation.order(SERVES, &ordered).await?;
    stand(simulation, SERVES, "all Done, one Done, none Failed").await?;
    simulation
        .apply("orders", cluster(&[("r1", 2), ("r2", 1), ("r3", 1)]))
        .await?;
    simulation
        .until("the new Member", PATIENCE, |now| {
            let there = now.members("orders").contains_key(JOINS);
            there.then_some(()).ok_or_else(|| "it is not there".into())
        })
        .await?;
    simulation.order(JOINS, &[flush("first", &[])]).await?;
    stand(simulation, JOINS, "first Done").await?;
    simulation.until_ready("orders", 4).await?;
    simulation.order(SERVES, &[]).await?;
    stand(simulation, SERVES, "").await?;
    one_ring_of(simulation, 4)
}

fn flush(id: &str, keyspaces: &[&str]) -> Job {
    Job {
        id: id.into(),
        kind: JobKind::Flush,
        arguments: JobArguments {
            keyspaces: keyspaces.iter().map(|name| (*name).into()).collect(),
        },
    }
}

/// Waits until the jobs of a member stand so. Who says Done without having begun has done nothing.
async fn stand(simulation: &Simulation, member: &str, wanted: &str) -> Result<(), Failure> {
    let what = format!("the jobs of {member}: {wanted}");
    simulation
        .until(&what, PATIENCE, |now| {
            let found = now.members("orders").remove(member);
            let seen = found.as_ref().map(stands).unwrap_or_default();
            if seen == wanted { Ok(()) } else { Err(seen) }
        })
        .await
}

/// How the jobs of a member stand, by its own words.
fn stands(member: &CassandraMember) -> String {
    let status = member.status.iter();
    let jobs = status.flat_map(|status| &status.jobs).map(|job| {
        let is_over = matches!(job.state, OperationState::Done | OperationState::Failed);
        let unbegun = is_over && job.started_at.is_none();
        let but = if unbegun { " without a beginning" } else { "" };
        format!("{} {:?}{but}", job.id, job.state)
    });
    jobs.collect::<Vec<_>>().join(", ")
}
