//! Who a Cassandra node is, and how its pod is told: the one spelling for the controller that makes the pod and
//! for the agent and the bootstrapper that run in it.
//!
//! A node is its member, by name and UID, on its volume. What is told to a pod never changes while the pod lives,
//! but for the pod's own address, which only the pod knows.

use k8s_openapi::api::core::v1::{
    EnvVar, EnvVarSource, ObjectFieldSelector, ResourceFieldSelector,
};
use serde::Serialize;

/// Names of the containers of a member's pod.
pub mod container {
    /// Runs Cassandra.
    pub const CASSANDRA: &str = "cassandra";
    /// Reports on the node and does what the member asks for.
    pub const AGENT: &str = "agent";
    /// Copies the image's configuration out.
    pub const INIT_CONFIG: &str = "init-config";
    /// Waits for the permit to start and writes the configuration.
    pub const BOOTSTRAPPER: &str = "bootstrapper";
}

/// Names of the variables by which a pod is told who it is.
pub mod variable {
    /// The pod's namespace.
    pub const POD_NAMESPACE: &str = "POD_NAMESPACE";
    /// The pod's name.
    pub const POD_NAME: &str = "POD_NAME";
    /// The pod's address.
    pub const POD_IP: &str = "POD_IP";
    /// The CassandraMember's name.
    pub const MEMBER_NAME: &str = "MEMBER_NAME";
    /// The CassandraMember's UID.
    pub const MEMBER_UID: &str = "MEMBER_UID";
    /// The address that other nodes and clients use, if it is not the pod's.
    pub const BROADCAST_ADDRESS: &str = "BROADCAST_ADDRESS";
    /// UID of the volume claim.
    pub const PVC_UID: &str = "PVC_UID";
    /// The CassandraCluster's UID.
    pub const CLUSTER_UID: &str = "CLUSTER_UID";
    /// UID of the earlier CassandraCluster whose volume may be taken over.
    pub const ADOPTED_FROM: &str = "ADOPTED_FROM";
    /// The Cassandra datacenter.
    pub const DATACENTER: &str = "DATACENTER";
    /// The Cassandra rack.
    pub const RACK: &str = "RACK";
    /// The ConfigMap with the revision of the configuration.
    pub const CONFIG_REVISION: &str = "CONFIG_REVISION";
    /// The memory limit of Cassandra's container.
    pub const MEMORY_LIMIT_BYTES: &str = "MEMORY_LIMIT_BYTES";
    /// The cpu limit of Cassandra's container, in thousandths of a core.
    pub const CPU_LIMIT_MILLICORES: &str = "CPU_LIMIT_MILLICORES";
}

/// Who a node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The member's name.
    pub member: String,
    /// The member's UID. Another Member of the same name is another member.
    pub member_uid: String,
    /// UID of the volume claim. None: the data is on an emptyDir.
    pub pvc_uid: Option<String>,
    /// The address that other nodes and clients use, if it is not the pod's.
    pub broadcast_address: Option<String>,
    /// The pod's address. None to whoever makes the pod: it gets one when it runs.
    pub pod_ip: Option<String>,
}

impl Identity {
    /// As every program of the pod is told.
    pub fn to_env(&self) -> Vec<EnvVar> {
        let mut env = vec![
            from_field(variable::POD_IP, "status.podIP"),
            given(variable::MEMBER_NAME, &self.member),
            given(variable::MEMBER_UID, &self.member_uid),
        ];
        let optional = [
            (variable::BROADCAST_ADDRESS, &self.broadcast_address),
            (variable::PVC_UID, &self.pvc_uid),
        ];
        let set = optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_ref()?)));
        env.extend(set.map(|(name, value)| given(name, value)));
        env
    }
}

/// Where a node's data belongs: what a volume must agree with before Cassandra may open it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// UID of the cluster object.
    pub cluster_uid: String,
    /// UID of the earlier cluster object whose volume may be taken over.
    pub adopted_from: Option<String>,
    /// Cassandra's `cluster_name`. A pod is not told: the revision of its configuration has it.
    pub cluster_name: String,
    /// The Cassandra datacenter.
    pub datacenter: String,
    /// The Cassandra rack.
    pub rack: String,
}

impl Place {
    /// As the bootstrapper is told.
    pub fn to_env(&self) -> Vec<EnvVar> {
        let mut env = vec![
            given(variable::CLUSTER_UID, &self.cluster_uid),
            given(variable::DATACENTER, &self.datacenter),
            given(variable::RACK, &self.rack),
        ];
        let earlier = self.adopted_from.as_ref();
        env.extend(earlier.map(|uid| given(variable::ADOPTED_FROM, uid)));
        env
    }
}

/// What tells an agent which pod it is in.
pub fn pod_env() -> [EnvVar; 2] {
    [
        from_field(variable::POD_NAMESPACE, "metadata.namespace"),
        pod_name_env(),
    ]
}

/// What tells a program the name of its pod.
pub fn pod_name_env() -> EnvVar {
    from_field(variable::POD_NAME, "metadata.name")
}

/// What tells a bootstrapper the configuration to write, and the limits that it is made for.
pub fn configuration_env(revision: &str) -> [EnvVar; 3] {
    [
        given(variable::CONFIG_REVISION, revision),
        limit_of_cassandra(variable::MEMORY_LIMIT_BYTES, "limits.memory", "1"),
        limit_of_cassandra(variable::CPU_LIMIT_MILLICORES, "limits.cpu", "1m"),
    ]
}

fn given(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.into(),
        value: Some(value.into()),
        ..EnvVar::default()
    }
}

fn from_field(name: &str, path: &str) -> EnvVar {
    let field = ObjectFieldSelector {
        api_version: Some("v1".into()),
        field_path: path.into(),
    };
    from(
        name,
        EnvVarSource {
            field_ref: Some(field),
            ..EnvVarSource::default()
        },
    )
}

fn limit_of_cassandra(name: &str, resource: &str, divisor: &str) -> EnvVar {
    use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
    let limit = ResourceFieldSelector {
        container_name: Some(container::CASSANDRA.into()),
        resource: resource.into(),
        divisor: Some(Quantity(divisor.into())),
    };
    from(
        name,
        EnvVarSource {
            resource_field_ref: Some(limit),
            ..EnvVarSource::default()
        },
    )
}

fn from(name: &str, source: EnvVarSource) -> EnvVar {
    EnvVar {
        name: name.into(),
        value_from: Some(source),
        ..EnvVar::default()
    }
}
