//! The bed has addresses of one family, so that nothing on it can be reached by way of the other.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::{
    api::{
        core::v1::{Node, Pod, Service},
        discovery::v1::EndpointSlice,
    },
    serde::de::DeserializeOwned,
};
use kube::{Api, Resource, api::ListParams};
use testbed::bed::Family;

use super::THREE_RACKS;
use crate::stage::Stage;

/// Nodes, pods, Services, what is behind them, members and their views of the ring, what the name server says, and the
/// links.
pub(super) async fn all_addresses_are_of_one_family(stage: &Stage) -> Result<()> {
    let bed = stage.bed().context("this scenario needs the test bed")?;
    let family = bed.family();
    let mut seen = 0;
    for (what, addresses) in [
        ("nodes", of_nodes(stage).await?),
        ("pods", of_pods(stage).await?),
        ("Services", of_services(stage).await?),
        ("endpoints", of_endpoints(stage).await?),
        ("members", of_members(stage).await?),
        ("the name server's answer", resolved(stage).await?),
    ] {
        are_of(family, what, &addresses)?;
        seen += addresses.len();
    }
    let foreign = bed.foreign_addresses()?;
    ensure!(foreign.is_empty(), "there are others:\n{foreign}");
    println!("  {seen} addresses are of {family}");
    Ok(())
}

fn are_of(family: Family, what: &str, addresses: &BTreeSet<String>) -> Result<()> {
    ensure!(!addresses.is_empty(), "no addresses of {what}");
    for address in addresses {
        ensure!(
            family.has(address)?,
            "{address} of {what} is not of {family}"
        );
    }
    Ok(())
}

async fn of_nodes(stage: &Stage) -> Result<BTreeSet<String>> {
    let nodes = all::<Node>(stage).await?.into_iter();
    let addresses = nodes.filter_map(|node| node.status?.addresses);
    let inner = addresses.flatten().filter(|one| one.type_ == "InternalIP");
    Ok(inner.map(|one| one.address).collect())
}

async fn of_pods(stage: &Stage) -> Result<BTreeSet<String>> {
    let pods = all::<Pod>(stage).await?.into_iter();
    let statuses = pods.filter_map(|pod| pod.status);
    let addresses = statuses.flat_map(|status| {
        let pods = status.pod_ips.into_iter().flatten().map(|one| one.ip);
        pods.chain(status.host_ips.into_iter().flatten().map(|one| one.ip))
    });
    Ok(addresses.collect())
}

/// Also what a headless Service would be reached by.
async fn of_services(stage: &Stage) -> Result<BTreeSet<String>> {
    let services = all::<Service>(stage).await?.into_iter();
    let specs = services.filter_map(|service| service.spec);
    let addresses = specs.flat_map(|spec| spec.cluster_ips.unwrap_or_default());
    Ok(addresses.filter(|address| address != "None").collect())
}

async fn of_endpoints(stage: &Stage) -> Result<BTreeSet<String>> {
    let slices = all::<EndpointSlice>(stage).await?.into_iter();
    let endpoints = slices.flat_map(|slice| slice.endpoints);
    Ok(endpoints.flat_map(|endpoint| endpoint.addresses).collect())
}

async fn of_members(stage: &Stage) -> Result<BTreeSet<String>> {
    let members = THREE_RACKS.members(stage).await?.into_values();
    let addresses = members.flat_map(|member| {
        let status = member.status.unwrap_or_default();
        let peers = status.ring_view.into_iter().map(|peer| peer.address);
        let seeds = member.spec.start.seeds.into_iter();
        let own = member
            .spec
            .broadcast_address
            .into_iter()
            .chain(status.address);
        own.chain(seeds).chain(peers)
    });
    Ok(addresses.collect())
}

/// The clients' Service as a pod sees it.
async fn resolved(stage: &Stage) -> Result<BTreeSet<String>> {
    let names = THREE_RACKS.names();
    let first = names.first().context("a ring without members")?;
    let name = format!(
        "{}.{}.svc.cluster.local",
        THREE_RACKS.name, THREE_RACKS.namespace
    );
    let told = stage
        .exec(THREE_RACKS.namespace, first, &["getent", "ahosts", &name])
        .await?;
    let addresses = told.lines().filter_map(|line| line.split(' ').next());
    Ok(addresses.map(Into::into).collect())
}

async fn all<K>(stage: &Stage) -> Result<Vec<K>>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let api = Api::<K>::all(stage.client.clone());
    Ok(api.list(&ListParams::default()).await?.items)
}
