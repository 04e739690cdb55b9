//! A Cassandra process.

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Cassandra's operation modes, as far as the operator brings a node into them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Has not begun to join.
    Starting,
    /// Bootstraps, or takes its place in the ring again.
    Joining,
    /// Is in the ring.
    Normal,
    /// Has flushed, and takes no requests.
    Drained,
}

impl Mode {
    /// Cassandra's name of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "STARTING",
            Self::Joining => "JOINING",
            Self::Normal => "NORMAL",
            Self::Drained => "DRAINED",
        }
    }
}

/// A process that runs.
#[derive(Clone, Debug)]
pub struct Process {
    /// Numbers processes, so that one that ends does not take its successor with it.
    pub(super) number: u64,
    /// The member whose pod it runs in.
    pub member: String,
    /// The UID of that pod.
    pub pod: String,
    /// The volume that it has open.
    pub volume: String,
    /// Its host id, which a new node makes up when it starts.
    pub host_id: String,
    /// How far it is.
    pub mode: Mode,
    /// The number of its ring, once it is in one.
    pub ring: Option<usize>,
    /// The seeds that it read last.
    pub seeds: Vec<String>,
    /// Whether it serves CQL.
    pub native_transport: bool,
    /// Whether it is there and answers nobody.
    pub hangs: bool,
    /// When its management interface answers.
    pub answers_from: Instant,
    /// Since when it gossips.
    pub gossips_from: Option<Instant>,
    /// The release.
    pub version: String,
    /// Ends it at once.
    pub(super) killed: CancellationToken,
}

impl Process {
    /// Whether it is in its ring and serves CQL.
    pub(super) fn serves(&self) -> bool {
        self.mode == Mode::Normal && self.native_transport
    }
}
