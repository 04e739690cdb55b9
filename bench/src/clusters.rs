//! The clusters that are made.

use anyhow::Result;
use cassandra_api::testing;
use cassandra_api::v1alpha1::{CassandraCluster, Phase};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};
use tokio::time::Instant;

use super::environment::NAMESPACE;

/// Each rack, with its share of the members.
const RACKS: [&str; 3] = ["r1", "r2", "r3"];
/// Requests on the way at the same time.
pub(super) const AT_ONCE: usize = 32;

/// A cluster with so many members, on three racks.
pub(super) fn cluster(name: &str, members: usize) -> CassandraCluster {
    let shares =
        shares(members).map(|(rack, share)| (rack, i32::try_from(share).unwrap_or(i32::MAX)));
    testing::cluster(NAMESPACE, name, &shares.collect::<Vec<_>>())
}

/// The names of a cluster's members.
pub(super) fn member_names(cluster: &str, members: usize) -> Vec<String> {
    let of_rack = |(rack, share): (&str, usize)| {
        let names = (0..share).map(|ordinal| format!("{cluster}-{rack}-{ordinal}"));
        names.collect::<Vec<_>>()
    };
    shares(members).flat_map(of_rack).collect()
}

fn shares(members: usize) -> impl Iterator<Item = (&'static str, usize)> {
    let (each, more) = (members / RACKS.len(), members % RACKS.len());
    let racks = RACKS.into_iter().enumerate();
    racks
        .map(move |(number, rack)| (rack, each + usize::from(number < more)))
        .filter(|(_, share)| *share > 0)
}

/// Names that differ in their numbers.
pub(super) fn names(prefix: &str, number: usize) -> Vec<String> {
    (0..number).map(|n| format!("{prefix}{n:04}")).collect()
}

/// Posts clusters, many at a time; tells when each was sent.
pub(super) async fn post(client: &Client, clusters: Vec<CassandraCluster>) -> Result<Vec<Instant>> {
    let api: Api<CassandraCluster> = Api::namespaced(client.clone(), NAMESPACE);
    let posts = stream::iter(clusters).map(|cluster| {
        let api = api.clone();
        async move {
            let sent = Instant::now();
            api.create(&PostParams::default(), &cluster).await?;
            anyhow::Ok(sent)
        }
    });
    posts.buffered(AT_ONCE).try_collect().await
}

/// How many are in this phase.
pub(super) async fn in_phase(client: &Client, phase: Phase) -> Result<usize> {
    let api: Api<CassandraCluster> = Api::namespaced(client.clone(), NAMESPACE);
    let all = api.list(&ListParams::default()).await?;
    let phases = all
        .items
        .iter()
        .filter_map(|cluster| cluster.status.as_ref()?.phase);
    Ok(phases.filter(|found| *found == phase).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_shared_among_the_racks() {
        assert_eq!(
            member_names("c", 4),
            ["c-r1-0", "c-r1-1", "c-r2-0", "c-r3-0"]
        );
        assert_eq!(member_names("c", 1), ["c-r1-0"]);
        assert_eq!(member_names("c", 30).len(), 30);
    }
}
