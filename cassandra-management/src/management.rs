//! What can be asked of one Cassandra node.

use std::time::Duration;

use cassandra_api::ports;
use serde_json::Value;

use crate::{
    Endpoint, Error, Mode, NodeFacts,
    calls::{Call, DRAIN, OPERATION_MODE, RELOAD_SEEDS},
    facts, jolokia,
};

/// Where a node's Jolokia is, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Jolokia's address. Default: `http://127.0.0.1:8778/jolokia/`.
    pub jolokia: Endpoint,
    /// Limit of every call but a drain. Default: 5 s.
    pub limit: Duration,
    /// Limit of a drain, which flushes all tables. Default: 120 s.
    pub drain_limit: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            jolokia: Endpoint::new("127.0.0.1", port(ports::JOLOKIA), "/jolokia/"),
            limit: Duration::from_secs(5),
            drain_limit: Duration::from_mins(2),
        }
    }
}

/// A port constant as the type that sockets want; 0, which nobody listens to, if it is none.
pub(crate) fn port(constant: i32) -> u16 {
    u16::try_from(constant).unwrap_or_default()
}

/// What came of each call.
type Answers = Vec<Result<Value, Error>>;

/// Client of one Cassandra node's management interface.
#[derive(Clone, Debug)]
pub struct Management {
    config: Config,
}

impl Management {
    /// A client. It connects when it is asked something.
    pub fn new(config: Config) -> Self {
        let jolokia = config.jolokia.into_folder();
        Self {
            config: Config { jolokia, ..config },
        }
    }

    /// Reads everything that is known of the node. What is not there yet is absent.
    pub async fn facts(&self) -> Result<NodeFacts, Error> {
        let answers = self.bulk(facts::READS, self.config.limit).await?;
        NodeFacts::from_answers(answers)
    }

    /// The node's mode. None: Cassandra is not so far yet.
    pub async fn mode(&self) -> Result<Option<Mode>, Error> {
        match self.call(OPERATION_MODE, self.config.limit).await {
            Ok(Value::String(mode)) => Ok(Some(mode.into())),
            Ok(_) | Err(Error::Java { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the process is there and answers, whatever it says.
    pub async fn is_answering(&self) -> bool {
        self.mode().await.is_ok()
    }

    /// Flushes everything and stops taking requests. Done when Cassandra says that it is DRAINED; a node
    /// that is drained already stays so, and a drain that took too long can be asked for again.
    pub async fn drain(&self) -> Result<(), Error> {
        self.call(DRAIN, self.config.drain_limit).await?;
        match self.mode().await? {
            Some(Mode::Drained) => Ok(()),
            mode => Err(Error::NotDrained {
                mode: mode.map_or_else(|| "unknown".into(), |mode| mode.to_string()),
            }),
        }
    }

    /// Has the seeds read anew from cassandra.yaml, and returns them without the node itself.
    pub async fn reload_seeds(&self) -> Result<Vec<String>, Error> {
        let seeds = self.call(RELOAD_SEEDS, self.config.limit).await?;
        let seeds: Option<Vec<String>> =
            serde_json::from_value(seeds).map_err(|error| Error::Malformed {
                call: RELOAD_SEEDS.name,
                detail: error.to_string(),
            })?;
        seeds.ok_or(Error::SeedsNotLoaded)
    }

    async fn call(&self, call: Call, limit: Duration) -> Result<Value, Error> {
        let mut answers = self.bulk(&[call], limit).await?;
        answers.pop().unwrap_or_else(|| {
            Err(Error::Malformed {
                call: call.name,
                detail: "no answer".into(),
            })
        })
    }

    /// Asks several things at once. An exception of one of them is its own answer, but an error is the
    /// answer to all: Cassandra runs with assertions on, and a node that is joining fails one when it is
    /// asked for its tokens. Then each is asked alone.
    async fn bulk(&self, calls: &[Call], limit: Duration) -> Result<Answers, Error> {
        match self.ask(calls, limit).await {
            Err(Error::Java { .. }) if calls.len() > 1 => self.one_by_one(calls, limit).await,
            outcome => outcome,
        }
    }

    async fn one_by_one(&self, calls: &[Call], limit: Duration) -> Result<Answers, Error> {
        let mut answers = Vec::new();
        for call in calls {
            match self.ask(std::slice::from_ref(call), limit).await {
                Ok(answer) => answers.extend(answer),
                Err(error @ Error::Java { .. }) => answers.push(Err(error)),
                Err(error) => return Err(error),
            }
        }
        Ok(answers)
    }

    async fn ask(&self, calls: &[Call], limit: Duration) -> Result<Answers, Error> {
        let request = jolokia::request(calls);
        let answer = self.config.jolokia.post(request, limit).await?;
        jolokia::answers(calls, &answer)
    }
}
