//! What can be asked of one Cassandra node.

use std::{collections::BTreeMap, time::Duration};

use cassandra_api::{ports, v1alpha1::Replication};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    Endpoint, Error, Mode, NodeFacts,
    calls::{
        Call, DRAIN, FORCE_KEYSPACE_FLUSH, KEYSPACE_REPLICATION, KEYSPACES, OPERATION_MODE,
        RELOAD_SEEDS, REPLICATED_KEYSPACES, Request,
    },
    facts, jolokia, replication,
};

/// Where a node's Jolokia is, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Jolokia's address. Default: `http://127.0.0.1:8778/jolokia/`.
    pub jolokia: Endpoint,
    /// How long every call is waited for, instead of its own limit in the table of calls. Default: each has its own.
    pub limit: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            jolokia: Endpoint::new("127.0.0.1", port(ports::JOLOKIA), "/jolokia/"),
            limit: None,
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
        let answers = self.read(facts::READS).await?;
        NodeFacts::from_answers(answers)
    }

    /// The node's mode. None: Cassandra is not so far yet.
    pub async fn mode(&self) -> Result<Option<Mode>, Error> {
        match self.call(OPERATION_MODE).await {
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
        self.call(DRAIN.with(())).await?;
        match self.mode().await? {
            Some(Mode::Drained) => Ok(()),
            mode => Err(Error::NotDrained {
                mode: mode.map_or_else(|| "unknown".into(), |mode| mode.to_string()),
            }),
        }
    }

    /// Has the seeds read anew from cassandra.yaml, and returns them without the node itself.
    pub async fn reload_seeds(&self) -> Result<Vec<String>, Error> {
        let seeds = self.call(RELOAD_SEEDS.with(())).await?;
        let seeds: Option<Vec<String>> = parsed(RELOAD_SEEDS.call, seeds)?;
        seeds.ok_or(Error::SeedsNotLoaded)
    }

    /// The node's keyspaces.
    pub async fn keyspaces(&self) -> Result<Keyspaces, Error> {
        let (all, replicated) = (KEYSPACES, REPLICATED_KEYSPACES);
        Ok(Keyspaces {
            all: parsed(all, self.call(all).await?)?,
            replicated: parsed(replicated, self.call(replicated).await?)?,
        })
    }

    /// How the ring's keyspaces are replicated. A keyspace that goes meanwhile is left out.
    pub async fn replication(&self) -> Result<Vec<Replication>, Error> {
        let keyspaces: Vec<String> =
            parsed(REPLICATED_KEYSPACES, self.call(REPLICATED_KEYSPACES).await?)?;
        let ask = |keyspace: &String| KEYSPACE_REPLICATION.with((keyspace.clone(),));
        let requests: Vec<_> = keyspaces.iter().map(ask).collect();
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for (keyspace, answer) in keyspaces.into_iter().zip(self.bulk(&requests).await?) {
            let words: String = match answer {
                Ok(words) => parsed(KEYSPACE_REPLICATION.call, words)?,
                Err(Error::Java { .. }) => continue,
                Err(error) => return Err(error),
            };
            // Words that can't be taken apart are told as they are: whoever decides by them holds them for unknown.
            let told = replication::parsed(&words).unwrap_or((words, BTreeMap::new()));
            found.push((keyspace, told));
        }
        Ok(Replication::grouped(found))
    }

    /// Writes what a keyspace has in memory to the disk. Returns when that is done. Doing it again does no harm.
    pub async fn flush(&self, keyspace: &str) -> Result<(), Error> {
        let all_tables = Vec::new();
        let flush = FORCE_KEYSPACE_FLUSH.with((keyspace.to_owned(), all_tables));
        self.call(flush).await.map(drop)
    }

    async fn call(&self, request: impl Into<Request>) -> Result<Value, Error> {
        let request = request.into();
        let name = request.call.name;
        let mut answers = self.bulk(&[request]).await?;
        answers.pop().unwrap_or_else(|| {
            Err(Error::Malformed {
                call: name,
                detail: "no answer".into(),
            })
        })
    }

    async fn read(&self, calls: &[Call]) -> Result<Answers, Error> {
        let requests: Vec<Request> = calls.iter().copied().map(Request::from).collect();
        self.bulk(&requests).await
    }

    /// Asks several things at once. An exception of one of them is its own answer, but an error is the
    /// answer to all: Cassandra runs with assertions on, and a node that is joining fails one when it is
    /// asked for its tokens. Then each is asked alone.
    async fn bulk(&self, requests: &[Request]) -> Result<Answers, Error> {
        match self.ask(requests).await {
            Err(Error::Java { .. }) if requests.len() > 1 => self.one_by_one(requests).await,
            outcome => outcome,
        }
    }

    async fn one_by_one(&self, requests: &[Request]) -> Result<Answers, Error> {
        let mut answers = Vec::new();
        for request in requests {
            match self.ask(std::slice::from_ref(request)).await {
                Ok(answer) => answers.extend(answer),
                Err(error @ Error::Java { .. }) => answers.push(Err(error)),
                Err(error) => return Err(error),
            }
        }
        Ok(answers)
    }

    async fn ask(&self, requests: &[Request]) -> Result<Answers, Error> {
        let longest = requests.iter().map(|request| request.call.limit).max();
        let limit = self.config.limit.or(longest).unwrap_or_default();
        let request = jolokia::request(requests);
        let answer = self.config.jolokia.post(request, limit).await?;
        jolokia::answers(requests, &answer)
    }
}

/// The names of a node's keyspaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keyspaces {
    /// All of them.
    pub all: Vec<String>,
    /// Those whose data is the ring's: all but the ones that each node keeps for itself, `system` above all.
    pub replicated: Vec<String>,
}

fn parsed<T: DeserializeOwned>(call: Call, value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| Error::Malformed {
        call: call.name,
        detail: error.to_string(),
    })
}
