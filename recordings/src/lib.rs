//! What Cassandra does while something happens to its ring, as the statuses of its Members tell it. It is recorded on
//! a real Cassandra, in `simulator/facts`; scenarios compare what they see with it, and so does the simulator with
//! what its model of Cassandra shows.
//!
//! A fact says what came after what, never when. An agent looks every few seconds, so that a real run may miss what
//! passes quickly; what no recorded run has missed is a milestone, and must be seen by everybody.

#![allow(clippy::indexing_slicing, reason = "of tables whose size is known")]

mod agreement;
mod sightings;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use cassandra_api::v1alpha1::{CassandraMember, PeerState};
use serde::{Deserialize, Serialize};

pub use sightings::Sightings;

/// How many members the ring has that facts are about: one in each of the racks r1, r2, r3.
const MEMBERS: usize = 3;

/// What members were seen to be.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    /// One after the other, by the member's name.
    pub of: BTreeMap<String, Vec<Seen>>,
    /// Names of the members that were seen to join, in that order.
    pub joined: Vec<String>,
}

/// What is done to the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It is made: one member after the other.
    Creation,
    /// The pod of rack r2 is deleted.
    PodDeleted,
    /// The Cassandra of rack r3 is killed.
    CassandraKilled,
    /// All pods are deleted at once.
    AllPodsDeleted,
}

impl Operation {
    /// The name of its file.
    fn name(self) -> &'static str {
        match self {
            Self::Creation => "creation",
            Self::PodDeleted => "pod-deleted",
            Self::CassandraKilled => "cassandra-killed",
            Self::AllPodsDeleted => "all-pods-deleted",
        }
    }

    /// Operations in which nodes take the same steps.
    fn alike(self) -> &'static [Self] {
        match self {
            Self::Creation => &[Self::Creation],
            Self::PodDeleted | Self::CassandraKilled | Self::AllPodsDeleted => &[
                Self::PodDeleted,
                Self::CassandraKilled,
                Self::AllPodsDeleted,
            ],
        }
    }

    /// What a member is in it. Members of one role are like each other.
    fn role(self, member: &str, joined: &[String]) -> &'static str {
        let of_rack = |rack: &str| member.contains(&format!("-{rack}-"));
        match self {
            Self::Creation => match joined.iter().position(|name| name == member) {
                Some(0) => "the founder",
                Some(1) => "the second",
                Some(_) | None => "the third",
            },
            Self::PodDeleted if of_rack("r2") => "whose pod is deleted",
            Self::CassandraKilled if of_rack("r3") => "which is killed",
            Self::AllPodsDeleted => "each",
            Self::PodDeleted | Self::CassandraKilled => "another",
        }
    }

    /// Whether it happens to this member itself.
    fn befalls(self, member: &str) -> bool {
        self.role(member, &[]) != "another"
    }
}

/// What a member's status says, without all that differs from ring to ring.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seen(String);

impl Seen {
    /// As it is now.
    fn of(member: &CassandraMember) -> Self {
        let status = member.status.clone().unwrap_or_default();
        let view = &status.ring_view;
        let count = |wanted| view.iter().filter(|peer| peer.state == wanted).count();
        Self::saying(
            status.state.as_str(),
            status.mode.as_deref().unwrap_or("-"),
            [
                count(PeerState::Up),
                count(PeerState::Down),
                count(PeerState::Unknown),
            ],
            status.bootstrapped.is_some(),
            status.native_transport,
        )
    }

    /// A member of a ring in which all is well.
    fn whole() -> Self {
        Self::saying("Ready", "NORMAL", [MEMBERS, 0, 0], true, true)
    }

    fn saying(state: &str, mode: &str, peers: [usize; 3], joined: bool, serves: bool) -> Self {
        let [up, down, unknown] = peers;
        let joined = if joined { "joined" } else { "new" };
        let serves = if serves { " CQL" } else { "" };
        Self(format!(
            "{state} {mode} up:{up} down:{down} unknown:{unknown} {joined}{serves}"
        ))
    }

    /// The member's state in one word.
    fn state(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }

    /// What it says of itself.
    fn node(&self) -> Vec<&str> {
        self.0
            .split(' ')
            .filter(|word| !word.contains(':'))
            .collect()
    }

    /// How many peers it sees up, down, otherwise, and all together.
    fn view(&self) -> [usize; 4] {
        let count = |what: &str| {
            let mut words = self.0.split(' ');
            let found = words.find_map(|word| word.strip_prefix(what)?.parse().ok());
            found.unwrap_or(0)
        };
        let (up, down, unknown) = (count("up:"), count("down:"), count("unknown:"));
        [up, down, unknown, up + down + unknown]
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The paths that members of each role took.
type Roles = BTreeMap<String, BTreeSet<Vec<Seen>>>;

/// What real runs of an operation have shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    roles: Roles,
    /// The paths of all roles, also in operations that are like this one: a node starts again in the same way, whatever
    /// ended it.
    all: BTreeSet<Vec<Seen>>,
}

impl Facts {
    /// What is recorded of an operation.
    pub fn of(operation: Operation) -> Result<Self> {
        let mut all = BTreeSet::new();
        for alike in operation.alike() {
            all.extend(read(*alike)?.into_values().flatten());
        }
        let roles = read(operation)?;
        Ok(Self { roles, all })
    }

    /// Adds a run to what is recorded of an operation: each path that differs from what is there.
    pub fn record(operation: Operation, seen: &Paths) -> Result<()> {
        let mut facts = Self::of(operation)?;
        for (member, states) in &seen.of {
            let role = operation.role(member, &seen.joined);
            if !facts.differences_of(role, states).is_empty() {
                let paths = facts.roles.entry(role.into()).or_default();
                paths.insert(states.clone());
                facts.all.insert(states.clone());
            }
        }
        let path = path(operation);
        let text = serde_json::to_string_pretty(&facts.roles)? + "\n";
        std::fs::write(&path, text).with_context(|| path.display().to_string())
    }

    /// How a run differs from what is recorded. Empty: it does not.
    pub fn differences(&self, operation: Operation, seen: &Paths) -> Vec<String> {
        let all = seen.of.iter().flat_map(|(member, states)| {
            let role = operation.role(member, &seen.joined);
            let found = self.differences_of(role, states).into_iter();
            found.map(move |difference| format!("{member}, {role}: {difference}"))
        });
        all.collect()
    }
}

/// What is recorded of an operation, nothing if it never was.
fn read(operation: Operation) -> Result<Roles> {
    let path = path(operation);
    if !path.exists() {
        return Ok(Roles::new());
    }
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

fn path(operation: Operation) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rings");
    folder.join(format!("{}.json", operation.name()))
}
