//! A revision of the configuration: an immutable ConfigMap, named by the digest of what it holds.

use cassandra_api::{
    k8s_openapi::api::core::v1::ConfigMap,
    labels, names,
    revision::{ConfigRevision, FILE_PREFIX, REVISION_KEY},
};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::owned_by_cluster;
use crate::{
    cluster::{
        drift::{Guard, ensure},
        kinds::Kind,
        plan::Desired,
        validate::Validated,
    },
    fields,
};

/// The revision's name, and the write that makes it.
pub(crate) fn config_revision(
    cluster: &Validated<'_>,
    content: &ConfigRevision,
    user: Option<&ConfigMap>,
) -> (String, Option<Desired>) {
    let mut data = Map::from_iter([(REVISION_KEY.to_owned(), json!(json!(content).to_string()))]);
    let texts = user.and_then(|map| map.data.as_ref()).into_iter().flatten();
    data.extend(texts.map(|(name, text)| (format!("{FILE_PREFIX}{name}"), json!(text))));
    let binaries = user
        .and_then(|map| map.binary_data.as_ref())
        .into_iter()
        .flatten();
    let binary_data: Map<_, _> = binaries
        .map(|(name, bytes)| (format!("{FILE_PREFIX}{name}"), json!(bytes)))
        .collect();
    let mut object = Value::Object(Map::from_iter([
        ("data".to_owned(), Value::Object(data)),
        ("binaryData".to_owned(), Value::Object(binary_data)),
    ]));
    let name = names::config_revision(&cluster.name, &digest(&object));
    let metadata = json!({
        "name": name,
        "labels": labels::of_cluster(&cluster.name, &cluster.uid),
        "ownerReferences": owned_by_cluster(cluster),
    });
    if let Some(fields) = object.as_object_mut() {
        fields.insert("apiVersion".into(), json!("v1"));
        fields.insert("kind".into(), json!("ConfigMap"));
        fields.insert("metadata".into(), metadata);
        fields.insert("immutable".into(), json!(true));
    }
    let live = cluster
        .observed
        .owned
        .config_maps
        .get(&name)
        .map(AsRef::as_ref);
    // The content can't change, and is not kept in memory: only the metadata is compared.
    let metadata = json!({ "metadata": object.get("metadata") });
    let write = ensure::<ConfigMap>(
        Kind::ConfigMap,
        &name,
        fields::CLUSTER,
        Guard::Uid,
        metadata,
        &cluster.observed.owned,
        live,
    );
    (name, write.map(|write| Desired { object, ..write }))
}

/// SHA-256 of the JSON, in hexadecimal. Mappings of serde_json are sorted, so equal values have one digest.
pub(super) fn digest(value: &Value) -> String {
    use std::fmt::Write as _;
    let bytes = Sha256::digest(value.to_string().as_bytes());
    bytes
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
