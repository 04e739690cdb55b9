//! The pod's volumes, and where containers mount them.

use cassandra_api::{
    k8s_openapi::{
        api::core::v1::{
            ConfigMapProjection, ConfigMapVolumeSource, DownwardAPIProjection,
            DownwardAPIVolumeFile, EmptyDirVolumeSource, KeyToPath, ObjectFieldSelector,
            PersistentVolumeClaimVolumeSource, ProjectedVolumeSource,
            ServiceAccountTokenProjection, Volume, VolumeMount, VolumeProjection,
        },
        apimachinery::pkg::api::resource::Quantity,
    },
    names,
};

use super::Parts;

/// The member's data, with the operator's marker.
pub(super) const DATA: &str = "data";
/// Cassandra's configuration folder: the image's files and what the bootstrapper writes.
pub(super) const CONFIGURATION: &str = "configuration";
/// What Cassandra's container needs beside its image.
pub(super) const EXTRA_LIB: &str = "extra-lib";
/// Cassandra's logs.
pub(super) const LOGS: &str = "logs";
/// For what Java writes beside them.
pub(super) const TMP: &str = "tmp";
/// The ConfigMap with the revision of the configuration.
pub(super) const REVISION: &str = "revision";
/// The agent's token.
pub(super) const TOKEN: &str = "token";

/// How long a token is good for, as Kubernetes itself asks.
const TOKEN_SECONDS: i64 = 3607;

/// All volumes of the pod.
pub(super) fn volumes(parts: &Parts<'_>) -> Vec<Volume> {
    vec![
        data(parts),
        empty(CONFIGURATION),
        empty(EXTRA_LIB),
        empty(LOGS),
        empty(TMP),
        revision(&parts.workload.config_revision),
        token(),
    ]
}

/// A mount that can be written to.
pub(super) fn mount(volume: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: volume.into(),
        mount_path: path.into(),
        ..VolumeMount::default()
    }
}

/// A mount that can't be written to.
pub(super) fn read_only(volume: &str, path: &str) -> VolumeMount {
    VolumeMount {
        read_only: Some(true),
        ..mount(volume, path)
    }
}

fn data(parts: &Parts<'_>) -> Volume {
    if parts.workload.ephemeral {
        return Volume {
            empty_dir: Some(EmptyDirVolumeSource {
                size_limit: parts.size.map(Quantity::from),
                ..EmptyDirVolumeSource::default()
            }),
            ..volume(DATA)
        };
    }
    Volume {
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: names::volume_claim(&parts.identity.member),
            ..PersistentVolumeClaimVolumeSource::default()
        }),
        ..volume(DATA)
    }
}

fn revision(config_map: &str) -> Volume {
    Volume {
        config_map: Some(ConfigMapVolumeSource {
            name: config_map.into(),
            ..ConfigMapVolumeSource::default()
        }),
        ..volume(REVISION)
    }
}

/// What Kubernetes mounts into a pod by itself, for the agent alone.
fn token() -> Volume {
    let sources = vec![
        VolumeProjection {
            service_account_token: Some(ServiceAccountTokenProjection {
                path: "token".into(),
                expiration_seconds: Some(TOKEN_SECONDS),
                ..ServiceAccountTokenProjection::default()
            }),
            ..VolumeProjection::default()
        },
        VolumeProjection {
            config_map: Some(ConfigMapProjection {
                name: "kube-root-ca.crt".into(),
                items: Some(vec![KeyToPath {
                    key: "ca.crt".into(),
                    path: "ca.crt".into(),
                    ..KeyToPath::default()
                }]),
                ..ConfigMapProjection::default()
            }),
            ..VolumeProjection::default()
        },
        VolumeProjection {
            downward_api: Some(DownwardAPIProjection {
                items: Some(vec![DownwardAPIVolumeFile {
                    path: "namespace".into(),
                    field_ref: Some(ObjectFieldSelector {
                        api_version: Some("v1".into()),
                        field_path: "metadata.namespace".into(),
                    }),
                    ..DownwardAPIVolumeFile::default()
                }]),
            }),
            ..VolumeProjection::default()
        },
    ];
    Volume {
        projected: Some(ProjectedVolumeSource {
            sources: Some(sources),
            ..ProjectedVolumeSource::default()
        }),
        ..volume(TOKEN)
    }
}

fn empty(name: &str) -> Volume {
    Volume {
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..volume(name)
    }
}

fn volume(name: &str) -> Volume {
    Volume {
        name: name.into(),
        ..Volume::default()
    }
}
