//! What Cassandra does between the start of its process and its place in the ring.

use std::fmt;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{Mode, Process, Ring, System, World, gossip::Place, placement::tokens};

/// How a process is started.
#[derive(Clone, Debug)]
pub struct Start {
    /// The member whose pod it is.
    pub member: String,
    /// The UID of that pod.
    pub pod: String,
    /// The address that others know it by.
    pub address: String,
    /// The volume that it opens.
    pub volume: String,
    /// Whether it opens it only with the lock on it.
    pub locks: bool,
    /// The seeds in its configuration.
    pub seeds: Vec<String>,
    /// Cassandra's `cluster_name`.
    pub cluster_name: String,
    /// Its datacenter.
    pub datacenter: String,
    /// Its rack.
    pub rack: String,
    /// The release.
    pub version: String,
}

/// Why a process ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Another process has the lock on the volume.
    VolumeLocked,
    /// The volume holds another cluster's data.
    WrongCluster,
    /// None of its seeds is in a ring and runs.
    NoSeeds,
    /// Somebody else bootstraps (`cassandra.consistent.rangemovement`).
    OthersJoin,
    /// The ring has another host id at its address.
    AddressTaken,
    /// A node whose ranges it would take does not run.
    NodesDown,
    /// Somebody killed it.
    Killed,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VolumeLocked => "another Cassandra runs on this volume",
            Self::WrongCluster => "Saved cluster name differs from the configured one",
            Self::NoSeeds => "Unable to gossip with any peers",
            Self::OthersJoin => "Other bootstrapping/leaving/moving nodes detected",
            Self::AddressTaken => "A node with this address already exists",
            Self::NodesDown => "Unable to find sufficient sources for streaming range",
            Self::Killed => "",
        })
    }
}

/// Ends a process with the task that it is: a process does not outlive its container.
struct Running<'a> {
    ring: &'a Ring,
    address: String,
    number: u64,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut world = self.ring.world();
        if world
            .processes
            .get(&self.address)
            .is_some_and(|process| process.number == self.number)
            && let Some(process) = world.processes.remove(&self.address)
        {
            world.silence(&process);
        }
    }
}

impl Ring {
    /// Runs Cassandra until it ends. Dropped earlier, its container was killed.
    pub async fn run(&self, start: Start) -> Exit {
        if start.locks && self.is_in_use(&start.volume) {
            return Exit::VolumeLocked;
        }
        let (_running, system) = self.begin(&start);
        let killed = self
            .world()
            .processes
            .get(&start.address)
            .map(|process| process.killed.clone())
            .unwrap_or_default();
        tokio::select! {
            biased;
            () = killed.cancelled() => Exit::Killed,
            exit = self.live(start, system) => exit,
        }
    }

    /// Kills the process of a member. Whether there was one.
    pub fn kill(&self, member: &str) -> bool {
        let world = self.world();
        let mut all = world.processes.values();
        let found = all.find(|process| process.member == member);
        found.map(|process| process.killed.cancel()).is_some()
    }

    async fn live(&self, start: Start, system: Option<System>) -> Exit {
        let pace = self.world().pace;
        sleep(pace.management).await;
        if system
            .as_ref()
            .is_some_and(|system| system.cluster_name != start.cluster_name)
        {
            return Exit::WrongCluster;
        }
        self.world().remember(&start);
        sleep(pace.gossip / 2).await;
        self.world().begin_to_gossip(&start);
        sleep(pace.gossip / 2).await;
        let start = Start {
            seeds: self.seeds(&start),
            ..start
        };
        let ring = match system.and_then(|system| system.ring) {
            Some(ring) => {
                self.world().takes_place_again(&start);
                sleep(pace.rejoining).await;
                ring
            }
            None => match self.join(&start).await {
                Ok(ring) => ring,
                Err(exit) => return exit,
            },
        };
        self.world().take_place(&start, ring);
        sleep(pace.native_transport).await;
        if let Some(process) = self.world().processes.get_mut(&start.address)
            && process.mode == Mode::Normal
        {
            process.native_transport = true;
        }
        std::future::pending().await
    }

    /// The seeds in the pod's configuration, or those that it was started with.
    fn seeds(&self, start: &Start) -> Vec<String> {
        let world = self.world();
        world
            .configured_seeds
            .get(&start.pod)
            .unwrap_or(&start.seeds)
            .clone()
    }

    /// The process is there; what it remembers from its volume.
    fn begin(&self, start: &Start) -> (Running<'_>, Option<System>) {
        let mut world = self.world();
        let number = rand_chacha::rand_core::Rng::next_u64(&mut world.random);
        let system = world
            .volumes
            .get(&start.volume)
            .and_then(|volume| volume.system.clone());
        let host_id = match &system {
            Some(system) => system.host_id.clone(),
            None => world.uuid(),
        };
        world.forbid_twins(start, &host_id);
        let process = Process {
            number,
            member: start.member.clone(),
            pod: start.pod.clone(),
            volume: start.volume.clone(),
            host_id,
            mode: Mode::Starting,
            ring: system.as_ref().and_then(|system| system.ring),
            seeds: start.seeds.clone(),
            native_transport: false,
            hangs: false,
            answers_from: Instant::now() + world.pace.management,
            gossips_from: None,
            version: start.version.clone(),
            killed: CancellationToken::new(),
        };
        world.processes.insert(start.address.clone(), process);
        let running = Running {
            ring: self,
            address: start.address.clone(),
            number,
        };
        (running, system)
    }

    /// A node that has no place yet founds a ring, or joins that of its seeds. Returns the ring's number.
    async fn join(&self, start: &Start) -> Result<usize, Exit> {
        let pace = self.world().pace;
        let found = self.world().ring_of_seeds(start);
        if start.seeds.contains(&start.address) {
            // A seed does not bootstrap: it takes its place at once, with nothing streamed.
            return Ok(self.world().place_of_a_seed(start, found));
        }
        let ring = found.ok_or(Exit::NoSeeds)?;
        self.world().begin_to_join(start, ring)?;
        sleep(pace.ring_delay).await;
        self.world().may_stream(start, ring)?;
        sleep(pace.streaming).await;
        let mut world = self.world();
        world.may_stream(start, ring)?;
        let host_id = world.host_id(start);
        world.stream(ring, &host_id, &start.volume);
        Ok(ring)
    }
}

impl World {
    /// Two processes on one volume, or with one host id, lose data whatever they do.
    fn forbid_twins(&mut self, start: &Start, host_id: &str) {
        let twins: Vec<_> = self
            .processes
            .iter()
            .filter(|(_, process)| process.volume == start.volume || process.host_id == host_id)
            .map(|(address, process)| {
                format!(
                    "S11: {} at {address} and {} run on one volume or host id",
                    process.member, start.member
                )
            })
            .collect();
        for twin in twins {
            self.violated(twin);
        }
        let of_another = self
            .volumes
            .get(&start.volume)
            .and_then(|volume| volume.system.clone());
        if let Some(system) = of_another.filter(|system| system.member != start.member) {
            self.violated(format!(
                "S10: {} starts on the data of {}",
                start.member, system.member
            ));
        }
    }

    /// The ring that a seed which runs is in.
    fn ring_of_seeds(&self, start: &Start) -> Option<usize> {
        let others = start.seeds.iter().filter(|seed| **seed != start.address);
        let mut rings = others
            .filter_map(|seed| self.processes.get(seed))
            .filter(|process| process.mode == Mode::Normal && !process.hangs)
            .filter_map(|process| process.ring);
        rings.next()
    }

    fn place_of_a_seed(&mut self, start: &Start, found: Option<usize>) -> usize {
        if let Some(ring) = found {
            self.violated(format!(
                "S13: {} was its own seed and joined without its data",
                start.member
            ));
            return ring;
        }
        let same =
            |system: &System| system.cluster_name == start.cluster_name && system.ring.is_some();
        if self
            .volumes
            .values()
            .filter_map(|volume| volume.system.as_ref())
            .any(same)
        {
            self.violated(format!("S12: {} began a second ring", start.member));
        }
        self.rings.push(std::collections::BTreeMap::new());
        self.rings.len() - 1
    }

    fn begin_to_join(&mut self, start: &Start, ring: usize) -> Result<(), Exit> {
        let host_id = self.host_id(start);
        let places = self.rings.get(ring).ok_or(Exit::NoSeeds)?;
        let others = || places.iter().filter(|(other, _)| **other != host_id);
        if others().any(|(_, place)| place.address == start.address) {
            return Err(Exit::AddressTaken);
        }
        if others().any(|(_, place)| !place.normal && place.up.0) {
            self.violated(format!(
                "S07: {} joined while another node did",
                start.member
            ));
            return Err(Exit::OthersJoin);
        }
        if others().any(|(_, place)| place.normal && !place.up.0) {
            return Err(Exit::NodesDown);
        }
        self.put(start, ring, false);
        Ok(())
    }

    fn may_stream(&self, start: &Start, ring: usize) -> Result<(), Exit> {
        let host_id = self.host_id(start);
        let places = self.rings.get(ring).ok_or(Exit::NoSeeds)?;
        let down = places
            .iter()
            .any(|(other, place)| *other != host_id && place.normal && !place.up.0);
        if down { Err(Exit::NodesDown) } else { Ok(()) }
    }

    /// A node writes who it is before it talks to anybody.
    fn remember(&mut self, start: &Start) {
        let host_id = self.host_id(start);
        let volume = self.volumes.entry(start.volume.clone()).or_default();
        volume.system.get_or_insert_with(|| System {
            host_id,
            ring: None,
            cluster_name: start.cluster_name.clone(),
            member: start.member.clone(),
        });
    }

    /// Others hear of a node that they know as soon as it gossips, before it has its place again.
    fn begin_to_gossip(&mut self, start: &Start) {
        let Some(process) = self.processes.get_mut(&start.address) else {
            return;
        };
        process.gossips_from = Some(Instant::now());
        let places = process.ring.and_then(|ring| self.rings.get_mut(ring));
        if let Some(place) = places.and_then(|places| places.get_mut(&process.host_id)) {
            place.turns(true);
        }
    }

    fn takes_place_again(&mut self, start: &Start) {
        if let Some(process) = self.processes.get_mut(&start.address) {
            process.mode = Mode::Joining;
        }
    }

    fn take_place(&mut self, start: &Start, ring: usize) {
        self.put(start, ring, true);
        let volume = self.volumes.get_mut(&start.volume);
        if let Some(system) = volume.and_then(|volume| volume.system.as_mut()) {
            system.ring = Some(ring);
        }
    }

    /// Notes how far a node is, for itself and in its ring.
    fn put(&mut self, start: &Start, ring: usize, normal: bool) {
        let now = Instant::now();
        let Some(process) = self.processes.get_mut(&start.address) else {
            return;
        };
        process.mode = if normal { Mode::Normal } else { Mode::Joining };
        process.ring = Some(ring);
        let host_id = process.host_id.clone();
        let Some(places) = self.rings.get_mut(ring) else {
            return;
        };
        let schema = places.values().next().map(|place| place.schema.clone());
        let tokens = tokens(&host_id);
        let place = places.entry(host_id).or_insert_with(|| Place {
            address: start.address.clone(),
            datacenter: start.datacenter.clone(),
            rack: start.rack.clone(),
            normal,
            known_from: now,
            up: (true, now),
            was_up: false,
            schema: schema.unwrap_or_else(|| "schema-1".into()),
            tokens,
        });
        place.normal |= normal;
        place.address.clone_from(&start.address);
        place.turns(true);
    }

    /// Others will notice that a process does not gossip any more. One that had no place yet leaves nothing behind.
    pub(super) fn silence(&mut self, process: &Process) {
        let Some(places) = process.ring.and_then(|ring| self.rings.get_mut(ring)) else {
            return;
        };
        if places
            .get(&process.host_id)
            .is_some_and(|place| !place.normal)
        {
            places.remove(&process.host_id);
        } else if let Some(place) = places.get_mut(&process.host_id) {
            place.turns(false);
        }
    }

    fn host_id(&self, start: &Start) -> String {
        self.processes
            .get(&start.address)
            .map(|process| process.host_id.clone())
            .unwrap_or_default()
    }
}
