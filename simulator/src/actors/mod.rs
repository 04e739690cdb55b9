//! What else acts on a Kubernetes cluster. Each actor looks at what there is when something has changed, after a delay
//! of its own, and writes as a component of its own.
#![allow(
    clippy::indexing_slicing,
    reason = "of JSON, where what is missing is null"
)]

mod agent;
mod bootstrapper;
mod component_client;
mod disruption;
mod endpoints;
mod garbage_collector;
mod kubelet;
mod namespaces;
mod nodes;
mod pod;
mod pod_status;
mod scheduler;
mod stateful_sets;
mod volumes;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::broadcast,
    task::JoinSet,
    time::{Instant, sleep},
};

use self::{component_client::ComponentClient, kubelet::Kubelet};
use crate::{
    kubernetes::{Server, User},
    ring::Ring,
};

/// How long after a change each actor looks.
#[derive(Clone, Copy, Debug)]
pub struct Delays {
    /// The StatefulSet controller.
    pub stateful_sets: Duration,
    /// The scheduler.
    pub scheduler: Duration,
    /// The kubelets.
    pub kubelet: Duration,
    /// Provisioner and binder.
    pub volumes: Duration,
    /// The node lifecycle controller (`--node-monitor-period`).
    pub nodes: Duration,
    /// Everybody else.
    pub others: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            stateful_sets: Duration::from_millis(120),
            scheduler: Duration::from_millis(60),
            kubelet: Duration::from_millis(210),
            volumes: Duration::from_millis(160),
            nodes: Duration::from_secs(5),
            others: Duration::from_millis(500),
        }
    }
}

/// What pods run in.
pub struct Environment {
    /// Cassandra.
    pub ring: Ring,
    /// The time that agents write.
    pub clock: Arc<dyn member_agent::clock::Clock>,
    /// How long a container takes to start.
    pub container_start: Duration,
    addresses: AtomicU32,
    lacking_images: Mutex<BTreeSet<String>>,
    /// Machines that are off, by the names of their nodes, and since when.
    off: Mutex<BTreeMap<String, Instant>>,
    killed: broadcast::Sender<String>,
}

impl Environment {
    /// With every image there.
    pub fn new(ring: Ring, clock: Arc<dyn member_agent::clock::Clock>) -> Self {
        Self {
            ring,
            clock,
            container_start: Duration::from_secs(1),
            addresses: AtomicU32::new(1),
            lacking_images: Mutex::default(),
            off: Mutex::default(),
            killed: broadcast::Sender::new(64),
        }
    }

    /// An image can't be pulled, or can again.
    pub fn image_is_there(&self, image: &str, there: bool) {
        let mut lacking = self
            .lacking_images
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if there {
            lacking.remove(image);
        } else {
            lacking.insert(image.to_owned());
        }
    }

    /// The agent of a member dies, and is started again.
    pub fn kill_agent(&self, member: &str) {
        // Without agents nobody listens.
        drop(self.killed.send(member.to_owned()));
    }

    /// The machine of a node goes off, with all that runs on it, or on again.
    pub fn power(&self, node: &str, on: bool) {
        let mut off = self.off();
        if on {
            off.remove(node);
        } else {
            off.insert(node.to_owned(), Instant::now());
        }
    }

    fn is_on(&self, node: &str) -> bool {
        self.off_since(node).is_none()
    }

    fn off_since(&self, node: &str) -> Option<Instant> {
        self.off().get(node).copied()
    }

    fn off(&self) -> MutexGuard<'_, BTreeMap<String, Instant>> {
        self.off.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lacks_image(&self, image: &str) -> bool {
        self.lacking_images
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(image)
    }

    fn next_address(&self) -> IpAddr {
        pod::address(self.addresses.fetch_add(1, Ordering::Relaxed))
    }
}

/// Starts all actors. They end with the set.
pub fn start(server: &Server, environment: &Arc<Environment>, delays: Delays) -> JoinSet<()> {
    let mut actors = JoinSet::new();
    let client = |component| ComponentClient::new(server, component, User::administrator());
    let sets = client("StatefulSet controller");
    actors.spawn(follow(server.clone(), delays.stateful_sets, move || {
        stateful_sets::step(&sets);
    }));
    let scheduling = client("scheduler");
    actors.spawn(follow(server.clone(), delays.scheduler, move || {
        scheduler::step(&scheduling);
    }));
    let (binding, ring) = (client("volume binder"), environment.ring.clone());
    actors.spawn(follow(server.clone(), delays.volumes, move || {
        volumes::step(&binding, &ring);
    }));
    let (living, pods) = (client("kubelet"), environment.clone());
    let mut kubelet = Kubelet::default();
    actors.spawn(follow(server.clone(), delays.kubelet, move || {
        kubelet.step(&living, &pods);
    }));
    let collecting = ComponentClient::new(server, "garbage collector", garbage_collector::user());
    actors.spawn(follow(server.clone(), delays.others, move || {
        garbage_collector::step(&collecting);
    }));
    let disrupting = client("disruption controller");
    actors.spawn(follow(server.clone(), delays.others, move || {
        disruption::step(&disrupting);
    }));
    let addressing = client("EndpointSlice controller");
    actors.spawn(follow(server.clone(), delays.others, move || {
        endpoints::step(&addressing);
    }));
    let (monitoring, machines) = (client("node lifecycle controller"), environment.clone());
    actors.spawn(keep_on(server.clone(), delays.nodes, move || {
        nodes::step(&monitoring, &machines)
    }));
    let emptying = ComponentClient::new(server, "namespace controller", namespaces::user());
    actors.spawn(keep_on(server.clone(), delays.others, move || {
        namespaces::step(&emptying)
    }));
    actors
}

/// Takes a step after every change, once for all changes within the delay.
async fn follow(server: Server, delay: Duration, mut step: impl FnMut() + Send) {
    let step = || {
        step();
        false
    };
    keep_on(server, delay, step).await;
}

/// The same, and after the delay without a change too while a step tells that there is more to do.
async fn keep_on(server: Server, delay: Duration, mut step: impl FnMut() -> bool + Send) {
    let mut news = server.follow_news();
    loop {
        news.now();
        if !step() {
            news.changed().await;
        }
        sleep(delay).await;
    }
}
