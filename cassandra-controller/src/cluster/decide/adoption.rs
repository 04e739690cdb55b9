//! Volumes that an earlier cluster of the same name has left. No member meets one unasked: the user says whether
//! the earlier ring comes back or its volumes go. A ring that comes back has no founder.

use std::{collections::BTreeSet, sync::Arc};

use cassandra_api::{
    k8s_openapi::api::core::v1::PersistentVolumeClaim,
    labels,
    rules::{Rule, Waiting},
    v1alpha1::{Founder, Record},
};
use kube::ResourceExt as _;

use super::membership::has_place;
use crate::cluster::{objects, plan::Desired, validate::Validated};

/// What becomes of the volumes that were left.
pub(super) enum Step {
    /// There are none.
    Proceed,
    /// They are taken over.
    Adopt(Vec<Desired>),
    /// Somebody has to decide.
    Hold(Waiting),
}

pub(super) fn decide(cluster: &Validated<'_>, record: &mut Record) -> Step {
    let retained: Vec<_> = cluster
        .observed
        .owned
        .volume_claims
        .values()
        .filter(|volume| volume.labels().get(labels::CLUSTER_UID) != Some(&cluster.uid))
        .collect();
    if retained.is_empty() {
        return Step::Proceed;
    }
    if !cluster.spec.storage.adopt_retained {
        return hold(&format!(
            "{} of an earlier cluster named {}",
            list(&retained),
            cluster.name
        ));
    }
    let origins: BTreeSet<_> = retained
        .iter()
        .map(|volume| label(volume, labels::CLUSTER_UID).to_owned())
        .collect();
    let recorded = record
        .founder
        .as_ref()
        .and_then(|founder| founder.adopted_from.clone());
    let origin = match (origins.len(), origins.first(), &record.founder) {
        (1, Some(origin), None) => origin.clone(),
        (1, Some(origin), Some(_)) if recorded.as_ref() == Some(origin) => origin.clone(),
        (1, ..) => {
            let problem = "this cluster has a ring of its own already, so it can't adopt";
            return hold(&format!("{problem} {}", list(&retained)));
        }
        _ => {
            return hold(&format!(
                "{} are of several earlier clusters",
                list(&retained)
            ));
        }
    };
    if let Some(left_out) = retained.iter().find(|volume| !has_place(cluster, volume)) {
        let problem = "the spec has no member for the volume claim";
        return hold(&format!("{problem} {}", left_out.name_any()));
    }
    record.founder = Some(Founder {
        member: None,
        adopted_from: Some(origin.clone()),
    });
    let adopt =
        |volume: &Arc<PersistentVolumeClaim>| objects::adopted_claim(cluster, volume, &origin);
    Step::Adopt(retained.into_iter().filter_map(adopt).collect())
}

fn hold(particulars: &str) -> Step {
    Step::Hold(Waiting::on(Rule::RetainedVolumes, particulars))
}

fn label<'a>(volume: &'a PersistentVolumeClaim, key: &str) -> &'a str {
    volume.labels().get(key).map_or("", String::as_str)
}

fn list(volumes: &[&Arc<PersistentVolumeClaim>]) -> String {
    let names: Vec<_> = volumes
        .iter()
        .map(|volume| volume.name_any())
        .take(6)
        .collect();
    let more = volumes.len().saturating_sub(names.len());
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("the volume claims {}{more}", names.join(", "))
}
