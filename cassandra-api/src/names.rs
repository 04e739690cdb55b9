//! Names of the objects that belong to a cluster. Pure, and all within Kubernetes' limits for a cluster
//! and racks that pass [`fits`].

/// Longest `<cluster>-<rack>-<ordinal>`. A StatefulSet adds eleven characters for the label
/// `controller-revision-hash`, and a label value has at most 63.
pub const MAX_MEMBER_NAME: usize = 52;
/// Room kept for a hyphen on both sides of the rack and for ordinals of up to four digits.
const MEMBER_NAME_OVERHEAD: usize = 6;
/// Longest `<cluster>-<suffix>` suffix of the objects of a whole cluster, `-rev-` and ten characters.
pub const MAX_CLUSTER_NAME: usize = 40;
/// Longest name of a cluster and of a rack together.
pub const MAX_CLUSTER_AND_RACK_NAME: usize = MAX_MEMBER_NAME - MEMBER_NAME_OVERHEAD;
/// Longest name of a rack.
pub const MAX_RACK_NAME: usize = 20;

/// Whether every member of this rack gets a name that Kubernetes accepts.
pub fn fits(cluster: &str, rack: &str) -> bool {
    cluster.len() <= MAX_CLUSTER_NAME
        && rack.len() <= MAX_RACK_NAME
        && cluster.len() + rack.len() <= MAX_CLUSTER_AND_RACK_NAME
}

/// A CassandraMember; also its StatefulSet and its Service.
pub fn member(cluster: &str, rack: &str, ordinal: i32) -> String {
    format!("{cluster}-{rack}-{ordinal}")
}

/// The pod of a member: a StatefulSet of one replica names it so.
pub fn pod(member: &str) -> String {
    format!("{member}-0")
}

/// The volume claim of a member.
pub fn volume_claim(member: &str) -> String {
    format!("data-{member}")
}

/// The headless Service through which clients find the ready members.
pub fn client_service(cluster: &str) -> String {
    cluster.to_owned()
}

/// The ServiceAccount, Role and RoleBinding of the members' agents.
pub fn agent_account(cluster: &str) -> String {
    format!("{cluster}-member")
}

/// The PodDisruptionBudget of the cluster.
pub fn disruption_budget(cluster: &str) -> String {
    cluster.to_owned()
}

/// The user's ConfigMap that is used when `config.fromConfigMap` is not set and it exists.
pub fn conventional_config_map(cluster: &str) -> String {
    format!("{cluster}-config")
}

/// The immutable ConfigMap of one revision of the configuration.
pub fn config_revision(cluster: &str, digest: &str) -> String {
    format!("{cluster}-rev-{}", digest.get(..10).unwrap_or(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_fits_is_within_kubernetes_limits() {
        let cluster = "c".repeat(26);
        let rack = "r".repeat(MAX_RACK_NAME);
        assert!(fits(&cluster, &rack));
        let member = member(&cluster, &rack, 9999);
        assert!(member.len() <= MAX_MEMBER_NAME);
        assert!(pod(&member).len() <= 63);
        assert!(volume_claim(&member).len() <= 63);
        assert!(config_revision(&"c".repeat(MAX_CLUSTER_NAME), &"0".repeat(64)).len() <= 63);
    }

    #[test]
    fn a_name_that_would_grow_too_long_does_not_fit() {
        assert!(!fits(&"c".repeat(27), &"r".repeat(MAX_RACK_NAME)));
        assert!(!fits(&"c".repeat(41), "r"));
        assert!(!fits("c", &"r".repeat(21)));
    }
}
