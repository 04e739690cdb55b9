//! Answering the bootstrapper. It asks the API server each time, since a member may have been replaced while
//! its pod was away; what can't be found out is said to be unknown, never guessed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use cassandra_api::v1alpha1::{Start, StartMode, VolumeFacts};
use cassandra_management::handoff::{Answer, LEAVE_PATH, Question};
use tokio::{sync::Notify, time::Instant};

use crate::member::{Inquiry, Known};

/// For this long after a question the bootstrapper is at work.
const AT_WORK: Duration = Duration::from_secs(10);

/// What the bootstrapper said last.
#[derive(Clone, Debug, Default)]
pub struct Told {
    last: Arc<Mutex<Option<(Instant, VolumeFacts)>>>,
    news: Arc<Notify>,
}

impl Told {
    fn record(&self, volume: VolumeFacts) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = last
            .as_ref()
            .is_none_or(|(at, known)| at.elapsed() >= AT_WORK || *known != volume);
        *last = Some((Instant::now(), volume));
        if is_news {
            self.news.notify_one();
        }
    }

    /// What it said last.
    pub fn last(&self) -> Option<VolumeFacts> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().map(|(_, volume)| volume.clone())
    }

    /// What it said, if it is still at work.
    pub fn recent(&self) -> Option<VolumeFacts> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = last.as_ref().filter(|(at, _)| at.elapsed() < AT_WORK);
        recent.map(|(_, volume)| volume.clone())
    }

    /// Cassandra is up: what the bootstrapper said is history.
    pub fn forget(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Waits until the bootstrapper says something new.
    pub async fn news(&self) {
        self.news.notified().await;
    }
}

/// What the handoff's server needs.
#[derive(Debug)]
pub struct Handoff {
    /// Where to ask.
    pub inquiry: Inquiry,
    /// Where to leave what the bootstrapper says.
    pub told: Told,
    /// The highest epoch that was seen.
    pub highest: Mutex<i64>,
}

/// The handoff's routes.
pub fn routes(handoff: Arc<Handoff>) -> Router {
    Router::new()
        .route(LEAVE_PATH, post(leave))
        .with_state(handoff)
}

async fn leave(
    State(handoff): State<Arc<Handoff>>,
    question: Bytes,
) -> Result<Vec<u8>, (StatusCode, String)> {
    let question: Question = serde_json::from_slice(&question)
        .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    handoff.told.record(question.volume);
    let known = handoff.inquiry.ask().await;
    let mut highest = handoff
        .highest
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let answer = answer(known.as_ref(), handoff.inquiry.silence(), &mut highest);
    serde_json::to_vec(&answer)
        .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// The answer to what is known, and the highest epoch from now on. A lower epoch than was seen before comes
/// from an API server that has lost something: nothing is started on its word.
fn answer(known: Option<&Known>, silence: Duration, highest: &mut i64) -> Answer {
    match known {
        Some(Known::Present(member)) => {
            let start = member.spec.start.clone();
            let start = if start.epoch < *highest {
                Start {
                    mode: StartMode::Hold,
                    ..start
                }
            } else {
                *highest = start.epoch;
                start
            };
            Answer::Present {
                start,
                host_id: member.status.as_ref().and_then(|s| s.host_id.clone()),
            }
        }
        Some(Known::Gone) => Answer::Gone,
        Some(Known::Nothing) | None => Answer::Unreachable {
            for_seconds: silence.as_secs(),
        },
    }
}
