//! Cassandra as the operator meets it: nodes that start, found a ring or join it, see each other with a delay, hold
//! acknowledged writes on their volumes, and stop. The agent's and the bootstrapper's own code runs against it.
//!
//! * `node`: a process and its modes; `start`: what Cassandra does between its start and its place in the ring;
//! * `gossip`: what one node knows of another, and how late; `placement`: who holds which range;
//! * `data`: acknowledged writes, as sets on volumes; `volume`: what outlives a process;
//! * `management`: what the agent can ask.
//!
//! What Cassandra does wrong when it is told wrong is modelled as well: a node that is its own seed begins another ring,
//! one whose seeds are in a ring takes its place without streaming, two that bootstrap at once get in each other's way.
//! What must never come of it is on record in [`Ring::violations`].

mod data;
mod gossip;
mod management;
mod node;
mod placement;
mod start;
mod volume;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use tokio::time::Instant;

pub use data::Reading;
pub use management::{Disk, Management};
pub use node::{Mode, Process};
pub use start::{Exit, Start};
pub use volume::{System, Volume};

use data::Data;
use gossip::Place;

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From the start of the process until its management interface answers.
    pub management: Duration,
    /// From then until it has a mode to tell and knows who is in its ring.
    pub first_words: Duration,
    /// From its management interface's first answer until it has talked to its seeds. It begins to gossip half way.
    pub gossip: Duration,
    /// How long a bootstrap waits before it streams (`cassandra.ring_delay_ms`).
    pub ring_delay: Duration,
    /// How long it streams.
    pub streaming: Duration,
    /// How long a node that was in the ring takes its place again.
    pub rejoining: Duration,
    /// From its place in the ring until it serves CQL.
    pub native_transport: Duration,
    /// The longest until another node has heard that one is up.
    pub heard_up: Duration,
    /// The longest until another node holds one for down.
    pub heard_down: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            management: Duration::from_secs(4),
            first_words: Duration::from_secs(2),
            gossip: Duration::from_secs(6),
            ring_delay: Duration::from_secs(30),
            streaming: Duration::from_secs(10),
            rejoining: Duration::from_secs(1),
            native_transport: Duration::from_secs(2),
            heard_up: Duration::from_secs(3),
            heard_down: Duration::from_secs(20),
        }
    }
}

/// All nodes and volumes of one simulation.
#[derive(Clone, Debug)]
pub struct Ring(Arc<Mutex<World>>);

/// What there is, behind the lock. Nothing waits while it is held.
#[derive(Debug)]
struct World {
    pace: Pace,
    random: ChaCha8Rng,
    /// Processes that run, by the address that others know them by.
    processes: BTreeMap<String, Process>,
    /// What outlives processes, by the UID of a claim or of a pod with an emptyDir.
    volumes: BTreeMap<String, Volume>,
    /// Rings by number: there should be one for each cluster. Places by host id.
    rings: Vec<BTreeMap<String, Place>>,
    /// Seeds in the configuration files of pods, by the pod's UID.
    configured_seeds: BTreeMap<String, Vec<String>>,
    data: Data,
    violations: Vec<String>,
}

impl Ring {
    /// No node and no volume yet.
    pub fn new(seed: u64, pace: Pace) -> Self {
        Self(Arc::new(Mutex::new(World {
            pace,
            random: ChaCha8Rng::seed_from_u64(seed),
            processes: BTreeMap::new(),
            volumes: BTreeMap::new(),
            rings: Vec::new(),
            configured_seeds: BTreeMap::new(),
            data: Data::default(),
            violations: Vec::new(),
        })))
    }

    /// What must never happen and did, in the order in which it did.
    pub fn violations(&self) -> Vec<String> {
        self.world().violations.clone()
    }

    /// How many rings there are. More than one for a cluster is a split brain.
    pub fn rings(&self) -> usize {
        self.world().rings_on_volumes().count()
    }

    /// The modes of the nodes that run, by address.
    pub fn modes(&self) -> BTreeMap<String, Mode> {
        let world = self.world();
        let all = world.processes.iter();
        all.map(|(address, process)| (address.clone(), process.mode))
            .collect()
    }

    /// Whether the node in a pod is in its ring and serves CQL.
    pub fn serves(&self, pod: &str) -> bool {
        let world = self.world();
        let found = world.processes.values().find(|process| process.pod == pod);
        found.is_some_and(Process::serves)
    }

    /// The same for the node at an address.
    pub fn serves_at(&self, address: &str) -> bool {
        let world = self.world();
        let found = world.processes.get(address);
        found.is_some_and(Process::serves)
    }

    /// The seeds in the configuration of the node at an address, if one runs there.
    pub fn seeds_at(&self, address: &str) -> Option<Vec<String>> {
        let world = self.world();
        let pod = &world.processes.get(address)?.pod;
        world.configured_seeds.get(pod).cloned()
    }

    /// Host ids that are in a ring, with their addresses.
    pub fn members(&self) -> BTreeMap<String, String> {
        let world = self.world();
        let all = world.rings_on_volumes().flatten();
        all.map(|(host_id, place)| (host_id.clone(), place.address.clone()))
            .collect()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    fn uuid(&mut self) -> String {
        let (high, low) = (self.random.next_u64(), self.random.next_u64());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }

    fn violated(&mut self, what: String) {
        if !self.violations.contains(&what) {
            self.violations.push(what);
        }
    }

    /// Rings that some volume remembers: one whose volumes are all gone is no more.
    fn rings_on_volumes(&self) -> impl Iterator<Item = &BTreeMap<String, Place>> {
        let remembered = |number: usize| {
            let mut systems = self
                .volumes
                .values()
                .filter_map(|volume| volume.system.as_ref());
            systems.any(|system| system.ring == Some(number))
        };
        let all = self.rings.iter().enumerate();
        all.filter(move |(number, _)| remembered(*number))
            .map(|(_, ring)| ring)
    }

    /// The process of a host id, if it runs.
    fn process_of(&self, host_id: &str) -> Option<&Process> {
        let mut all = self.processes.values();
        all.find(|process| process.host_id == host_id)
    }
}

/// The time since an instant, none if it is to come.
fn since(at: Instant) -> Duration {
    Instant::now().saturating_duration_since(at)
}
