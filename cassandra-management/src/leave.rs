//! The bootstrapper's side of the [`handoff`](crate::handoff).

use std::time::Duration;

use cassandra_api::ports;

use crate::{
    Endpoint, Error,
    handoff::{Answer, LEAVE_PATH, Question},
    management::port,
};

/// Asks the agent of the same pod for leave to start Cassandra.
#[derive(Clone, Debug)]
pub struct Leave {
    agent: Endpoint,
    limit: Duration,
}

impl Default for Leave {
    /// Asks at the agent's own port on loopback, and waits 10 s: the agent asks the API server first.
    fn default() -> Self {
        Self::new("127.0.0.1", port(ports::HANDOFF), Duration::from_secs(10))
    }
}

impl Leave {
    /// Asks at this host and port.
    pub fn new(host: impl Into<String>, port: u16, limit: Duration) -> Self {
        Self {
            agent: Endpoint::new(host, port, LEAVE_PATH),
            limit,
        }
    }

    /// Asks. An error is no answer: the agent may still be starting.
    pub async fn ask(&self, question: &Question) -> Result<Answer, Error> {
        let malformed = |error: serde_json::Error| Error::Malformed {
            call: LEAVE_PATH,
            detail: error.to_string(),
        };
        let question = serde_json::to_vec(question).map_err(malformed)?;
        let answer = self.agent.post(question, self.limit).await?;
        serde_json::from_slice(&answer).map_err(malformed)
    }
}
