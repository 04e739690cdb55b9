//! One run: a Kubernetes with three zones and the operator's manifests, Cassandra, controllers that come and go, a user.

mod controllers;
mod landscape;
mod time;
mod user;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use cassandra_api::{
    labels::MANAGED_BY,
    v1alpha1::{CassandraCluster, CassandraMember, MemberState},
};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use serde_json::Value;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep},
};

pub use self::controllers::OPERATOR_IMAGE;
use self::{
    controllers::{Controller, RESTART, Starter},
    landscape::landscape,
    time::{Skew, Watch},
};
use crate::{
    actors::{self, Delays, Environment},
    faults::{Command, FaultInjector, InjectedFaults, Plan},
    json::At as _,
    kubernetes::{Options, Server, SimulatedClock, User},
    oracles::Oracles,
    ring::{Pace, Ring},
};

/// The namespace that scenarios play in.
pub const NAMESPACE: &str = "shop";
/// The kinds that the operator owns.
const OWNED: [(&str, &str); 9] = [
    ("cassandra-operator.rs/v1alpha1", "CassandraMember"),
    ("apps/v1", "StatefulSet"),
    ("v1", "Service"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "ConfigMap"),
    ("v1", "ServiceAccount"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("policy/v1", "PodDisruptionBudget"),
];
/// The API server whose cache can be old.
const OLD: usize = 1;

/// What was awaited and did not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It did not come in time.
    #[error("waited {seconds} s for {what}; at the end: {seen}")]
    Late {
        /// What was awaited.
        what: String,
        /// How long.
        seconds: u64,
        /// What was there instead.
        seen: String,
    },
    /// The API server refused what the user did.
    #[error("refused: {0}")]
    Refused(String),
    /// It is not as it must be.
    #[error("{0}")]
    Wrong(String),
}

/// One run.
pub struct Simulation {
    /// The API server.
    pub server: Server,
    /// Cassandra.
    pub ring: Ring,
    /// What must never happen.
    pub oracles: Arc<Oracles>,
    faults: Arc<FaultInjector>,
    environment: Arc<Environment>,
    clock: SimulatedClock,
    skew: Skew,
    controllers: Arc<Mutex<BTreeMap<String, Controller>>>,
    user: Client,
    tasks: JoinSet<()>,
}

impl Simulation {
    /// Everything but a controller.
    pub fn new(seed: u64) -> Self {
        let clock = SimulatedClock::default();
        let (tell, commands) = mpsc::unbounded_channel();
        let ring = Ring::new(seed, Pace::default());
        let oracles = Arc::new(Oracles::new(ring.clone()));
        let faults = Arc::new(FaultInjector::new(tell, oracles.clone()));
        let server = Server::new(Options {
            seed,
            clock: Arc::new(clock),
            faults: faults.clone(),
            observer: Some(oracles.clone()),
            ..Options::default()
        });
        oracles.watch(&server);
        server.install_operator();
        for object in landscape() {
            server.put(object);
        }
        let skew = Skew::default();
        let watch = Watch {
            clock,
            skew: skew.clone(),
            component: "agents".into(),
        };
        let environment = Arc::new(Environment::new(ring.clone(), Arc::new(watch)));
        let mut simulation = Self {
            user: server.connect("user", User::administrator()).client(),
            tasks: actors::start(&server, &environment, Delays::default()),
            server,
            ring,
            oracles,
            faults,
            environment,
            clock,
            skew,
            controllers: Arc::default(),
        };
        simulation.supervise(commands);
        simulation.begin_traffic();
        simulation
    }

    /// From now on things go wrong by this plan.
    pub fn begin(&self, plan: InjectedFaults) {
        if let InjectedFaults::Planned(Plan::Swarm(swarm)) = &plan {
            self.skew.begin(swarm.seed);
            self.oracles.storm();
        }
        self.faults.begin(plan);
    }

    /// How many faults there were.
    pub fn faults(&self) -> u64 {
        self.faults.faults()
    }

    /// Carries out what faults ask for. What crashes is started again, as Kubernetes does.
    fn supervise(&mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let starter = self.starter();
        let environment = self.environment.clone();
        let server = self.server.clone();
        self.tasks.spawn(async move {
            while let Some(command) = commands.recv().await {
                let (component, crash) = match command {
                    Command::Crash(component) => (component, true),
                    Command::Stale {
                        component,
                        lasting,
                        crash,
                    } => {
                        server.hold(OLD);
                        server.route(&component, OLD);
                        let server = server.clone();
                        tokio::spawn(async move {
                            sleep(lasting).await;
                            server.release(OLD);
                        });
                        (component, crash)
                    }
                };
                if !crash {
                    continue;
                }
                if let Some(member) = component.strip_prefix("agent of ") {
                    environment.kill_agent(member);
                } else {
                    starter.kill(&component);
                    let starter = starter.clone();
                    tokio::spawn(async move {
                        sleep(RESTART).await;
                        starter.start(&component);
                    });
                }
            }
        });
    }

    /// A client writes all the time, and somebody looks at what is told.
    fn begin_traffic(&mut self) {
        let (ring, oracles) = (self.ring.clone(), self.oracles.clone());
        self.tasks.spawn(async move {
            loop {
                sleep(Duration::from_secs(7)).await;
                ring.write();
                oracles.look();
            }
        });
    }

    fn starter(&self) -> Starter {
        Starter {
            server: self.server.clone(),
            clock: self.clock,
            skew: self.skew.clone(),
            controllers: self.controllers.clone(),
        }
    }

    /// Starts a controller of this name.
    pub fn start_controller(&self, name: &str) {
        self.starter().start(name);
    }

    /// Kills it: none of its tasks takes another step.
    pub fn kill_controller(&self, name: &str) {
        self.starter().kill(name);
    }

    /// Controllers that run and are not ready.
    pub fn unready_controllers(&self) -> Vec<String> {
        let controllers = self
            .controllers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let runs = |controller: &Controller| {
            !controller.stop.is_cancelled() && !controller.ready.load(Ordering::Relaxed)
        };
        let unready = controllers
            .iter()
            .filter(|(_, controller)| runs(controller));
        unready.map(|(name, _)| name.clone()).collect()
    }

    /// Tells it to stop, as SIGTERM does.
    pub fn stop_controller(&self, name: &str) {
        let controllers = self
            .controllers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(controller) = controllers.get(name) {
            controller.stop.cancel();
        }
    }

    /// What can and can't be pulled.
    pub fn image_is_there(&self, image: &str, there: bool) {
        self.environment.image_is_there(image, there);
    }

    /// The machine of a node goes off, with all that runs on it, or on again.
    pub fn power(&self, node: &str, on: bool) {
        self.environment.power(node, on);
        self.server.tell_news();
    }

    /// The node that a pod is on.
    pub fn node_of(&self, pod: &str) -> Result<String, Failure> {
        let pod = self.pod(pod);
        let node = pod.and_then(|pod| pod.spec?.node_name);
        node.ok_or_else(|| Failure::Wrong("the pod has no node".into()))
    }

    /// A pod as it is.
    pub fn pod(&self, name: &str) -> Option<Pod> {
        let object = self.server.get("v1", "Pod", NAMESPACE, name)?;
        serde_json::from_value(object.value().clone()).ok()
    }

    /// Lets time pass.
    pub async fn pass(&self, time: Duration) {
        sleep(time).await;
    }

    /// Waits until something holds, in the simulation's time. The look says what it sees instead.
    pub async fn until(
        &self,
        what: &str,
        limit: Duration,
        look: impl Fn(&Self) -> Result<(), String>,
    ) -> Result<(), Failure> {
        let (started, mut looked) = (Instant::now(), None);
        let mut seen = String::new();
        loop {
            // What is looked at changes with a write; nodes too, since their agents report them.
            let now = self.server.head();
            if looked.replace(now) != Some(now) {
                match look(self) {
                    Ok(()) => return Ok(()),
                    Err(other) => seen = other,
                }
            }
            if started.elapsed() > limit {
                let (what, seconds) = (what.to_owned(), limit.as_secs());
                return Err(Failure::Late {
                    what,
                    seconds,
                    seen,
                });
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// Waits until a cluster has so many ready members, and says so itself.
    pub async fn until_ready(&self, cluster: &str, members: usize) -> Result<(), Failure> {
        let what = format!("{members} ready members of {cluster}");
        self.until(&what, Duration::from_hours(1), |now| {
            let found = now.members(cluster);
            let state = |member: &CassandraMember| {
                member
                    .status
                    .as_ref()
                    .map(|status| status.state)
                    .unwrap_or_default()
            };
            let ready = found
                .values()
                .filter(|member| state(member) == MemberState::Ready)
                .count();
            let told = now
                .cluster(cluster)
                .and_then(|c| c.status?.ready_members)
                .unwrap_or(0);
            if ready == members && usize::try_from(told) == Ok(members) {
                return Ok(());
            }
            let seen = found.iter().map(|(name, member)| {
                let waiting = member.waiting().map(|waiting| waiting.message);
                format!(
                    "{name} {} {}",
                    state(member).as_str(),
                    waiting.unwrap_or_default()
                )
            });
            Err(format!(
                "{told} told; {}",
                seen.collect::<Vec<_>>().join(", ")
            ))
        })
        .await
    }

    /// What the operator owns, by kind and name.
    pub fn owned(&self) -> BTreeSet<(String, String)> {
        let mut owned = BTreeSet::new();
        for (version, kind) in OWNED {
            for object in self.server.list(version, kind) {
                let object = object.value();
                let ours = object
                    .at("/metadata/labels")
                    .and_then(|labels| labels.get(MANAGED_BY));
                if ours.and_then(Value::as_str) == Some("cassandra-operator") {
                    let name = object.at("/metadata/name").and_then(Value::as_str);
                    owned.insert((kind.to_owned(), name.unwrap_or_default().to_owned()));
                }
            }
        }
        owned
    }

    /// What there is in the end, in words that are the same for every run that ended the same: what is owned, and how
    /// clusters and members say that they are.
    pub fn end(&self) -> String {
        let mut lines: Vec<_> = self
            .owned()
            .into_iter()
            .map(|(kind, name)| format!("{kind} {name}"))
            .collect();
        for object in self
            .server
            .list("cassandra-operator.rs/v1alpha1", "CassandraCluster")
        {
            let object: Option<CassandraCluster> =
                serde_json::from_value(object.value().clone()).ok();
            let status = object
                .and_then(|cluster| cluster.status)
                .unwrap_or_default();
            let conditions = status
                .conditions
                .iter()
                .map(|c| format!("{}={}", c.type_, c.status));
            let conditions: Vec<_> = conditions.collect();
            lines.push(format!(
                "{:?} {:?} {}",
                status.phase,
                status.ready_members,
                conditions.join(" ")
            ));
            lines.extend(
                status
                    .blocked
                    .iter()
                    .map(|blocked| format!("blocked {:?}", blocked.rule)),
            );
        }
        lines.join("\n")
    }

    /// A cluster as it is.
    pub fn cluster(&self, name: &str) -> Option<CassandraCluster> {
        let object = self.server.get(
            "cassandra-operator.rs/v1alpha1",
            "CassandraCluster",
            NAMESPACE,
            name,
        )?;
        serde_json::from_value(object.value().clone()).ok()
    }

    /// A cluster's members as they are, by name.
    pub fn members(&self, cluster: &str) -> BTreeMap<String, CassandraMember> {
        let all = self
            .server
            .list("cassandra-operator.rs/v1alpha1", "CassandraMember")
            .into_iter();
        let all = all.filter_map(|object| {
            serde_json::from_value::<CassandraMember>(object.value().clone()).ok()
        });
        all.filter(|member| member.spec.cluster.name == cluster)
            .map(|member| (member.metadata.name.clone().unwrap_or_default(), member))
            .collect()
    }
}
