//! Does what is to be done, on the disk and in the cluster.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use super::plan::{NAME, PROVISIONED_BY, STORAGE_CLASS, Step, plan, volume_name};
use crate::bed::layout::{Layout, Node};
use crate::cache::remove;

/// Looks at everything and does what is missing.
pub(super) async fn pass(client: &Client, layout: &Layout) -> Result<()> {
    let everything = ListParams::default();
    let claims = Api::<PersistentVolumeClaim>::all(client.clone())
        .list(&everything)
        .await?;
    let volumes = Api::<PersistentVolume>::all(client.clone())
        .list(&everything)
        .await?;
    for step in plan(&claims.items, &volumes.items) {
        match step {
            Step::Make { claim, node } => make(client, layout, &claim, node).await?,
            Step::Grow {
                volume,
                namespace,
                claim,
                size,
            } => {
                grow(client, &volume, (&namespace, &claim), &size).await?;
            }
            Step::Delete { volume } => delete(client, layout, &volume).await?,
        }
    }
    Ok(())
}

async fn make(
    client: &Client,
    layout: &Layout,
    claim: &PersistentVolumeClaim,
    node: Node,
) -> Result<()> {
    let name = volume_name(claim);
    let path = layout.node(node, "volumes").join(&name);
    fs::create_dir_all(&path)?;
    // As a new file system has it: the kubelet gives it to the pod's group.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    let spec = claim.spec.as_ref().context("a claim has a spec")?;
    let requests = spec
        .resources
        .as_ref()
        .and_then(|resources| resources.requests.as_ref());
    let volume = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: NAME}},
        "spec": {
            "storageClassName": STORAGE_CLASS,
            "persistentVolumeReclaimPolicy": "Delete",
            "volumeMode": "Filesystem",
            "accessModes": spec.access_modes,
            "capacity": requests,
            "local": {"path": path},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": claim.metadata.namespace,
                "name": claim.metadata.name,
                "uid": claim.metadata.uid,
            },
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "kubernetes.io/hostname", "operator": "In", "values": [node.name()]},
            ]}]}},
        },
    });
    let ours = PatchParams::apply(NAME).force();
    Api::<PersistentVolume>::all(client.clone())
        .patch(&name, &ours, &Patch::Apply(volume))
        .await?;
    println!("made {}", path.display());
    Ok(())
}

async fn grow(
    client: &Client,
    volume: &str,
    (namespace, claim): (&str, &str),
    size: &Quantity,
) -> Result<()> {
    let capacity = json!({"capacity": {"storage": size}});
    let merge = PatchParams::default();
    Api::<PersistentVolume>::all(client.clone())
        .patch(volume, &merge, &Patch::Merge(json!({"spec": capacity})))
        .await?;
    let status = json!({"capacity": {"storage": size}, "conditions": null});
    Api::<PersistentVolumeClaim>::namespaced(client.clone(), namespace)
        .patch_status(claim, &merge, &Patch::Merge(json!({"status": status})))
        .await?;
    println!("{namespace}/{claim} has {}", size.0);
    Ok(())
}

async fn delete(client: &Client, layout: &Layout, volume: &PersistentVolume) -> Result<()> {
    let name = volume.metadata.name.as_deref().unwrap_or_default();
    let spec = volume.spec.as_ref().and_then(|spec| spec.local.as_ref());
    let path = PathBuf::from(&spec.context("our volumes are local ones")?.path);
    ensure!(
        path.starts_with(layout.run()),
        "{} is none of the bed's",
        path.display()
    );
    remove(&path)?;
    let volumes = Api::<PersistentVolume>::all(client.clone());
    match volumes.delete(name, &DeleteParams::default()).await {
        Ok(_) => println!("deleted {}", path.display()),
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
