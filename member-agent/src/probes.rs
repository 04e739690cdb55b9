//! `/live`, `/ready` and `/metrics`. Readiness is Cassandra's, liveness the agent's own: killing an agent
//! does not mend its Cassandra.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router, extract::State, http::StatusCode, http::header, response::IntoResponse, routing::get,
};
use tokio::time::Instant;

use crate::{metrics::Metrics, reading::Reading};

/// A look at Cassandra that is older says nothing about now.
const FRESH: Duration = Duration::from_secs(15);
/// A pass takes half a minute at most, with everything that it waits for at its limit.
const STALLED: Duration = Duration::from_mins(1);

/// The agent's last pass, for the probes.
#[derive(Clone, Debug)]
pub struct Pulse(Arc<Mutex<Beat>>);

#[derive(Debug)]
struct Beat {
    pass: Instant,
    serving: Option<(Instant, Result<(), String>)>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Beat {
            pass: Instant::now(),
            serving: None,
        })))
    }
}

impl Pulse {
    /// Cassandra was looked at, beginning at this time.
    pub fn looked(&self, at: Instant, reading: &Reading) {
        let mut beat = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        beat.serving = Some((at, serving(reading)));
    }

    /// A pass has come to its end.
    pub fn passed(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pass = Instant::now();
    }

    fn is_live(&self) -> bool {
        let beat = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        beat.pass.elapsed() < STALLED
    }

    fn is_ready(&self) -> Result<(), String> {
        let beat = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &beat.serving {
            None => Err("Cassandra has not been looked at yet".into()),
            Some((at, _)) if at.elapsed() >= FRESH => {
                Err("Cassandra has not been looked at for too long".into())
            }
            Some((_, serving)) => serving.clone(),
        }
    }
}

fn serving(reading: &Reading) -> Result<(), String> {
    match reading {
        _ if reading.is_serving() => Ok(()),
        Reading::Answered(facts) => Err(match &facts.mode {
            Some(mode) => format!("mode {mode}, native transport {}", facts.native_transport),
            None => "Cassandra is starting".into(),
        }),
        Reading::Refused => Err("Cassandra is not running".into()),
        Reading::NotAnswering(reason) => Err(format!("Cassandra does not answer: {reason}")),
    }
}

/// The routes.
pub fn routes(pulse: Pulse, metrics: Metrics) -> Router {
    Router::new()
        .route("/live", get(live))
        .route("/ready", get(ready))
        .with_state(pulse)
        .merge(
            Router::new()
                .route("/metrics", get(scrape))
                .with_state(metrics),
        )
}

async fn live(State(pulse): State<Pulse>) -> impl IntoResponse {
    if pulse.is_live() {
        (StatusCode::OK, "ok\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the agent's loop stands still\n",
        )
    }
}

async fn ready(State(pulse): State<Pulse>) -> (StatusCode, String) {
    match pulse.is_ready() {
        Ok(()) => (StatusCode::OK, "ok\n".into()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason + "\n"),
    }
}

async fn scrape(State(metrics): State<Metrics>) -> impl IntoResponse {
    metrics
        .text()
        .map(|text| ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text))
        .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}
