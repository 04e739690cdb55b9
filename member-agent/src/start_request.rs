//! Answering the bootstrapper. It asks the API server each time, since a member may have been replaced while
//! its pod was away; what can't be found out is said to be unknown, never guessed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use cassandra_api::v1alpha1::{CassandraMember, VolumeStatus};
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
    /// What the bootstrapper says is kept here.
    pub report: BootstrapperReport,
}

impl StartRequests {
    /// Answers the bootstrapper, and keeps what it said for the status.
    pub async fn answer(&self, question: StartRequest) -> StartResponse {
        self.report.record(question.volume);
        answer(&self.live.ask().await)
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

/// The host id that the operator knows the member by. Until it does: the one that was reported.
fn known_host_id(member: &CassandraMember) -> Option<String> {
    let reported = member.status.as_ref();
    let reported = || reported.and_then(|status| status.host_id.clone());
    member.spec.host_id.clone().or_else(reported)
}

/// The answer to what is known. Whether the permit is older than the last one is the bootstrapper's to judge: it has the
/// marker in its hands.
fn answer(said: &LiveAnswer) -> StartResponse {
    match said {
        LiveAnswer::Now(CachedMember::Present(member)) => StartResponse::Present {
            start: member.spec.start.clone(),
            host_id: known_host_id(member),
        },
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

    #[test]
    fn unknown_is_not_gone() {
        let silent = LiveAnswer::Silent(Duration::from_secs(7));
        assert_eq!(
            answer(&silent),
            StartResponse::Unreachable { for_seconds: 7 }
        );
        assert_eq!(
            answer(&LiveAnswer::Now(CachedMember::Gone)),
            StartResponse::Gone
        );
        assert!(matches!(
            answer(&LiveAnswer::Now(CachedMember::Nothing)),
            StartResponse::Unreachable { .. }
        ));
    }

    #[test]
    fn a_member_with_another_uid_is_gone() {
        let other = CachedMember::of(Some(member()), "another");
        assert_eq!(answer(&LiveAnswer::Now(other)), StartResponse::Gone);
        assert_eq!(
            answer(&LiveAnswer::Now(CachedMember::of(None, "u"))),
            StartResponse::Gone
        );
    }

    #[test]
    fn a_member_that_is_there_is_answered_for_with_its_permit() {
        let known = CachedMember::Present(Arc::new(member()));
        let expected = StartResponse::Present {
            start: member().spec.start,
            host_id: None,
        };
        assert_eq!(answer(&LiveAnswer::Now(known)), expected);
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
