//! A small world to decide in: plans are carried out on data, pods appear, and scripted agents do what their Members
//! say. No IO, no time that passes by itself.
//!
//! Only with the feature `testing`: the controller's tests play in it, and the simulator's states begin with what it
//! comes to. What others say is in [`cassandra_api::testing`]. What can't be fails the test.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "for tests"
)]

mod others;
mod writes;

use std::{collections::BTreeMap, sync::Arc};

use cassandra_api::{
    conditions,
    k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp},
    rules::Rule,
    testing,
    v1alpha1::{
        CassandraCluster, CassandraClusterStatus, CassandraMember, CassandraMemberStatus, Record,
        StartMode,
    },
};
use kube::ResourceExt as _;

use crate::cluster::{Observed, Owned, Plan, UserConfig, decide};

/// The cluster's name, which differs from the product's words, so that swapped values are seen.
pub const CLUSTER: &str = "orders";
/// The cluster's UID.
pub const CLUSTER_UID: &str = "cluster-uid";
/// The namespace.
pub const NAMESPACE: &str = "shop";
/// More passes than the controller needs to come to rest, and more turns than agents need.
const PASSES: usize = 50;
const TURNS: usize = 200;

/// A cluster with so many members in each rack, as the API server has it.
pub fn cluster(racks: &[(&str, i32)]) -> CassandraCluster {
    let mut cluster = testing::cluster(NAMESPACE, CLUSTER, racks);
    cluster.metadata.uid = Some(CLUSTER_UID.into());
    cluster.metadata.resource_version = Some("1".into());
    cluster.metadata.generation = Some(1);
    cluster
}

/// A cluster, what it owns, and what has been done.
#[derive(Debug)]
pub struct World {
    /// What the controller sees.
    pub observed: Observed,
    /// Every permit that was given: member and mode.
    pub permits: Vec<(String, StartMode)>,
    /// The last resource version.
    version: u64,
}

impl World {
    /// A cluster that owns nothing yet.
    pub fn new(cluster: CassandraCluster) -> Self {
        let observed = Observed {
            now: Time(Timestamp::UNIX_EPOCH),
            cluster: Arc::new(cluster),
            operator_image: "operator:1".into(),
            user_config: UserConfig::None,
            owned: Owned::default(),
            refused: Vec::new(),
            pods_refused: BTreeMap::new(),
        };
        Self {
            observed,
            permits: Vec::new(),
            version: 100,
        }
    }

    /// The cluster's status.
    pub fn status(&self) -> CassandraClusterStatus {
        self.observed.cluster.status.clone().unwrap_or_default()
    }

    /// The user changes the cluster.
    pub fn edit(&mut self, change: impl FnOnce(&mut CassandraCluster)) {
        let cluster = Arc::make_mut(&mut self.observed.cluster);
        change(cluster);
        cluster.metadata.generation = cluster.metadata.generation.map(|generation| generation + 1);
    }

    /// Something else than a plan changes what is on record.
    pub fn record(&mut self, change: impl FnOnce(&mut Record)) {
        let cluster = Arc::make_mut(&mut self.observed.cluster);
        change(&mut cluster.status.get_or_insert_default().record);
    }

    /// What the controller would do.
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
        for _ in 0..PASSES {
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
        for _ in 0..TURNS {
            self.settle();
            let before = self.observed.owned.members.clone();
            for name in before.keys() {
                self.agent(name);
            }
            if before == self.observed.owned.members {
                return;
            }
        }
        panic!("agents and controller do not come to rest");
    }

    /// The Member of this name.
    pub fn member(&self, name: &str) -> &CassandraMember {
        self.observed.owned.members.get(name).unwrap()
    }

    /// The status of the Member of this name, to change it.
    pub fn member_status(&mut self, name: &str) -> &mut CassandraMemberStatus {
        let member = self.observed.owned.members.get_mut(name).unwrap();
        Arc::make_mut(member).status.get_or_insert_default()
    }

    /// What a member waits for.
    pub fn rule_of(&self, member: &str) -> Option<Rule> {
        self.member(member).waiting().map(|waiting| waiting.rule)
    }

    /// Members that have joined, as their agents report.
    pub fn joined(&self) -> Vec<String> {
        let members = self.observed.owned.members.values();
        let has_joined = |member: &&Arc<CassandraMember>| {
            let status = member.status.as_ref();
            status.is_some_and(|status| status.bootstrapped.is_some())
        };
        members
            .filter(has_joined)
            .map(|member| member.name_any())
            .collect()
    }

    /// Whether the cluster has this condition.
    pub fn condition(&self, type_: &str) -> bool {
        conditions::is_true(&self.status().conditions, type_)
    }
}
