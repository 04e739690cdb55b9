//! What outlives a process.

use std::collections::BTreeSet;

use cassandra_management::marker::Marker;
use member_agent::operation::journal::Journal;

use super::Ring;

/// A volume with the operator's marker and Cassandra's data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// The operator's marker.
    pub marker: Option<Marker>,
    /// The agent's journal of operations.
    pub journal: Option<Journal>,
    /// What Cassandra remembers of itself. None: it never started on this volume.
    pub system: Option<System>,
    /// The writes that it holds, by number.
    pub(super) writes: BTreeSet<u32>,
}

/// The system tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// The node's host id.
    pub host_id: String,
    /// The ring that it joined, None while it bootstraps.
    pub ring: Option<usize>,
    /// Cassandra's `cluster_name`.
    pub cluster_name: String,
    /// The member that it ran as first.
    pub member: String,
}

impl Ring {
    /// What is on a volume; a new one is empty.
    pub fn volume(&self, uid: &str) -> Volume {
        self.world().volumes.get(uid).cloned().unwrap_or_default()
    }

    /// Whether a process has a volume open.
    pub fn is_in_use(&self, uid: &str) -> bool {
        let world = self.world();
        let mut processes = world.processes.values();
        processes.any(|process| process.volume == uid)
    }

    /// Puts a marker on a volume.
    pub fn store_marker(&self, uid: &str, marker: Marker) {
        self.world()
            .volumes
            .entry(uid.to_owned())
            .or_default()
            .marker = Some(marker);
    }

    /// Puts a journal of operations on a volume.
    pub fn store_journal(&self, uid: &str, journal: Journal) {
        self.world()
            .volumes
            .entry(uid.to_owned())
            .or_default()
            .journal = Some(journal);
    }

    /// A volume goes, with all that is on it.
    pub fn destroy_volume(&self, uid: &str) {
        let mut world = self.world();
        let volume = world.volumes.remove(uid).unwrap_or_default();
        let ring = volume.system.and_then(|system| system.ring);
        if let Some(ring) = ring.filter(|_| !volume.writes.is_empty()) {
            *world.data.volumes_lost.entry(ring).or_default() += 1;
        }
    }

    /// Puts seeds into a pod's configuration file.
    pub fn configure_seeds(&self, pod: &str, seeds: Vec<String>) {
        self.world().configured_seeds.insert(pod.to_owned(), seeds);
    }
}
