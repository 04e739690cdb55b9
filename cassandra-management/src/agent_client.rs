//! The bootstrapper's side of the [`start_request`](crate::start_request).

use std::time::Duration;

use cassandra_api::ports;

use crate::{
    Endpoint, Error,
    management::port,
    start_request::{START_PATH, StartRequest, StartResponse},
};

/// Asks the agent of the same pod for the permit to start Cassandra.
#[derive(Clone, Debug)]
pub struct AgentClient {
    agent: Endpoint,
    limit: Duration,
}

impl Default for AgentClient {
    /// Asks at the agent's own port on loopback, and waits 10 s: the agent asks the API server first.
    fn default() -> Self {
        Self::new(
            "127.0.0.1",
            port(ports::AGENT_LOCAL),
            Duration::from_secs(10),
        )
    }
}

impl AgentClient {
    /// Asks at this host and port.
    pub fn new(host: impl Into<String>, port: u16, limit: Duration) -> Self {
        Self {
            agent: Endpoint::new(host, port, START_PATH),
            limit,
        }
    }

    /// Asks. An error is no answer: the agent may still be starting.
    pub async fn ask(&self, question: &StartRequest) -> Result<StartResponse, Error> {
        let malformed = |error: serde_json::Error| Error::Malformed {
            call: START_PATH,
            detail: error.to_string(),
        };
        let question = serde_json::to_vec(question).map_err(malformed)?;
        let answer = self.agent.post(question, self.limit).await?;
        serde_json::from_slice(&answer).map_err(malformed)
    }
}
