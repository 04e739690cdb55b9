//! Which nodes hold a range: NetworkTopologyStrategy with three replicas in one datacenter.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::gossip::Place;

/// Replicas of each range.
pub(super) const REPLICAS: usize = 3;
/// Of them, as many as make a quorum.
pub(super) const QUORUM: usize = REPLICAS / 2 + 1;
/// Tokens of each node.
pub(super) const TOKENS: usize = 4;

/// A place around the ring.
pub(super) type Token = [u8; 8];

/// The tokens of a node.
pub(super) fn tokens(host_id: &str) -> [Token; TOKENS] {
    [0, 1, 2, 3].map(|number| position(host_id, number))
}

/// Host ids of the replicas of a write: around the ring from its token, one in each rack first.
pub(super) fn replicas(
    places: &BTreeMap<String, Place>,
    write: u32,
    with_joining: bool,
) -> Vec<String> {
    let mut ring = BTreeMap::new();
    for (host_id, place) in places
        .iter()
        .filter(|(_, place)| place.normal || with_joining)
    {
        for token in place.tokens {
            ring.insert(token, (host_id, place.rack.as_str()));
        }
    }
    let start = position("write", write);
    let around = ring
        .range(start..)
        .chain(ring.range(..start))
        .map(|(_, node)| *node);
    let (mut chosen, mut seen, mut skipped) = (Vec::new(), BTreeSet::new(), Vec::new());
    for (host_id, rack) in around {
        if chosen.len() == REPLICAS || chosen.contains(host_id) || skipped.contains(host_id) {
            continue;
        }
        if seen.insert(rack) {
            chosen.push(host_id.clone());
        } else {
            skipped.push(host_id.clone());
        }
    }
    let missing = REPLICAS.saturating_sub(chosen.len());
    chosen.extend(skipped.into_iter().take(missing));
    chosen
}

fn position(of: &str, number: u32) -> Token {
    let digest = Sha256::new()
        .chain_update(of)
        .chain_update(number.to_be_bytes())
        .finalize();
    digest.first_chunk().copied().unwrap_or_default()
}
