//! What is to be done for these claims and volumes.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::bed::layout::Node;

/// The storage class and the name under which its volumes are made.
pub(super) const STORAGE_CLASS: &str = "bed";
pub(super) const NAME: &str = "bed.cassandra-operator.rs/local";
/// Where the scheduler writes the node that it has chosen for the claim's first pod.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// Tells the volume controller that someone else deletes the volume.
pub(super) const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Make a volume on this node for this claim.
    Make {
        claim: Box<PersistentVolumeClaim>,
        node: Node,
    },
    /// Give the volume and its claim this size.
    Grow {
        volume: String,
        namespace: String,
        claim: String,
        size: Quantity,
    },
    /// Delete the volume and its data.
    Delete { volume: Box<PersistentVolume> },
}

/// Everything to do.
pub(super) fn plan(claims: &[PersistentVolumeClaim], volumes: &[PersistentVolume]) -> Vec<Step> {
    let make = claims.iter().filter_map(make);
    let grow = claims.iter().filter_map(|claim| grow(claim, volumes));
    let delete = volumes.iter().filter_map(delete);
    make.chain(grow).chain(delete).collect()
}

/// The name of a claim's volume: another claim of the same name gets another one.
pub(super) fn volume_name(claim: &PersistentVolumeClaim) -> String {
    format!("pvc-{}", claim.metadata.uid.as_deref().unwrap_or_default())
}

fn make(claim: &PersistentVolumeClaim) -> Option<Step> {
    let spec = claim.spec.as_ref()?;
    let ours = spec.storage_class_name.as_deref() == Some(STORAGE_CLASS);
    let unbound = spec.volume_name.as_deref().is_none_or(str::is_empty);
    let selected = claim.metadata.annotations.as_ref()?.get(SELECTED_NODE)?;
    let wanted = ours && unbound && claim.metadata.deletion_timestamp.is_none();
    let node = Node::named(selected)?;
    wanted.then(|| Step::Make {
        claim: Box::new(claim.clone()),
        node,
    })
}

fn grow(claim: &PersistentVolumeClaim, volumes: &[PersistentVolume]) -> Option<Step> {
    let spec = claim.spec.as_ref()?;
    let wanted = spec.resources.as_ref()?.requests.as_ref()?.get("storage")?;
    let status = claim.status.as_ref()?;
    let has = status.capacity.as_ref()?.get("storage")?;
    let name = spec.volume_name.as_ref()?;
    let volume = volumes
        .iter()
        .find(|volume| volume.metadata.name.as_ref() == Some(name))?;
    (is_ours(volume) && bytes(wanted)? > bytes(has)?).then(|| Step::Grow {
        volume: name.clone(),
        namespace: claim.metadata.namespace.clone().unwrap_or_default(),
        claim: claim.metadata.name.clone().unwrap_or_default(),
        size: wanted.clone(),
    })
}

fn delete(volume: &PersistentVolume) -> Option<Step> {
    let phase = volume.status.as_ref()?.phase.as_deref()?;
    let policy = volume
        .spec
        .as_ref()?
        .persistent_volume_reclaim_policy
        .as_deref();
    let unused = phase == "Released" || phase == "Failed";
    let wanted = is_ours(volume) && unused && policy == Some("Delete");
    wanted.then(|| Step::Delete {
        volume: Box::new(volume.clone()),
    })
}

fn is_ours(volume: &PersistentVolume) -> bool {
    let annotations = volume.metadata.annotations.as_ref();
    annotations
        .and_then(|all| all.get(PROVISIONED_BY))
        .is_some_and(|by| by == NAME)
}

/// A size in bytes; none if it is no size of storage.
fn bytes(quantity: &Quantity) -> Option<u128> {
    const SUFFIXES: [(&str, u128); 11] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("Pi", 1 << 50),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
        ("P", 1_000_000_000_000_000),
        ("", 1),
    ];
    let text = quantity.0.as_str();
    let (number, factor) = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)))?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let whole: u128 = whole.parse().ok()?;
    let part: u128 = match part {
        "" => 0,
        digits => {
            let scale = 10_u128.checked_pow(u32::try_from(digits.len()).ok()?)?;
            digits.parse::<u128>().ok()?.checked_mul(factor)? / scale
        }
    };
    whole.checked_mul(factor)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(extra: &serde_json::Value) -> PersistentVolumeClaim {
        let mut claim = serde_json::json!({
            "metadata": {"name": "data", "namespace": "a", "uid": "1", "annotations": {SELECTED_NODE: "n2"}},
            "spec": {"storageClassName": "bed", "resources": {"requests": {"storage": "1Gi"}}},
        });
        for (key, value) in extra.as_object().unwrap() {
            *claim.pointer_mut(key).unwrap() = value.clone();
        }
        serde_json::from_value(claim).unwrap()
    }

    #[test]
    fn a_claim_gets_a_volume_on_the_node_that_was_chosen_for_it() {
        let steps = plan(&[claim(&serde_json::json!({}))], &[]);
        assert!(matches!(steps.as_slice(), [Step::Make { node, .. }] if node.name() == "n2"));
    }

    #[test]
    fn a_claim_without_a_node_or_of_another_class_is_left_alone() {
        let waiting = claim(&serde_json::json!({"/metadata/annotations": {}}));
        let foreign = claim(&serde_json::json!({"/spec/storageClassName": "fast"}));
        assert_eq!(plan(&[waiting, foreign], &[]), []);
    }

    #[test]
    fn sizes() {
        let size = |text: &str| bytes(&Quantity(text.to_owned()));
        assert_eq!(size("1.5Gi"), Some(1_610_612_736));
        assert_eq!(size("2G"), Some(2_000_000_000));
        assert_eq!(size("7"), Some(7));
        assert_eq!(size("lots"), None);
    }
}
