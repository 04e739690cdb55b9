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

use crate::member::{Inquiry, Known, Said};

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

impl Handoff {
    /// Answers the bootstrapper, and keeps what it said for the status.
    pub async fn answer(&self, question: Question) -> Answer {
        self.told.record(question.volume);
        let said = self.inquiry.ask().await;
        let mut highest = self.highest.lock().unwrap_or_else(PoisonError::into_inner);
        answer(&said, &mut highest)
    }
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
    serde_json::to_vec(&handoff.answer(question).await)
        .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// The answer to what is known, and the highest epoch from now on. A lower epoch than was seen before comes
/// from an API server that has lost something: nothing is started on its word.
fn answer(said: &Said, highest: &mut i64) -> Answer {
    match said {
        Said::Now(Known::Present(member)) => {
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
        Said::Now(Known::Gone) => Answer::Gone,
        Said::Now(Known::Nothing) => Answer::Unreachable { for_seconds: 0 },
        Said::Silent(silence) => Answer::Unreachable {
            for_seconds: silence.as_secs(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fixtures::member;

    fn present(epoch: i64) -> Said {
        let mut member = member();
        member.spec.start.epoch = epoch;
        member.spec.start.mode = StartMode::Rejoin;
        Said::Now(Known::Present(Arc::new(member)))
    }

    fn mode(answer: &Answer) -> StartMode {
        match answer {
            Answer::Present { start, .. } => start.mode,
            Answer::Gone | Answer::Unreachable { .. } => panic!("{answer:?}"),
        }
    }

    #[test]
    fn unknown_is_not_gone() {
        let silent = Said::Silent(Duration::from_secs(7));
        assert_eq!(
            answer(&silent, &mut 0),
            Answer::Unreachable { for_seconds: 7 }
        );
        assert_eq!(answer(&Said::Now(Known::Gone), &mut 0), Answer::Gone);
        assert!(matches!(
            answer(&Said::Now(Known::Nothing), &mut 0),
            Answer::Unreachable { .. }
        ));
    }

    #[test]
    fn a_member_with_another_uid_is_gone() {
        let other = Known::of(Some(member()), "another");
        assert_eq!(answer(&Said::Now(other), &mut 0), Answer::Gone);
        assert_eq!(
            answer(&Said::Now(Known::of(None, "u")), &mut 0),
            Answer::Gone
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
        let told = Told::default();
        told.record(VolumeFacts::default());
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
