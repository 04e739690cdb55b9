//! A ring to play with, and what Cassandra itself says of it.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cassandra_api::{
    labels, ports,
    v1alpha1::{CassandraClusterStatus, CassandraMember, MemberState},
};
use kube::{ResourceExt as _, api::ListParams};
use serde_json::{Value, json};
use testbed::bed::NODES;

use crate::{
    stage::{MINUTES, Stage},
    wait::{Look, until},
};

/// Three nodes that start one after the other on two cores.
pub const FORMATION: Duration = Duration::from_mins(15);

/// A ring in a namespace of its own.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    /// The namespace.
    pub namespace: &'static str,
    /// The cluster's name.
    pub name: &'static str,
    /// Racks and their members.
    pub racks: &'static [(&'static str, i32)],
    /// Cassandra's version.
    pub version: &'static str,
    /// Where racks are.
    pub zones: Zones,
    /// How long Cassandra waits for news to get around.
    pub delays: Delays,
}

/// Where racks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zones {
    /// Anywhere, each member on a node of its own.
    None,
    /// The first one in the test bed's first zone, and so on. A zone has one node there, so that members of a rack share
    /// it. Somebody's own Kubernetes has other zones: there it is as with None.
    OfTheBed,
}

/// How long Cassandra waits for news to get around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delays {
    /// A ring of three on one machine needs no half minute to spread a word.
    Short,
    /// Cassandra's own, as users have them.
    Own,
}

/// A short ring delay, and no wait for gossip to settle.
const SHORT_DELAYS: [&str; 2] = [
    "-Dcassandra.ring_delay_ms=8000",
    "-Dcassandra.skip_wait_for_gossip_to_settle=0",
];

/// Who a node is, by Cassandra's own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `UN` and the like.
    pub state: String,
    /// The broadcast address.
    pub address: String,
    /// The rack.
    pub rack: String,
}

impl Ring {
    /// The spec: small, and quick to start.
    pub fn spec(&self, stage: &Stage) -> Value {
        let zoned = self.zones == Zones::OfTheBed && stage.bed().is_some();
        let racks = self.racks.iter().zip(NODES.iter().cycle());
        let racks: Vec<_> = racks
            .map(|((name, members), node)| {
                let mut rack = json!({ "name": name, "members": members });
                if zoned {
                    rack["zone"] = json!(node.zone());
                }
                rack
            })
            .collect();
        let options: &[&str] = match self.delays {
            Delays::Short => &SHORT_DELAYS,
            Delays::Own => &[],
        };
        // The bed's volumes can be kept for one pod; others may not.
        let access_mode = if zoned {
            "ReadWriteOncePod"
        } else {
            "ReadWriteOnce"
        };
        json!({
            "version": self.version,
            "racks": racks,
            "storage": { "size": "1Gi", "accessMode": access_mode },
            "placement": { "antiAffinity": if zoned { "Preferred" } else { "Required" } },
            "resources": {
                "requests": { "cpu": "100m", "memory": "1Gi" },
                "limits": { "cpu": "2", "memory": "1536Mi" },
            },
            "config": { "jvm": { "heap": "320Mi", "options": options } },
        })
    }

    /// Every member's name.
    pub fn names(&self) -> Vec<String> {
        let all = self.racks.iter();
        all.flat_map(|(rack, members)| {
            (0..*members).map(move |ordinal| format!("{}-{rack}-{ordinal}", self.name))
        })
        .collect()
    }

    /// The Member objects, by name.
    pub async fn members(&self, stage: &Stage) -> Result<BTreeMap<String, CassandraMember>> {
        let all = stage
            .members(self.namespace)
            .list(&ListParams::default())
            .await?;
        let own = all
            .into_iter()
            .filter(|member| member.spec.cluster.name == self.name);
        Ok(own.map(|member| (member.name_any(), member)).collect())
    }

    /// Where its members answer CQL, an IPv6 address in brackets.
    pub async fn contact_points(&self, stage: &Stage) -> Result<Vec<String>> {
        let port = u16::try_from(ports::CQL)?;
        let members = self.members(stage).await?.into_values();
        let addresses = members.filter_map(|member| member.spec.broadcast_address);
        let points = addresses.map(|address| {
            let parsed = address.parse().context(address)?;
            Ok(SocketAddr::new(parsed, port).to_string())
        });
        points.collect()
    }

    /// Its pods with their UIDs, and how often each container was started again.
    pub async fn pods(&self, stage: &Stage) -> Result<BTreeMap<String, String>> {
        let pods = stage.pods(self.namespace);
        let pods = pods.list(&ListParams::default()).await?;
        let own = pods.into_iter().filter(|pod| {
            let of = pod.labels().get(labels::CLUSTER);
            of.is_some_and(|name| name == self.name)
        });
        Ok(own
            .map(|pod| {
                let status = pod.status.clone().unwrap_or_default();
                let containers = status.init_container_statuses.into_iter().flatten();
                let restarts: Vec<_> = containers
                    .chain(status.container_statuses.into_iter().flatten())
                    .map(|container| format!("{} {}", container.name, container.restart_count))
                    .collect();
                let uid = pod.uid().unwrap_or_default();
                (pod.name_any(), format!("{uid}: {}", restarts.join(", ")))
            })
            .collect())
    }

    /// What the cluster's status says.
    pub async fn status(&self, stage: &Stage) -> Result<CassandraClusterStatus> {
        let cluster = stage.clusters(self.namespace).get(self.name).await?;
        Ok(cluster.status.unwrap_or_default())
    }

    /// Waits until the first member sees every node up: gossip needs a moment.
    pub async fn whole(&self, stage: &Stage) -> Result<BTreeMap<String, Node>> {
        let names = self.names();
        let first = names.first().context("a ring without members")?;
        until(
            &format!("{first} to see all nodes up"),
            MINUTES,
            async || {
                let nodes = self.nodetool_status(stage, first).await?;
                let up = nodes.values().filter(|node| node.state == "UN").count();
                let whole = up == nodes.len() && up == names.len();
                let seen = format!("{nodes:?}");
                Ok(Look::when(whole, nodes, seen))
            },
        )
        .await
    }

    /// The ring is whole by Cassandra's own account, and every member is the node that it was.
    pub async fn is_as_before(
        &self,
        stage: &Stage,
        before: &BTreeMap<String, String>,
    ) -> Result<()> {
        let after = self.host_ids(stage).await?;
        ensure!(
            *before == after,
            "host ids were {before:?} and are {after:?}"
        );
        self.whole(stage).await?;
        self.row_is(stage, "hello").await
    }

    /// Waits until the cluster's status no longer counts every member as ready.
    pub async fn away(&self, stage: &Stage) -> Result<()> {
        let wanted: i32 = self.racks.iter().map(|(_, members)| members).sum();
        until("the loss to be noticed", MINUTES, async || {
            let ready = self.status(stage).await?.ready_members;
            let seen = format!("{ready:?} members are ready");
            Ok(Look::when(ready < Some(wanted), (), seen))
        })
        .await
    }

    /// Waits until all members are ready and the cluster says so.
    pub async fn ready(&self, stage: &Stage) -> Result<BTreeMap<String, CassandraMember>> {
        let wanted: i32 = self.racks.iter().map(|(_, members)| members).sum();
        until(
            &format!("{wanted} ready members of {}", self.name),
            FORMATION,
            async || {
                let status = self.status(stage).await?;
                let members = self.members(stage).await?;
                let seen = members
                    .iter()
                    .map(|(name, member)| format!("{name} {}", state(member).as_str()))
                    .collect::<Vec<_>>()
                    .join(", ");
                let ready = members
                    .values()
                    .all(|member| state(member) == MemberState::Ready);
                let settled = status.ready_members == Some(wanted) && ready;
                Ok(Look::when(
                    settled,
                    members,
                    format!("{:?}, {seen}", status.phase),
                ))
            },
        )
        .await
    }

    /// Host ids of the members by name. Every member must have one.
    pub async fn host_ids(&self, stage: &Stage) -> Result<BTreeMap<String, String>> {
        let members = self.members(stage).await?.into_iter();
        members
            .map(|(name, member)| {
                let host_id = member.status.and_then(|status| status.host_id);
                Ok((name, host_id.context("a member has no host id")?))
            })
            .collect()
    }

    /// What `nodetool status` of a member says, by host id.
    pub async fn nodetool_status(
        &self,
        stage: &Stage,
        member: &str,
    ) -> Result<BTreeMap<String, Node>> {
        let text = stage
            .exec(self.namespace, member, &["nodetool", "status"])
            .await?;
        let nodes: BTreeMap<_, _> = text.lines().filter_map(node).collect();
        ensure!(!nodes.is_empty(), "nodetool status lists no node:\n{text}");
        Ok(nodes)
    }

    /// Runs a CQL statement on a member.
    pub async fn cql(&self, stage: &Stage, member: &str, statements: &str) -> Result<String> {
        stage
            .exec(self.namespace, member, &["cqlsh", "-e", statements])
            .await
    }

    /// Writes a row at QUORUM.
    pub async fn write_row(&self, stage: &Stage, words: &str) -> Result<()> {
        let first = self
            .names()
            .into_iter()
            .next()
            .context("a ring without members")?;
        let statements = format!(
            "CREATE KEYSPACE IF NOT EXISTS e2e WITH replication = {{'class': 'NetworkTopologyStrategy', 'dc1': 3}}; \
             CREATE TABLE IF NOT EXISTS e2e.rows (id int PRIMARY KEY, words text); \
             CONSISTENCY QUORUM; INSERT INTO e2e.rows (id, words) VALUES (1, '{words}');"
        );
        self.cql(stage, &first, &statements).await.map(|_| ())
    }

    /// Reads the row at ALL from the last member.
    pub async fn row_is(&self, stage: &Stage, words: &str) -> Result<()> {
        let last = self
            .names()
            .into_iter()
            .next_back()
            .context("a ring without members")?;
        let text = self
            .cql(
                stage,
                &last,
                "CONSISTENCY ALL; SELECT words FROM e2e.rows WHERE id = 1;",
            )
            .await?;
        ensure!(text.contains(words), "the row is not {words}:\n{text}");
        Ok(())
    }
}

/// What the agent says of the member.
pub fn state(member: &CassandraMember) -> MemberState {
    member
        .status
        .as_ref()
        .map(|status| status.state)
        .unwrap_or_default()
}

/// nodetool writes out the zeros of an IPv6 address.
fn as_kubernetes_has_it(address: &str) -> String {
    let parsed = address.parse::<IpAddr>();
    parsed.map_or_else(|_| address.into(), |address| address.to_string())
}

/// A line of `nodetool status`: state, address, load and its unit, tokens, ownership, host id, rack.
fn node(line: &str) -> Option<(String, Node)> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [state, address, .., host_id, rack] = words.as_slice() else {
        return None;
    };
    let is_node = state.len() == 2 && state.starts_with(['U', 'D', '?']) && host_id.len() == 36;
    is_node.then(|| {
        let node = Node {
            state: (*state).into(),
            address: as_kubernetes_has_it(address),
            rack: (*rack).into(),
        };
        ((*host_id).into(), node)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_read_from_its_line_whatever_its_address() {
        let host_id = "6c1d3d2e-5c4c-4b6e-9c53-0a4f6f1c2b7d";
        for (address, expected) in [
            ("198.19.3.7", "198.19.3.7"),
            ("fdca:55a:bed:100:0:0:0:3", "fdca:55a:bed:100::3"),
        ] {
            let line = format!("UN  {address}  104.5 KiB  16  100.0%  {host_id}  r1");
            let (id, read) = node(&line).unwrap();
            assert_eq!((id.as_str(), read.address.as_str()), (host_id, expected));
            assert_eq!((read.state.as_str(), read.rack.as_str()), ("UN", "r1"));
        }
        assert_eq!(node("Datacenter: dc1"), None);
    }
}
