//! What every member's pod has in common: images, configuration, placement.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

#[cfg(feature = "garde")]
use super::checks::{self, Scope};
use super::{Toleration, syntax};
use crate::{owned_keys, quantity::Quantity};

/// When an image is pulled, as in a container's spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "Kubernetes' own words")]
pub enum ImagePullPolicy {
    Always,
    IfNotPresent,
    Never,
}

impl ImagePullPolicy {
    /// The word in a container's spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// A Secret for pulling images, as in a pod's spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "garde",
    derive(garde::Validate),
    garde(allow_unvalidated),
    garde(context(Scope))
)]
pub struct ImagePullSecret {
    /// The Secret's name, in the cluster's namespace. Example: `registry`.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = syntax::OBJECT_NAME.rule("the name of an image pull secret"))]
    #[cfg_attr(
        feature = "garde",
        garde(
            length(chars, min = 1, max = 253),
            custom(checks::written(&syntax::OBJECT_NAME))
        )
    )]
    pub name: String,
}

/// Cassandra's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "garde",
    derive(garde::Validate),
    garde(allow_unvalidated),
    garde(context(Scope))
)]
pub struct Config {
    /// Settings of cassandra.yaml by their own names, laid over the file. Keys that the operator owns are
    /// refused. Example: `{concurrent_reads: 64}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "cassandra_yaml_schema")]
    #[cfg_attr(feature = "garde", garde(custom(checks::settings)))]
    pub cassandra_yaml: BTreeMap<String, serde_json::Value>,
    /// The Java virtual machine.
    #[serde(default)]
    #[cfg_attr(feature = "garde", garde(dive))]
    pub jvm: Jvm,
    /// A ConfigMap of the cluster's namespace. Each of its files replaces the file of the same name in
    /// `/etc/cassandra`, logback.xml included. Default: `<cluster>-config`, if it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = syntax::OBJECT_NAME.rule("spec.config.fromConfigMap"))]
    #[cfg_attr(
        feature = "garde",
        garde(inner(
            length(chars, min = 1, max = 253),
            custom(checks::written(&syntax::OBJECT_NAME))
        ))
    )]
    pub from_config_map: Option<String>,
}

/// The Java virtual machine of Cassandra.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "garde",
    derive(garde::Validate),
    garde(allow_unvalidated),
    garde(context(Scope))
)]
pub struct Jvm {
    /// The heap, as both -Xms and -Xmx. Default: the larger of half the memory limit up to 1Gi and a quarter of
    /// it up to 8Gi. Must be less than the memory limit. Example: `8Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "garde", garde(custom(checks::heap)))]
    pub heap: Option<Quantity>,
    /// Options added to those of the image, one each. Those that the operator owns are refused. Example:
    /// `-XX:MaxGCPauseMillis=300`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 512)))]
    #[x_kube(
        validation = Rule::new("self.all(o, o.startsWith('-') && !o.contains('\\n'))").message("each of spec.config.jvm.options is one option and begins with a hyphen"),
        validation = Rule::new("!self.exists(o, o.startsWith('-Xmx') || o.startsWith('-Xms'))").message("-Xmx and -Xms are owned by the operator: set spec.config.jvm.heap"),
        validation = Rule::new("!self.exists(o, ['-javaagent:', '-Dcassandra.replace_address', '-Dcassandra.join_ring', '-Dcassandra.config=', '-Dcassandra.jmx.remote.port', '-Dcassandra.initial_token', '-Dcassandra.allow_unsafe_'].exists(p, o.startsWith(p)))").message("an option of spec.config.jvm.options is owned by the operator; docs/configuration.md lists them"),
    )]
    #[cfg_attr(
        feature = "garde",
        garde(
            length(max = 64),
            inner(length(chars, min = 1, max = 512), custom(checks::jvm_option))
        )
    )]
    pub options: Vec<String>,
}

/// Which nodes members may be on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(
    feature = "garde",
    derive(garde::Validate),
    garde(allow_unvalidated),
    garde(context(Scope))
)]
pub struct Placement {
    /// Whether two members of the cluster may be on one node. Default: Required, never.
    #[serde(default)]
    pub anti_affinity: AntiAffinity,
    /// Labels that a node must have. Default: none. Example: `{disk: nvme}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(
        extend("maxProperties" = MAX_NODE_LABELS),
        extend("additionalProperties" = serde_json::json!({ "type": "string", "maxLength": 63 }))
    )]
    #[x_kube(
        validation = syntax::LABEL_KEY.rule_that(&format!("self.all(key, {})", syntax::LABEL_KEY.asks("key")), "each key of spec.placement.nodeSelector"),
        validation = syntax::LABEL_VALUE.rule_that(&format!("self.all(key, {})", syntax::LABEL_VALUE.asks("self[key]")), "each value of spec.placement.nodeSelector"),
    )]
    #[cfg_attr(
        feature = "garde",
        garde(length(max = MAX_NODE_LABELS), custom(checks::node_selector))
    )]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that members tolerate. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[cfg_attr(feature = "garde", garde(length(max = 16), dive))]
    pub tolerations: Vec<Toleration>,
}

/// Most labels of `nodeSelector`: what the API server counts for its rules goes by it.
const MAX_NODE_LABELS: usize = 16;

/// `Required`: never two members of the cluster on one node. `Preferred`: only if there is no other node.
/// `None`: any node will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(
    missing_docs,
    reason = "CRD schemas drop variant docs; the enum's own says what each is"
)]
pub enum AntiAffinity {
    #[default]
    Required,
    Preferred,
    None,
}

/// Any mapping, but for the keys that the operator owns: those have a rule each that says what to set instead.
/// They need a type to be visible to CEL.
fn cassandra_yaml_schema(_: &mut SchemaGenerator) -> Schema {
    let list = |items: serde_json::Value| serde_json::json!({ "type": "array", "maxItems": 16, "items": items });
    let properties: serde_json::Map<_, _> = owned_keys::CASSANDRA_YAML
        .iter()
        .map(|owned| {
            let schema = match owned.key {
                "seed_provider" => list(serde_json::json!({
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true
                })),
                "data_file_directories" => list(serde_json::json!({ "type": "string" })),
                "listen_on_broadcast_address" | "start_native_transport" | "auto_bootstrap" => {
                    serde_json::json!({ "type": "boolean" })
                }
                _ => serde_json::json!({ "x-kubernetes-int-or-string": true }),
            };
            (owned.key.to_owned(), schema)
        })
        .collect();
    let rules: Vec<_> = owned_keys::CASSANDRA_YAML
        .iter()
        .map(|owned| {
            serde_json::json!({
                "rule": format!("!has(self.{})", owned.key),
                "message": format!("{} is owned by the operator: {}", owned.key, owned.instead),
            })
        })
        .collect();
    json_schema!({
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": true,
        "properties": properties,
        "x-kubernetes-validations": rules,
    })
}
