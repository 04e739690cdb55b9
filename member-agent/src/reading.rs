//! Looking at Cassandra, and the ports by which that and everything else is done. A look never takes longer than the
//! time limits of the management client, so a Cassandra that hangs does not hang the agent.

use std::{future::Future, time::Duration};

use cassandra_api::v1alpha1::Replication;
use cassandra_management::{Error, Keyspaces, Management, Mode, NodeFacts};

/// The Cassandra node, as far as the agent looks at it.
pub trait Observe: Send + Sync + 'static {
    /// Reads everything that is known of it. That never takes long.
    fn facts(&self) -> impl Future<Output = Result<NodeFacts, Error>> + Send;
    /// Reads how the ring's keyspaces are replicated. That never takes long.
    fn replication(&self) -> impl Future<Output = Result<Vec<Replication>, Error>> + Send;
}

/// The Cassandra node, as far as the agent has it do something.
pub trait Operate: Send + Sync + 'static {
    /// Has it read its seeds anew. That never takes long.
    fn reload_seeds(&self) -> impl Future<Output = Result<Vec<String>, Error>> + Send;
    /// The names of its keyspaces.
    fn keyspaces(&self) -> impl Future<Output = Result<Keyspaces, Error>> + Send;
    /// Has it write what a keyspace has in memory to the disk. That may take long.
    fn flush(&self, keyspace: &str) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Observe for Management {
    fn facts(&self) -> impl Future<Output = Result<NodeFacts, Error>> + Send {
        Self::facts(self)
    }

    fn replication(&self) -> impl Future<Output = Result<Vec<Replication>, Error>> + Send {
        Self::replication(self)
    }
}

impl Operate for Management {
    fn reload_seeds(&self) -> impl Future<Output = Result<Vec<String>, Error>> + Send {
        Self::reload_seeds(self)
    }

    fn keyspaces(&self) -> impl Future<Output = Result<Keyspaces, Error>> + Send {
        Self::keyspaces(self)
    }

    fn flush(&self, keyspace: &str) -> impl Future<Output = Result<(), Error>> + Send {
        Self::flush(self, keyspace)
    }
}

/// What a look at Cassandra has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It answered.
    Answered(NodeFacts),
    /// Nobody listens: the process is not there.
    Refused,
    /// It is there and did not answer, for this reason.
    NotAnswering(&'static str),
}

impl Reading {
    /// What Cassandra answered, if it did.
    pub fn facts(&self) -> Option<&NodeFacts> {
        match self {
            Self::Answered(facts) => Some(facts),
            Self::Refused | Self::NotAnswering(_) => None,
        }
    }

    /// The host id of a node that is in the ring.
    pub fn normal_host_id(&self) -> Option<&str> {
        self.facts()
            .filter(|facts| facts.mode == Some(Mode::Normal))
            .and_then(|facts| facts.host_id.as_deref())
    }

    /// The release of Cassandra that answers.
    pub fn release(&self) -> Option<&str> {
        self.facts()
            .and_then(|facts| facts.release_version.as_deref())
    }

    /// Whether the node is in the ring and serves CQL.
    pub fn is_serving(&self) -> bool {
        self.facts()
            .is_some_and(|facts| facts.mode == Some(Mode::Normal) && facts.native_transport)
    }
}

/// Looks at Cassandra. A connection that breaks is tried once more: that is how a process that ends looks,
/// and a moment later it is gone.
pub async fn read(node: &impl Observe) -> Result<NodeFacts, Error> {
    match node.facts().await {
        Err(Error::Lost { .. }) => {
            tokio::time::sleep(Duration::from_millis(200)).await;
            node.facts().await
        }
        outcome => outcome,
    }
}

impl From<Result<NodeFacts, Error>> for Reading {
    fn from(outcome: Result<NodeFacts, Error>) -> Self {
        match outcome {
            Ok(facts) => Self::Answered(facts),
            Err(error) if error.is_refused() => Self::Refused,
            Err(error) => Self::NotAnswering(error.reason()),
        }
    }
}
