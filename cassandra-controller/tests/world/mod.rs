//! A small world to decide in: plans are carried out on data, pods appear, and scripted agents do what their Members
//! say. No IO, no time that passes by itself.
#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::needless_pass_by_value,
    clippy::wildcard_enum_match_arm,
    unreachable_pub,
    missing_docs,
    reason = "a test's world"
)]

use std::{collections::BTreeMap, sync::Arc};

use cassandra_api::{
    conditions,
    k8s_openapi::{
        api::core::v1::{Pod, PodStatus},
        apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
        jiff::Timestamp,
    },
    names,
    rules::Rule,
    v1alpha1::{
        Bootstrapped, CassandraCluster, CassandraClusterStatus, CassandraMember,
        CassandraMemberStatus, MemberState, Peer, PeerState, Record, StartMode, VolumeStatus,
    },
};
use cassandra_controller::cluster::{
    Deletion, Desired, Existing, Kind, Observed, Owned, Plan, UserConfig, decide,
};
use kube::{Resource, ResourceExt};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// A cluster whose names differ from the product's words, so that swapped values are seen.
pub fn cluster(racks: &[(&str, i32)]) -> CassandraCluster {
    let racks: Vec<_> = racks
        .iter()
        .map(|(name, members)| json!({ "name": name, "members": members }))
        .collect();
    serde_json::from_value(json!({
        "apiVersion": "cassandra-operator.rs/v1alpha1",
        "kind": "CassandraCluster",
        "metadata": { "name": "orders", "namespace": "shop", "uid": "cluster-uid",
            "resourceVersion": "1", "generation": 1 },
        "spec": { "version": "5.0.9", "racks": racks, "storage": { "size": "1Gi" } },
    }))
    .unwrap()
}

pub struct World {
    pub observed: Observed,
    /// Every permit that was given: member and mode.
    pub permits: Vec<(String, StartMode)>,
    version: u64,
}

impl World {
    pub fn new(cluster: CassandraCluster) -> Self {
        let observed = Observed {
            now: Time(Timestamp::UNIX_EPOCH),
            cluster: Arc::new(cluster),
            operator_image: "operator:1".into(),
            user_config: UserConfig::None,
            owned: Owned::default(),
            refused: Vec::new(),
        };
        Self {
            observed,
            permits: Vec::new(),
            version: 100,
        }
    }

    pub fn status(&self) -> CassandraClusterStatus {
        self.observed.cluster.status.clone().unwrap_or_default()
    }

    pub fn edit(&mut self, change: impl FnOnce(&mut CassandraCluster)) {
        change(Arc::make_mut(&mut self.observed.cluster));
        let metadata = &mut Arc::make_mut(&mut self.observed.cluster).metadata;
        metadata.generation = metadata.generation.map(|generation| generation + 1);
    }

    pub fn record(&mut self, change: impl FnOnce(&mut Record)) {
        let cluster = Arc::make_mut(&mut self.observed.cluster);
        change(&mut cluster.status.get_or_insert_default().record);
    }

    pub fn decide(&self) -> Plan {
        decide(&self.observed)
    }

    /// One pass of the controller.
    pub fn pass(&mut self) -> Plan {
        let plan = self.decide();
        self.carry_out(&plan);
        plan
    }

    /// Passes of the controller until it has nothing to do.
    pub fn settle(&mut self) {
        for _ in 0..50 {
            let before = self.status();
            let plan = self.pass();
            if plan.record.is_none()
                && plan.apply.is_empty()
                && plan.conditions.is_empty()
                && plan.delete.is_empty()
            {
                assert_eq!(
                    before,
                    self.status(),
                    "a plan without writes changes no status"
                );
                return;
            }
        }
        panic!("the controller does not come to rest: {:#?}", self.decide());
    }

    /// Agents and controller in turns until both rest.
    pub fn run(&mut self) {
        for _ in 0..200 {
            self.settle();
            let before = self.observed.owned.members.clone();
            let names: Vec<_> = before.keys().cloned().collect();
            for name in names {
                self.agent(&name);
            }
            if before == self.observed.owned.members {
                return;
            }
        }
        panic!("agents and controller do not come to rest");
    }

    fn next_version(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }

    pub fn carry_out(&mut self, plan: &Plan) {
        if let Some(update) = &plan.record {
            let version = self.next_version();
            let cluster = Arc::make_mut(&mut self.observed.cluster);
            assert_eq!(
                cluster.metadata.resource_version.as_ref(),
                Some(&update.resource_version)
            );
            let status = cluster.status.get_or_insert_default();
            status.record.clone_from(&update.record);
            cluster.metadata.resource_version = Some(version);
        }
        for desired in &plan.apply {
            self.apply(desired);
        }
        for desired in &plan.conditions {
            self.tell(desired);
        }
        for deletion in &plan.delete {
            self.delete(deletion);
        }
        let record = self.status().record;
        Arc::make_mut(&mut self.observed.cluster).status = Some(CassandraClusterStatus {
            record,
            ..plan.status.clone()
        });
    }

    /// The operator's condition of a Member takes the place of the one before; the agent's stay.
    fn tell(&mut self, desired: &Desired) {
        let version = self.next_version();
        let member = self.observed.owned.members.get_mut(&desired.name).unwrap();
        let member = Arc::make_mut(member);
        let expected = Existing::Differs {
            uid: member.uid().unwrap(),
            resource_version: None,
        };
        assert_eq!(desired.existing, expected);
        let told: CassandraMemberStatus = serde_json::from_value(
            desired
                .object
                .get("status")
                .cloned()
                .unwrap_or_else(|| json!({})),
        )
        .unwrap();
        let status = member.status.get_or_insert_default();
        *status = status.of_agent();
        status.conditions.extend(told.conditions);
        member.metadata.resource_version = Some(version);
    }

    fn apply(&mut self, desired: &Desired) {
        let version = self.next_version();
        let owned = &mut self.observed.owned;
        match desired.kind {
            Kind::CassandraMember => {
                put(&mut owned.members, desired, &version, |_| {});
                let member = &owned.members[&desired.name];
                let permit = (member.name_any(), member.spec.start.mode);
                if member.spec.start.mode != StartMode::Hold && self.permits.last() != Some(&permit)
                {
                    self.permits.push(permit);
                }
            }
            Kind::Service => {
                let address = format!("10.0.0.{}", owned.services.len());
                put(
                    &mut owned.services,
                    desired,
                    &version,
                    |service: &mut Value| {
                        if service["spec"]["clusterIP"].is_null() {
                            service["spec"]["clusterIP"] = json!(address);
                        }
                    },
                );
            }
            Kind::StatefulSet => {
                put(&mut owned.stateful_sets, desired, &version, |_| {});
                self.make_pod(&desired.name);
            }
            Kind::PersistentVolumeClaim => {
                put(&mut owned.volume_claims, desired, &version, |_| {});
            }
            Kind::ConfigMap => put(&mut owned.config_maps, desired, &version, |_| {}),
            Kind::ServiceAccount => put(&mut owned.service_accounts, desired, &version, |_| {}),
            Kind::Role => put(&mut owned.roles, desired, &version, |_| {}),
            Kind::RoleBinding => put(&mut owned.role_bindings, desired, &version, |_| {}),
            Kind::PodDisruptionBudget => put(&mut owned.budgets, desired, &version, |_| {}),
            Kind::Pod => panic!("pods are made by StatefulSets"),
        }
    }

    fn delete(&mut self, deletion: &Deletion) {
        match deletion.kind {
            Kind::Pod => {
                let pod = self.observed.owned.pods.remove(&deletion.name).unwrap();
                assert_eq!(pod.uid().as_ref(), Some(&deletion.uid));
                self.make_pod(deletion.name.strip_suffix("-0").unwrap());
            }
            Kind::ConfigMap => {
                self.observed
                    .owned
                    .config_maps
                    .remove(&deletion.name)
                    .unwrap();
            }
            kind => panic!("{kind:?} is never deleted"),
        }
    }

    /// What the StatefulSet controller and the kubelet do.
    pub fn make_pod(&mut self, member: &str) {
        if self.observed.owned.pods.contains_key(&names::pod(member)) {
            return;
        }
        let version = self.next_version();
        let set = &self.observed.owned.stateful_sets[member];
        let template = set
            .spec
            .as_ref()
            .unwrap()
            .template
            .metadata
            .clone()
            .unwrap();
        let metadata = ObjectMeta {
            name: Some(names::pod(member)),
            uid: Some(format!("pod-{version}")),
            resource_version: Some(version),
            namespace: Some("shop".into()),
            ..template
        };
        let pod = Pod {
            metadata,
            status: Some(PodStatus::default()),
            ..Pod::default()
        };
        self.observed
            .owned
            .pods
            .insert(names::pod(member), Arc::new(pod));
    }

    /// The pod is gone, as after a deletion by the user.
    pub fn remove_pod(&mut self, member: &str) {
        self.observed
            .owned
            .pods
            .remove(&names::pod(member))
            .unwrap();
    }

    pub fn set_pod_status(&mut self, member: &str, status: Value) {
        let pod = self
            .observed
            .owned
            .pods
            .get_mut(&names::pod(member))
            .unwrap();
        Arc::make_mut(pod).status = Some(serde_json::from_value(status).unwrap());
    }

    pub fn member(&self, name: &str) -> &CassandraMember {
        &self.observed.owned.members[name]
    }

    pub fn member_status(&mut self, name: &str) -> &mut CassandraMemberStatus {
        let member = self.observed.owned.members.get_mut(name).unwrap();
        Arc::make_mut(member).status.get_or_insert_default()
    }

    pub fn rule_of(&self, member: &str) -> Option<Rule> {
        self.member(member).waiting().map(|waiting| waiting.rule)
    }

    /// Members that have joined, as their agents report.
    pub fn joined(&self) -> Vec<String> {
        let members = self.observed.owned.members.values();
        members
            .filter(|member| {
                member
                    .status
                    .as_ref()
                    .is_some_and(|s| s.bootstrapped.is_some())
            })
            .map(|member| member.name_any())
            .collect()
    }

    /// What the bootstrapper, Cassandra and the agent of one member do next.
    pub fn agent(&mut self, name: &str) {
        let member = self.member(name).clone();
        if !self.observed.owned.pods.contains_key(&names::pod(name)) {
            return;
        }
        let mut status = member.status.clone().unwrap_or_default();
        let mut volume = status.volume.clone().unwrap_or_default();
        status.refresh.clone_from(&member.spec.refresh);
        if member.spec.start.mode == StartMode::Hold {
            status.state = MemberState::Waiting;
            status.mode = None;
            status.ring_view.clear();
        } else {
            status.state = MemberState::Ready;
            status.mode = Some("NORMAL".into());
            status.host_id = Some(format!("host-of-{name}"));
            status.schema_version = Some("one".into());
            status.start_epoch = Some(member.spec.start.epoch);
            volume = VolumeStatus {
                cluster_uid: Some(member.spec.cluster.uid.clone()),
                member: Some(name.into()),
                host_id: status.host_id.clone(),
                joined: true,
                ..volume
            };
            let at = Time(Timestamp::UNIX_EPOCH);
            status
                .bootstrapped
                .get_or_insert(Bootstrapped { pvc_uid: None, at });
        }
        status.volume = Some(volume);
        *self.member_status(name) = status;
        self.gossip();
        let ready = self.member(name).status.as_ref().unwrap().state == MemberState::Ready;
        let ready = if ready { "True" } else { "False" };
        let running = json!({ "name": "cassandra", "image": "i", "imageID": "", "ready": true,
            "restartCount": 0, "state": { "running": {} } });
        let containers = if ready == "True" {
            json!([running])
        } else {
            json!([])
        };
        self.set_pod_status(
            name,
            json!({ "conditions": [{ "type": "Ready", "status": ready }],
                "containerStatuses": containers }),
        );
    }

    /// Everybody who is up sees everybody who has joined.
    fn gossip(&mut self) {
        let view: Vec<_> = self
            .observed
            .owned
            .members
            .values()
            .filter_map(|member| {
                let status = member.status.as_ref()?;
                status.bootstrapped.as_ref()?;
                let up = status.state == MemberState::Ready;
                Some(Peer {
                    host_id: status.host_id.clone()?,
                    address: member.name_any(),
                    state: if up { PeerState::Up } else { PeerState::Down },
                    schema: None,
                    datacenter: Some(member.spec.datacenter.clone()),
                    rack: Some(member.spec.rack.clone()),
                })
            })
            .collect();
        for name in self.joined() {
            let status = self.member_status(&name);
            if status.state == MemberState::Ready {
                status.ring_view.clone_from(&view);
            }
        }
    }

    pub fn condition(&self, type_: &str) -> bool {
        conditions::is_true(&self.status().conditions, type_)
    }
}

fn put<K>(
    objects: &mut BTreeMap<String, Arc<K>>,
    desired: &Desired,
    version: &str,
    finish: impl FnOnce(&mut Value),
) where
    K: Resource<DynamicType = ()> + Serialize + DeserializeOwned,
{
    let live = objects.get(&desired.name);
    let mut object = desired.object.clone();
    finish(&mut object);
    let status = live.map(|live| serde_json::to_value(&**live).unwrap()["status"].take());
    let uid = match (&desired.existing, live) {
        (Existing::Absent, None) => format!("{:?}-{version}", desired.kind),
        (
            Existing::Differs {
                uid,
                resource_version,
            },
            Some(live),
        ) => {
            assert_eq!(Some(uid), live.uid().as_ref());
            if let Some(version) = resource_version {
                assert_eq!(Some(version), live.resource_version().as_ref());
            }
            uid.clone()
        }
        (
            Existing::Altered {
                uid,
                resource_version,
            },
            Some(live),
        ) => {
            assert_eq!(Some(uid), live.uid().as_ref());
            assert_eq!(Some(resource_version), live.resource_version().as_ref());
            uid.clone()
        }
        (existing, _) => panic!("{}: the plan says {existing:?}", desired.name),
    };
    object["metadata"]["uid"] = json!(uid);
    object["metadata"]["resourceVersion"] = json!(version);
    object["metadata"]["namespace"] = json!("shop");
    // As Kubernetes counts: every write of ours changes a spec.
    let generation = live.map_or(0, |live| live.meta().generation.unwrap_or_default());
    object["metadata"]["generation"] = json!(generation + 1);
    if let Some(status) = status.filter(|status| !status.is_null()) {
        object["status"] = status;
    }
    objects.insert(
        desired.name.clone(),
        Arc::new(serde_json::from_value(object).unwrap()),
    );
}
