//! Building the member's status from what was observed. Pure: the same observation gives the same status,
//! so that nothing is written when nothing has changed.
//!
//! What a node can't be asked now is kept if it can't have changed (host id, tokens, release), and absent
//! if it can (mode, view of the ring, schema).

use std::fmt::Write as _;

use cassandra_api::{
    conditions::Wanted,
    identity::Identity,
    v1alpha1::{
        Bootstrapped, CassandraMember, CassandraMemberStatus, MemberState, OperationState,
        OperationStatus, Replication, VolumeStatus,
    },
};
use cassandra_management::{NodeFacts, marker::Marker};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sha2::{Digest as _, Sha256};

use crate::{
    joining::is_recorded,
    operation::kinds::{self, Seen, Stand},
    reading::Reading,
    state,
};

/// Everything that a status is made of.
#[derive(Clone, Debug)]
pub struct Observed<'a> {
    /// Who this is.
    pub identity: &'a Identity,
    /// The member, as it was before Cassandra was looked at.
    pub member: &'a CassandraMember,
    /// What Cassandra has shown.
    pub reading: &'a Reading,
    /// What is on the volume.
    pub marker: &'a MarkerSeen,
    /// What the bootstrapper said last, since Cassandra was up.
    pub bootstrapper: Option<&'a VolumeStatus>,
    /// How the jobs stand. None: it is not known yet.
    pub jobs: Option<&'a [OperationStatus]>,
    /// The state.
    pub state: MemberState,
    /// How keyspaces are replicated in the schema that Cassandra has. Empty: it could not be read.
    pub replication: &'a [Replication],
    /// The status that was true before.
    pub earlier: &'a CassandraMemberStatus,
    /// Now.
    pub now: &'a Time,
}

/// What was found on the volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkerSeen {
    /// This marker.
    Present(Box<Marker>),
    /// None: the volume is empty, or has been prepared by something else than the bootstrapper.
    Absent,
    /// It could not be read. Unknown is not absent.
    Unknown,
}

impl MarkerSeen {
    fn marker(&self) -> Option<&Marker> {
        match self {
            Self::Present(marker) => Some(marker),
            Self::Absent | Self::Unknown => None,
        }
    }

    /// What the marker says, or what was said earlier while it can't be read.
    fn or_kept<T>(&self, get: impl FnOnce(&Marker) -> T, kept: T, absent: T) -> T {
        match self {
            Self::Present(marker) => get(marker),
            Self::Absent => absent,
            Self::Unknown => kept,
        }
    }
}

/// The status to report.
pub fn build(observed: &Observed<'_>) -> CassandraMemberStatus {
    let Observed {
        identity,
        member,
        reading,
        marker,
        earlier,
        ..
    } = observed;
    let facts = reading.facts();
    let volume = volume(observed);
    CassandraMemberStatus {
        observed_generation: member.metadata.generation,
        state: observed.state,
        conditions: conditions(observed, volume.as_ref()),
        host_id: host_id(observed),
        address: address(identity, member),
        mode: facts.and_then(|facts| Some(facts.mode.as_ref()?.to_string())),
        native_transport: facts.is_some_and(|facts| facts.native_transport),
        ring_view: facts.map(|facts| facts.ring.clone()).unwrap_or_default(),
        schema_version: facts.and_then(|facts| facts.schema_version.clone()),
        replication: match facts {
            Some(_) => observed.replication.to_vec(),
            None => earlier.replication.clone(),
        },
        tokens_digest: kept(
            facts,
            |facts| digest(&facts.tokens),
            earlier.tokens_digest.as_ref(),
        ),
        release_version: kept(
            facts,
            |facts| facts.release_version.clone(),
            earlier.release_version.as_ref(),
        ),
        agent_version: Some(env!("CARGO_PKG_VERSION").into()),
        config_in_use: marker.or_kept(
            |marker| marker.config_revision.clone(),
            earlier.config_in_use.clone(),
            None,
        ),
        load: kept(
            facts,
            |facts| {
                facts
                    .load_bytes
                    .map(|bytes| stepped(bytes, earlier.load.as_deref()))
            },
            earlier.load.as_ref(),
        ),
        bootstrapped: bootstrapped(observed),
        volume,
        start_epoch: marker.or_kept(|marker| Some(marker.start_epoch), earlier.start_epoch, None),
        seeds: marker.or_kept(
            |marker| marker.seeds.clone(),
            earlier.seeds.clone(),
            Vec::new(),
        ),
        refresh: member.spec.refresh.clone(),
        operation: operation(observed),
        jobs: jobs(observed),
    }
}

/// What Cassandra says now, or else what it said.
fn kept(
    facts: Option<&NodeFacts>,
    get: impl FnOnce(&NodeFacts) -> Option<String>,
    earlier: Option<&String>,
) -> Option<String> {
    facts.and_then(get).or_else(|| earlier.cloned())
}

fn conditions(
    observed: &Observed<'_>,
    volume: Option<&VolumeStatus>,
) -> Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition> {
    let ready = state::ready(observed.state, observed.reading, volume);
    let ready = Wanted {
        message: ready.message.chars().take(1024).collect(),
        ..ready
    };
    vec![ready.onto(
        &observed.earlier.conditions,
        observed.member.metadata.generation,
        observed.now,
    )]
}

/// The address that other nodes use: what the pod was made with leads, since Cassandra has it from there.
fn address(identity: &Identity, member: &CassandraMember) -> Option<String> {
    let given = identity.broadcast_address.as_ref();
    given
        .or(member.spec.broadcast_address.as_ref())
        .or(identity.pod_ip.as_ref())
        .cloned()
}

/// What is on the volume: from the bootstrapper while it is at work, then from the marker that it left.
fn volume(observed: &Observed<'_>) -> Option<VolumeStatus> {
    if let Some(report) = observed.bootstrapper {
        return Some(report.clone());
    }
    observed.marker.or_kept(
        |marker| Some(marker.facts()),
        observed.earlier.volume.clone(),
        None,
    )
}

/// How the member's part in the cluster's operation stands. Another id is another operation, which begins anew.
fn operation(observed: &Observed<'_>) -> Option<OperationStatus> {
    let operation = observed.member.spec.operation.as_ref()?;
    let earlier = observed.earlier.operation.as_ref();
    let earlier = earlier.filter(|earlier| earlier.id == operation.id);
    let stand = kinds::watch(
        operation,
        Seen {
            identity: observed.identity,
            state: observed.state,
            reading: observed.reading,
            marker: observed.marker,
        },
    );
    let (state, message) = match stand {
        Stand::Done(message) => (OperationState::Done, message),
        Stand::Running(what) => (
            OperationState::Running,
            since(&what, earlier.map(|earlier| &earlier.message), observed.now),
        ),
        Stand::CannotTell => match earlier {
            Some(earlier) => return Some(earlier.clone()),
            None => (
                OperationState::Unknown,
                "what is on the volume can't be read".into(),
            ),
        },
    };
    Some(OperationStatus {
        id: operation.id.clone(),
        state,
        progress: None,
        message,
        started_at: earlier
            .and_then(|earlier| earlier.started_at.clone())
            .or_else(|| Some(observed.now.clone())),
    })
}

/// What is seen, with the time since when: that of the earlier message, if it says the same.
fn since(what: &str, earlier: Option<&String>, now: &Time) -> String {
    let begins = format!("{what} since ");
    match earlier.filter(|earlier| earlier.starts_with(&begins)) {
        Some(earlier) => earlier.clone(),
        None => format!("{begins}{}", now.0),
    }
}

/// How the jobs that the spec names stand, in its order. What is not known yet is as it was said before.
fn jobs(observed: &Observed<'_>) -> Vec<OperationStatus> {
    let known = observed.jobs.unwrap_or(&observed.earlier.jobs);
    let named = observed.member.spec.jobs.iter();
    named
        .filter_map(|job| known.iter().find(|known| known.id == job.id))
        .cloned()
        .collect()
}

/// That the node has joined: set when it is first seen in the ring, once per volume, and never taken back.
/// With a marker, not before that says so.
fn bootstrapped(observed: &Observed<'_>) -> Option<Bootstrapped> {
    let earlier = observed.earlier.bootstrapped.as_ref();
    let Some(host_id) = observed.reading.normal_host_id() else {
        return earlier.cloned();
    };
    let (recorded, pvc_uid) = match observed.marker {
        MarkerSeen::Present(marker) => (is_recorded(host_id, marker), marker.pvc_uid.as_ref()),
        MarkerSeen::Absent => (true, observed.identity.pvc_uid.as_ref()),
        MarkerSeen::Unknown => (false, None),
    };
    if !recorded || earlier.is_some_and(|earlier| earlier.pvc_uid.as_ref() == pvc_uid) {
        return earlier.cloned();
    }
    Some(Bootstrapped {
        pvc_uid: pvc_uid.cloned(),
        at: observed.now.clone(),
    })
}

/// What Cassandra says, else the volume, else what was said before: a status that somebody else wrote is put right also
/// while Cassandra is down.
fn host_id(observed: &Observed<'_>) -> Option<String> {
    // A marker of another member tells that one's host id.
    let own = |marker: &&Marker| observed.member.metadata.name.as_ref() == Some(&marker.member);
    let marked = || observed.marker.marker().filter(own)?.host_id.clone();
    let facts = observed.reading.facts();
    facts
        .and_then(|facts| facts.host_id.clone())
        .or_else(marked)
        .or_else(|| observed.earlier.host_id.clone())
}

/// Digest of the sorted tokens. None: there are none to tell.
fn digest(tokens: &[String]) -> Option<String> {
    if tokens.is_empty() {
        return None;
    }
    let mut sorted: Vec<&str> = tokens.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    let mut hex = String::new();
    for byte in Sha256::digest(sorted.join(",").as_bytes()) {
        // Writing to a String can't fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Some(hex)
}

/// Bytes rounded up to a power of two, at least `1KiB`: a number that ticked would be written all the time.
/// The load in steps, with some play: a load that swings about a power of two would be written again and again.
fn stepped(bytes: u64, earlier: Option<&str>) -> String {
    let play = bytes / 8;
    let same =
        |load: &str| load == rounded(bytes - play) || load == rounded(bytes.saturating_add(play));
    earlier
        .filter(|load| same(load))
        .map_or_else(|| rounded(bytes), str::to_owned)
}

fn rounded(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut amount = bytes
        .max(1024)
        .checked_next_power_of_two()
        .unwrap_or(1 << 63)
        >> 10;
    let mut units = UNITS.into_iter();
    let mut unit = units.next().unwrap_or_default();
    while amount >= 1024 {
        amount >>= 10;
        unit = units.next().unwrap_or(unit);
    }
    format!("{amount}{unit}")
}

#[cfg(test)]
mod tests;
