//! How the rows of keyspaces are replicated, as Cassandra says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most keyspaces that a status names.
pub const MOST_KEYSPACES: usize = 500;

/// Keyspaces that are replicated alike.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct Replication {
    /// Cassandra's strategy, for instance `NetworkTopologyStrategy`.
    pub strategy: String,
    /// What the strategy is given: replicas by datacenter, or `replication_factor`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// The keyspaces, sorted. Not all of them, if there are very many.
    pub keyspaces: Vec<String>,
}

impl Replication {
    /// The keyspaces by how they are replicated, sorted. Beyond [`MOST_KEYSPACES`] names are left out, never a way to
    /// replicate.
    pub fn grouped(
        keyspaces: impl IntoIterator<Item = (String, (String, BTreeMap<String, String>))>,
    ) -> Vec<Self> {
        let mut groups: BTreeMap<_, Vec<String>> = BTreeMap::new();
        let keyspaces: BTreeMap<_, _> = keyspaces.into_iter().collect();
        for (named, (keyspace, replication)) in keyspaces.into_iter().enumerate() {
            let group = groups.entry(replication).or_default();
            if named < MOST_KEYSPACES || group.is_empty() {
                group.push(keyspace);
            }
        }
        let groups = groups.into_iter();
        groups
            .map(|((strategy, options), keyspaces)| Self {
                strategy,
                options,
                keyspaces,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn simple(factor: &str) -> (String, BTreeMap<String, String>) {
        let options = [("replication_factor".to_owned(), factor.to_owned())];
        ("SimpleStrategy".into(), options.into())
    }

    #[test]
    fn keyspaces_that_are_replicated_alike_are_told_together() {
        let keyspaces = [("b", "1"), ("a", "1"), ("c", "3")];
        let told =
            Replication::grouped(keyspaces.map(|(name, factor)| (name.into(), simple(factor))));
        let told: Vec<_> = told
            .iter()
            .map(|it| {
                (
                    it.options["replication_factor"].as_str(),
                    it.keyspaces.len(),
                )
            })
            .collect();
        assert_eq!(told, [("1", 2), ("3", 1)]);
    }

    #[test]
    fn of_very_many_keyspaces_names_are_left_out_and_no_replication() {
        let many = (0..600).map(|number| {
            let factor = if number == 599 { "1" } else { "3" };
            (format!("k{number:03}"), simple(factor))
        });
        let told = Replication::grouped(many);
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].keyspaces, ["k599"]);
        assert_eq!(told[1].keyspaces.len(), MOST_KEYSPACES);
    }
}
