//! Which nodes a pod may be on: in the rack's zone, and apart from the cluster's other members.

use cassandra_api::{
    k8s_openapi::{
        api::core::v1::{
            Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm,
            PodAffinityTerm, PodAntiAffinity, WeightedPodAffinityTerm,
        },
        apimachinery::pkg::apis::meta::v1::LabelSelector,
    },
    labels,
    v1alpha1::{AntiAffinity, Workload},
};

pub(super) fn affinity(cluster: &str, workload: &Workload) -> Affinity {
    Affinity {
        node_affinity: workload.zone.as_deref().map(in_zone),
        pod_anti_affinity: apart(cluster, workload.placement.anti_affinity),
        ..Affinity::default()
    }
}

fn in_zone(zone: &str) -> NodeAffinity {
    let requirement = NodeSelectorRequirement {
        key: "topology.kubernetes.io/zone".into(),
        operator: "In".into(),
        values: Some(vec![zone.into()]),
    };
    let term = NodeSelectorTerm {
        match_expressions: Some(vec![requirement]),
        ..NodeSelectorTerm::default()
    };
    NodeAffinity {
        required_during_scheduling_ignored_during_execution: Some(NodeSelector {
            node_selector_terms: vec![term],
        }),
        ..NodeAffinity::default()
    }
}

fn apart(cluster: &str, how: AntiAffinity) -> Option<PodAntiAffinity> {
    let others = PodAffinityTerm {
        label_selector: Some(LabelSelector {
            match_labels: Some(labels::selecting_cluster(cluster)),
            ..LabelSelector::default()
        }),
        topology_key: "kubernetes.io/hostname".into(),
        ..PodAffinityTerm::default()
    };
    match how {
        AntiAffinity::Required => Some(PodAntiAffinity {
            required_during_scheduling_ignored_during_execution: Some(vec![others]),
            ..PodAntiAffinity::default()
        }),
        AntiAffinity::Preferred => Some(PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(vec![
                WeightedPodAffinityTerm {
                    weight: 100,
                    pod_affinity_term: others,
                },
            ]),
            ..PodAntiAffinity::default()
        }),
        AntiAffinity::None => None,
    }
}
