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
pub struct ProbeState(Arc<Mutex<LastPass>>);

#[derive(Debug)]
struct LastPass {
    pass: Instant,
    serving: Option<(Instant, Result<(), String>)>,
}

impl Default for ProbeState {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LastPass {
            pass: Instant::now(),
            serving: None,
        })))
    }
}

impl ProbeState {
    /// Cassandra was looked at, beginning at this time.
    pub fn looked(&self, at: Instant, reading: &Reading) {
        let mut beat = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        beat.serving = Some((at, serving(reading)));
    }

    /// A pass has come to its end.
    pub fn passed(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pass = Instant::now();
    }

    /// Whether the agent's loop goes round.
    pub fn is_live(&self) -> bool {
        let beat = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        beat.pass.elapsed() < STALLED
    }

    /// Whether Cassandra serves, and if not, why.
    pub fn is_ready(&self) -> Result<(), String> {
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
pub fn routes(probe_state: ProbeState, metrics: Metrics) -> Router {
    Router::new()
        .route("/live", get(live))
        .route("/ready", get(ready))
        .with_state(probe_state)
        .merge(
            Router::new()
                .route("/metrics", get(scrape))
                .with_state(metrics),
        )
}

async fn live(State(probe_state): State<ProbeState>) -> impl IntoResponse {
    if probe_state.is_live() {
        (StatusCode::OK, "ok\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the agent's loop stands still\n",
        )
    }
}

async fn ready(State(probe_state): State<ProbeState>) -> (StatusCode, String) {
    match probe_state.is_ready() {
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use cassandra_management::{Mode, NodeFacts};
    use http_body_util::BodyExt as _;
    use tokio::time::advance;
    use tower::ServiceExt as _;

    use super::*;
    use crate::fixtures::serving as serving_facts;

    async fn get(probe_state: &ProbeState, path: &str) -> (u16, String) {
        let routes = routes(probe_state.clone(), Metrics::new().unwrap());
        let request = http::Request::get(path).body(Body::empty()).unwrap();
        let answer = routes.oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn ready_needs_a_fresh_look_at_a_serving_node() {
        let probe_state = ProbeState::default();
        assert_eq!(get(&probe_state, "/ready").await.0, 503);
        let serving = Reading::Answered(serving_facts());
        probe_state.looked(Instant::now(), &serving);
        assert_eq!(get(&probe_state, "/ready").await.0, 200);
        advance(FRESH).await;
        let (status, reason) = get(&probe_state, "/ready").await;
        assert_eq!((status, reason.contains("too long")), (503, true));
        let without_cql = NodeFacts {
            native_transport: false,
            ..serving_facts()
        };
        let joining = NodeFacts {
            mode: Some(Mode::Joining),
            ..serving_facts()
        };
        for (reading, word) in [
            (Reading::Answered(without_cql), "native transport false"),
            (Reading::Answered(joining), "JOINING"),
            (Reading::Refused, "not running"),
            (Reading::NotAnswering("Timeout"), "Timeout"),
        ] {
            probe_state.looked(Instant::now(), &reading);
            let (status, reason) = get(&probe_state, "/ready").await;
            assert_eq!((status, reason.contains(word)), (503, true), "{reason}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn live_follows_the_agents_own_loop_and_not_cassandra() {
        let probe_state = ProbeState::default();
        probe_state.looked(Instant::now(), &Reading::NotAnswering("Timeout"));
        assert_eq!(get(&probe_state, "/live").await.0, 200);
        advance(STALLED).await;
        assert_eq!(get(&probe_state, "/live").await.0, 503);
        probe_state.passed();
        assert_eq!(get(&probe_state, "/live").await.0, 200);
    }

    #[tokio::test]
    async fn metrics_are_served_as_text() {
        let (status, text) = get(&ProbeState::default(), "/metrics").await;
        assert_eq!(status, 200);
        assert!(text.contains("cassandra_node_up 0"), "{text}");
    }
}
