//! What the agent of one pod can ask: its node, and its disk.

use std::time::Duration;

use cassandra_api::{testing::agent, v1alpha1::Replication};
use cassandra_management::{Error, Keyspaces, NodeFacts, marker::Marker};
use member_agent::{
    operation::journal::Journal,
    reading::{Observe, Operate},
    volume::{self, Volume as AgentVolume},
};
use tokio::time::{Instant, sleep};

use super::{Mode, Process, Ring, since};

/// How long the management client waits.
const LIMIT: Duration = Duration::from_secs(5);

/// A node's management interface, as its own pod reaches it.
#[derive(Clone, Debug)]
pub struct Management {
    ring: Ring,
    pod: String,
}

/// A member's volume and configuration file.
#[derive(Clone, Debug)]
pub struct Disk {
    ring: Ring,
    pod: String,
    volume: String,
}

impl Ring {
    /// The management interface of whatever runs in a pod.
    pub fn management(&self, pod: &str) -> Management {
        Management {
            ring: self.clone(),
            pod: pod.into(),
        }
    }

    /// The disk of a pod.
    pub fn disk(&self, pod: &str, volume: &str) -> Disk {
        Disk {
            ring: self.clone(),
            pod: pod.into(),
            volume: volume.into(),
        }
    }
}

impl Management {
    /// Flushes and stops taking requests. Whether there was anybody to do it.
    pub fn drain(&self) -> bool {
        let mut world = self.ring.world();
        let found = world
            .processes
            .values_mut()
            .find(|process| process.pod == self.pod);
        let Some(process) = found.filter(|process| process.mode == Mode::Normal) else {
            return false;
        };
        process.mode = Mode::Drained;
        process.native_transport = false;
        let process = process.clone();
        world.silence(&process);
        true
    }

    /// The process and its address, if it answers.
    async fn process(&self) -> Result<(String, Process), Error> {
        let endpoint = || self.pod.clone();
        let found = {
            let world = self.ring.world();
            let mut all = world.processes.iter();
            let found = all.find(|(_, process)| process.pod == self.pod);
            found.map(|(address, process)| (address.clone(), process.clone()))
        };
        match found {
            Some((_, process)) if process.hangs => {
                sleep(LIMIT).await;
                Err(Error::Timeout {
                    endpoint: endpoint(),
                    limit: LIMIT,
                })
            }
            Some(found) if found.1.answers_from <= Instant::now() => Ok(found),
            Some(_) | None => Err(Error::Refused {
                endpoint: endpoint(),
            }),
        }
    }
}

impl Observe for Management {
    async fn facts(&self) -> Result<NodeFacts, Error> {
        let (address, process) = self.process().await?;
        let world = self.ring.world();
        if since(process.answers_from) < world.pace.first_words {
            return Ok(NodeFacts::default());
        }
        let place = process
            .ring
            .and_then(|ring| world.rings.get(ring)?.get(&process.host_id));
        let normal = process.mode == Mode::Normal;
        Ok(NodeFacts {
            mode: Some(process.mode.as_str().to_owned().into()),
            host_id: Some(process.host_id.clone()),
            release_version: Some(process.version.clone()),
            schema_version: place.map(|place| place.schema.clone()),
            tokens: if normal {
                vec![process.host_id.clone()]
            } else {
                Vec::new()
            },
            native_transport: process.native_transport,
            load_bytes: Some(0),
            ring: world.view(&address, &process),
            missing: Vec::new(),
        })
    }

    async fn replication(&self) -> Result<Vec<Replication>, Error> {
        self.process().await?;
        Ok(agent::replication())
    }
}

/// Keyspaces of every node: two that it keeps for itself, and two that are the ring's.
const KEYSPACES: [&str; 4] = ["system", "system_schema", "system_auth", "shop"];

impl Operate for Management {
    async fn keyspaces(&self) -> Result<Keyspaces, Error> {
        self.process().await?;
        let names = |from: usize| KEYSPACES.iter().skip(from).map(|name| (*name).into());
        Ok(Keyspaces {
            all: names(0).collect(),
            replicated: names(2).collect(),
        })
    }

    /// At once: what is acknowledged is on the volume here anyway.
    async fn flush(&self, keyspace: &str) -> Result<(), Error> {
        self.process().await?;
        if KEYSPACES.contains(&keyspace) {
            return Ok(());
        }
        Err(Error::Java {
            call: "forceKeyspaceFlush",
            class: "java.lang.IllegalArgumentException".into(),
            message: format!("Keyspace [{keyspace}] does not exist."),
        })
    }

    async fn reload_seeds(&self) -> Result<Vec<String>, Error> {
        self.process().await?;
        let mut world = self.ring.world();
        let seeds = world
            .configured_seeds
            .get(&self.pod)
            .cloned()
            .unwrap_or_default();
        if let Some(process) = world
            .processes
            .values_mut()
            .find(|process| process.pod == self.pod)
        {
            process.seeds.clone_from(&seeds);
        }
        Ok(seeds)
    }
}

impl AgentVolume for Disk {
    async fn load(&self) -> Result<Option<Marker>, volume::Error> {
        Ok(self.ring.volume(&self.volume).marker)
    }

    async fn store(&self, marker: Marker) -> Result<(), volume::Error> {
        self.ring.store_marker(&self.volume, marker);
        Ok(())
    }

    async fn set_seeds(&self, seeds: Vec<String>) -> Result<(), volume::Error> {
        self.ring.configure_seeds(&self.pod, seeds);
        Ok(())
    }

    async fn load_journal(&self) -> Result<Option<Journal>, volume::Error> {
        Ok(self.ring.volume(&self.volume).journal)
    }

    async fn store_journal(&self, journal: Journal) -> Result<(), volume::Error> {
        self.ring.store_journal(&self.volume, journal);
        Ok(())
    }
}
