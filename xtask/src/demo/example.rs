//! The demo's cluster: `examples/three-racks.yaml`, with the test bed's zones where it runs there.

use std::fs;

use anyhow::{Context as _, Result};
use cassandra_api::v1alpha1::CassandraCluster;
use testbed::bed::NODES;
use testbed::install::apply;
use testbed::target::Target;
use testbed::workspace;

use super::NAMESPACE;

const EXAMPLE: &str = "examples/three-racks.yaml";

/// A cluster for the demo.
pub(super) struct Example {
    pub(super) name: String,
    pub(super) datacenter: String,
    /// How many members it asks for.
    pub(super) members: usize,
    manifest: String,
}

pub(super) fn three_racks(on_bed: bool) -> Result<Example> {
    let text = fs::read_to_string(workspace::root()?.join(EXAMPLE))?;
    let mut cluster: CassandraCluster =
        serde_saphyr::from_str(&text).with_context(|| format!("reading {EXAMPLE}"))?;
    cluster.metadata.namespace = Some(NAMESPACE.into());
    if on_bed {
        for (rack, node) in cluster.spec.racks.iter_mut().zip(NODES) {
            rack.zone = Some(node.zone());
        }
    }
    let members = cluster.spec.racks.iter().map(|rack| rack.members);
    Ok(Example {
        name: cluster
            .metadata
            .name
            .clone()
            .context("the example has a name")?,
        datacenter: cluster.spec.datacenter.clone(),
        members: usize::try_from(members.sum::<i32>())?,
        manifest: serde_json::to_string(&cluster)?,
    })
}

impl Example {
    pub(super) fn apply(&self, target: &Target) -> Result<()> {
        apply(target, &self.manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rack_is_in_a_zone_of_its_own_on_the_bed_only() {
        let on_bed = three_racks(true).unwrap();
        assert_eq!(on_bed.members, 3);
        assert!(
            ["z1", "z2", "z3"]
                .iter()
                .all(|zone| on_bed.manifest.contains(zone))
        );
        assert!(!three_racks(false).unwrap().manifest.contains("zone"));
    }
}
