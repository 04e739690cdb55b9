//! Acknowledged writes. A client writes at QUORUM and later reads at QUORUM: what was acknowledged must be there,
//! unless so many volumes were destroyed that no operator could help.

use std::collections::BTreeMap;

use super::{
    Mode, Ring, World,
    placement::{QUORUM, REPLICAS, replicas},
};

/// Writes of all clients.
#[derive(Clone, Debug, Default)]
pub(super) struct Data {
    /// Acknowledged writes, with the number of their ring.
    acknowledged: BTreeMap<u32, usize>,
    next: u32,
    /// Volumes with data that were destroyed from outside, by the number of their ring.
    pub(super) volumes_lost: BTreeMap<usize, usize>,
}

/// What came of reading everything back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Writes that were acknowledged.
    pub acknowledged: usize,
    /// Of them, those that some quorum of replicas does not have.
    pub lost: usize,
}

impl Ring {
    /// Writes at QUORUM through any node that serves. Whether it was acknowledged.
    pub fn write(&self) -> bool {
        let mut world = self.world();
        let serving = world
            .processes
            .values()
            .find(|process| process.native_transport);
        let Some(ring) = serving.and_then(|process| process.ring) else {
            return false;
        };
        let number = world.data.next;
        world.data.next += 1;
        let live = world.live_replicas(ring, number, false);
        if live.len() < QUORUM {
            return false;
        }
        // Nodes that bootstrap get what is written meanwhile.
        for volume in world.live_replicas(ring, number, true) {
            world
                .volumes
                .entry(volume)
                .or_default()
                .writes
                .insert(number);
        }
        world.data.acknowledged.insert(number, ring);
        true
    }

    /// Whether every acknowledged write would be read at QUORUM, whichever replicas answer.
    pub fn read_all(&self) -> Reading {
        let world = self.world();
        let lost = world.data.acknowledged.iter().filter(|(write, ring)| {
            let volumes_lost = world.data.volumes_lost.get(*ring).copied().unwrap_or(0);
            let holders = world.holders(**ring, **write);
            volumes_lost < QUORUM && holders + QUORUM <= REPLICAS
        });
        Reading {
            acknowledged: world.data.acknowledged.len(),
            lost: lost.count(),
        }
    }
}

impl World {
    /// Volumes of the replicas of a write that run and take it.
    fn live_replicas(&self, ring: usize, write: u32, with_joining: bool) -> Vec<String> {
        let Some(places) = self.rings.get(ring) else {
            return Vec::new();
        };
        let takes = |mode| matches!(mode, Mode::Normal | Mode::Joining);
        let mut chosen = replicas(places, write, with_joining);
        if with_joining {
            chosen.extend(replicas(places, write, false));
            chosen.sort();
            chosen.dedup();
        }
        chosen
            .iter()
            .filter_map(|host_id| self.process_of(host_id))
            .filter(|process| takes(process.mode) && !process.hangs)
            .map(|process| process.volume.clone())
            .collect()
    }

    /// How many replicas of a write have it on their volume, whether they run or not.
    fn holders(&self, ring: usize, write: u32) -> usize {
        let Some(places) = self.rings.get(ring) else {
            return 0;
        };
        let chosen = replicas(places, write, false);
        let has = |host_id: &&String| {
            self.volumes.values().any(|volume| {
                volume
                    .system
                    .as_ref()
                    .is_some_and(|system| system.host_id == **host_id)
                    && volume.writes.contains(&write)
            })
        };
        chosen.iter().filter(has).count()
    }

    /// A node that has bootstrapped holds what its ranges hold, from replicas that run.
    pub(super) fn stream(&mut self, ring: usize, host_id: &str, volume: &str) {
        let Some(places) = self.rings.get(ring) else {
            return;
        };
        let mut streamed = Vec::new();
        for (&write, _) in self.data.acknowledged.iter().filter(|(_, of)| **of == ring) {
            if !replicas(places, write, true)
                .iter()
                .any(|replica| replica == host_id)
            {
                continue;
            }
            let sources = replicas(places, write, false);
            let source = sources
                .iter()
                .filter_map(|source| self.process_of(source))
                .any(|process| {
                    let volume = self.volumes.get(&process.volume);
                    process.mode == Mode::Normal
                        && volume.is_some_and(|v| v.writes.contains(&write))
                });
            if source {
                streamed.push(write);
            }
        }
        self.volumes
            .entry(volume.to_owned())
            .or_default()
            .writes
            .extend(streamed);
    }
}
