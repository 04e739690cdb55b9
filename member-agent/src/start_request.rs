//! Answering the bootstrapper. It asks the API server each time, since a member may have been replaced while
//! its pod was away; what can't be found out is said to be unknown, never guessed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use cassandra_api::v1alpha1::{Start, StartMode, VolumeStatus};
use cassandra_management::start_request::{START_PATH, StartRequest, StartResponse};
use tokio::{sync::Notify, time::Instant};

use crate::member::{CachedMember, LiveAnswer, LiveReader};

/// For this long after a question the bootstrapper is at work.
const AT_WORK: Duration = Duration::from_secs(10);

/// What the bootstrapper said last.
#[derive(Clone, Debug, Default)]
pub struct BootstrapperReport {
    last: Arc<Mutex<Option<(Instant, VolumeStatus)>>>,
    news: Arc<Notify>,
}

impl BootstrapperReport {
    fn record(&self, volume: VolumeStatus) {
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
    pub fn last(&self) -> Option<VolumeStatus> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().map(|(_, volume)| volume.clone())
    }

    /// What it said, if it is still at work.
    pub fn recent(&self) -> Option<VolumeStatus> {
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

/// What the server of start requests needs.
#[derive(Debug)]
pub struct StartRequests {
    /// Where to ask.
    pub live: LiveReader,
    /// Where is kept what the bootstrapper says.
    pub told: BootstrapperReport,
    /// The highest epoch that was seen.
    pub highest: Mutex<i64>,
}

impl StartRequests {
    /// Answers the bootstrapper, and keeps what it said for the status.
    pub async fn answer(&self, question: StartRequest) -> StartResponse {
        self.told.record(question.volume);
        let said = self.live.ask().await;
        let mut highest = self.highest.lock().unwrap_or_else(PoisonError::into_inner);
        answer(&said, &mut highest)
    }
}

/// The routes of start requests.
pub fn routes(requests: Arc<StartRequests>) -> Router {
    Router::new()
        .route(START_PATH, post(start))
        .with_state(requests)
}

async fn start(
    State(requests): State<Arc<StartRequests>>,
    question: Bytes,
) -> Result<Vec<u8>, (StatusCode, String)> {
    let question: StartRequest = serde_json::from_slice(&question)
        .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    serde_json::to_vec(&requests.answer(question).await)
        .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// The answer to what is known, and the highest epoch from now on. A lower epoch than was seen before comes
/// from an API server that has lost something: nothing is started on its word.
fn answer(said: &LiveAnswer, highest: &mut i64) -> StartResponse {
    match said {
        LiveAnswer::Now(CachedMember::Present(member)) => {
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
            StartResponse::Present {
                start,
                host_id: member.status.as_ref().and_then(|s| s.host_id.clone()),
            }
        }
        LiveAnswer::Now(CachedMember::Gone) => StartResponse::Gone,
        LiveAnswer::Now(CachedMember::Nothing) => StartResponse::Unreachable { for_seconds: 0 },
        LiveAnswer::Silent(silence) => StartResponse::Unreachable {
            for_seconds: silence.as_secs(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fixtures::member;

    fn present(epoch: i64) -> LiveAnswer {
        let mut member = member();
        member.spec.start.epoch = epoch;
        member.spec.start.mode = StartMode::Rejoin;
        LiveAnswer::Now(CachedMember::Present(Arc::new(member)))
    }

    fn mode(answer: &StartResponse) -> StartMode {
        match answer {
            StartResponse::Present { start, .. } => start.mode,
            StartResponse::Gone | StartResponse::Unreachable { .. } => panic!("{answer:?}"),
        }
    }

    #[test]
    fn unknown_is_not_gone() {
        let silent = LiveAnswer::Silent(Duration::from_secs(7));
        assert_eq!(
            answer(&silent, &mut 0),
            StartResponse::Unreachable { for_seconds: 7 }
        );
        assert_eq!(
            answer(&LiveAnswer::Now(CachedMember::Gone), &mut 0),
            StartResponse::Gone
        );
        assert!(matches!(
            answer(&LiveAnswer::Now(CachedMember::Nothing), &mut 0),
            StartResponse::Unreachable { .. }
        ));
    }

    #[test]
    fn a_member_with_another_uid_is_gone() {
        let other = CachedMember::of(Some(member()), "another");
        assert_eq!(answer(&LiveAnswer::Now(other), &mut 0), StartResponse::Gone);
        assert_eq!(
            answer(&LiveAnswer::Now(CachedMember::of(None, "u")), &mut 0),
            StartResponse::Gone
        );
    }

    #[test]
    fn nothing_starts_on_an_epoch_lower_than_one_that_was_seen() {
        let mut highest = 0;
        assert_eq!(mode(&answer(&present(4), &mut highest)), StartMode::Rejoin);
        assert_eq!(mode(&answer(&present(3), &mut highest)), StartMode::Hold);
        assert_eq!(mode(&answer(&present(4), &mut highest)), StartMode::Rejoin);
        assert_eq!(mode(&answer(&present(5), &mut highest)), StartMode::Rejoin);
    }

    #[tokio::test(start_paused = true)]
    async fn the_bootstrapper_is_at_work_for_ten_seconds_after_a_question() {
        let told = BootstrapperReport::default();
        told.record(VolumeStatus::default());
        // It is news.
        told.news().await;
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(told.recent().is_some());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(told.recent().is_none() && told.last().is_some());
        told.forget();
        assert!(told.last().is_none());
    }
}
