//! What nodes know of each other. A view is worked out when somebody asks for it: what has happened, if it is long
//! enough ago for this observer to have heard of it, else what was before.

use std::time::Duration;

use cassandra_api::v1alpha1::{Peer, PeerState};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{
    Mode, Process, Ring, World,
    placement::{TOKENS, Token},
    since,
};

/// A place in a ring.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) address: String,
    pub(super) datacenter: String,
    pub(super) rack: String,
    /// Whether it has finished bootstrapping.
    pub(super) normal: bool,
    /// When it was first heard of.
    pub(super) known_from: Instant,
    /// Whether its process runs and gossips, and since when that is so.
    pub(super) up: (bool, Instant),
    /// The same before that.
    pub(super) was_up: bool,
    pub(super) schema: String,
    pub(super) tokens: [Token; TOKENS],
}

impl Place {
    /// Notes that its process came or went.
    pub(super) fn turns(&mut self, up: bool) {
        if self.up.0 != up {
            self.was_up = self.up.0;
            self.up = (up, Instant::now());
        }
    }
}

impl Ring {
    /// Who of those in a ring does not see whom up. None: they all see each other.
    pub fn disagreement(&self) -> Option<String> {
        let world = self.world();
        let normal = |process: &&Process| process.mode == Mode::Normal;
        let found = world.processes.values().filter(normal).find_map(|process| {
            let places = process.ring.and_then(|ring| world.rings.get(ring))?;
            let unseen = places
                .iter()
                .filter(|(_, place)| place.normal)
                .find(|(host_id, place)| !world.knows_up(process, host_id, place))?;
            Some((process.member.clone(), unseen.1.address.clone()))
        });
        found.map(|(member, unseen)| format!("{member} does not see {unseen} up"))
    }
}

impl World {
    fn knows_up(&self, observer: &Process, host_id: &str, place: &Place) -> bool {
        let known = host_id == observer.host_id
            || has_heard(place.known_from, self.pace.heard_up, observer, host_id);
        known && self.holds_up(observer, host_id, place)
    }

    /// The ring as a node sees it, by host id, itself included.
    pub(super) fn view(&self, address: &str, observer: &Process) -> Vec<Peer> {
        let Some(places) = observer.ring.and_then(|ring| self.rings.get(ring)) else {
            return vec![Peer {
                host_id: observer.host_id.clone(),
                address: address.to_owned(),
                state: of_itself(observer),
                schema: None,
                datacenter: None,
                rack: None,
            }];
        };
        let known = places.iter().filter(|(host_id, place)| {
            **host_id == observer.host_id
                || has_heard(place.known_from, self.pace.heard_up, observer, host_id)
        });
        known
            .map(|(host_id, place)| Peer {
                host_id: host_id.clone(),
                address: place.address.clone(),
                state: if *host_id == observer.host_id {
                    of_itself(observer)
                } else if self.holds_up(observer, host_id, place) {
                    PeerState::Up
                } else {
                    PeerState::Down
                },
                schema: Some(place.schema.clone()),
                datacenter: Some(place.datacenter.clone()),
                rack: Some(place.rack.clone()),
            })
            .collect()
    }

    /// Whether a node holds another one for up.
    fn holds_up(&self, observer: &Process, host_id: &str, place: &Place) -> bool {
        let (up, at) = place.up;
        let longest = if up {
            self.pace.heard_up
        } else {
            self.pace.heard_down
        };
        let gossips_from = observer.gossips_from.unwrap_or_else(Instant::now);
        // Who has just started holds everybody for down until it has heard of them.
        let listening = has_heard(gossips_from, self.pace.heard_up, observer, host_id);
        let told = has_heard(at, longest, observer, host_id);
        listening && if told { up } else { place.was_up }
    }
}

/// What a node says of itself: nothing, before it gossips.
fn of_itself(observer: &Process) -> PeerState {
    match observer.gossips_from {
        Some(_) => PeerState::Up,
        None => PeerState::Unknown,
    }
}

/// Whether what happened then has reached this observer, from that node.
fn has_heard(then: Instant, longest: Duration, observer: &Process, of: &str) -> bool {
    let ago = since(then);
    ago >= longest || ago >= lag(longest, observer, of)
}

/// How long it takes until this observer has heard of that node, at most the longest: the same for one pair, different between pairs.
fn lag(longest: Duration, observer: &Process, of: &str) -> Duration {
    let digest = Sha256::new()
        .chain_update(&observer.host_id)
        .chain_update(of)
        .finalize();
    let share = digest.first().copied().map_or(0, u32::from);
    longest * (64 + share) / 320
}
