//! Which replica works: the one that holds the Lease. Expiry is judged by when *we* saw the Lease change last, never
//! by comparing clocks, and every write of it is on condition that nobody wrote in between.
//!
//! The Lease saves double work. Safety comes from the conditions on each write.

use std::{future::Future, sync::Arc, time::Duration};

use cassandra_api::k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use futures::StreamExt as _;
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
    runtime::{WatchStreamExt as _, watcher},
};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// After this time without a renewal another replica takes over.
const DURATION: Duration = Duration::from_secs(15);
/// The holder stops working when it could not renew for so long: well before anybody else begins.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often the holder renews.
const RENEWAL: Duration = Duration::from_secs(5);
/// How long after a failed request it is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long one request about a Lease that we hold may take.
const ANSWER: Duration = Duration::from_secs(3);

/// The Lease could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// It could not be read or written.
    #[error("failed to {what} the Lease {name}")]
    Request {
        /// What was tried.
        what: &'static str,
        /// The Lease.
        name: String,
        /// The API server's answer.
        source: Box<kube::Error>,
    },
    /// The API server did not answer in time. It may have done what was asked.
    #[error("no answer about the Lease {name}")]
    Unanswered {
        /// The Lease.
        name: String,
    },
    /// It could not be renewed in time, or somebody else holds it.
    #[error("lost the Lease {name}")]
    Lost {
        /// The Lease.
        name: String,
    },
}

/// What to do about a Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nobody holds it: take it.
    Acquire,
    /// Somebody does: look again when it changes, or at this time.
    Wait(Instant),
}

/// When this Lease was first seen with its present holder and renewal.
#[derive(Clone, Debug)]
struct Seen {
    holder: Option<String>,
    renewed: Option<MicroTime>,
    at: Instant,
}

/// Judges a Lease by what was seen of it, and remembers what it is now.
fn evaluate(lease: Option<&Lease>, identity: &str, seen: &mut Option<Seen>, now: Instant) -> Step {
    let spec = lease.and_then(|lease| lease.spec.as_ref());
    let holder = spec
        .and_then(|spec| spec.holder_identity.clone())
        .filter(|holder| !holder.is_empty());
    let Some(holder) = holder.filter(|holder| holder != identity) else {
        return Step::Acquire;
    };
    let renewed = spec.and_then(|spec| spec.renew_time.clone());
    let unchanged = seen
        .as_ref()
        .filter(|seen| seen.holder.as_deref() == Some(holder.as_str()) && seen.renewed == renewed);
    let at = unchanged.map_or(now, |seen| seen.at);
    *seen = Some(Seen {
        holder: Some(holder),
        renewed,
        at,
    });
    if now >= at + DURATION {
        Step::Acquire
    } else {
        Step::Wait(at + DURATION)
    }
}

/// A replica's dealings with the Lease.
pub(super) struct Election {
    api: Api<Lease>,
    clock: Arc<dyn Clock>,
    name: String,
    identity: String,
}

impl Election {
    pub(super) fn new(
        client: Client,
        clock: Arc<dyn Clock>,
        namespace: &str,
        name: &str,
        identity: &str,
    ) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            clock,
            name: name.into(),
            identity: identity.into(),
        }
    }

    /// Waits until this replica holds the Lease.
    pub(super) async fn acquire(&self) -> Lease {
        let watch = watcher::watch_object(self.api.clone(), &self.name).default_backoff();
        let mut watch = std::pin::pin!(watch);
        let mut seen = None;
        let mut lease = self.read().await;
        let mut next_try = Instant::now();
        loop {
            let now = Instant::now();
            let due = match evaluate(lease.as_ref(), &self.identity, &mut seen, now) {
                Step::Wait(until) => until,
                Step::Acquire if now < next_try => next_try,
                Step::Acquire => match self.take(lease).await {
                    Ok(taken) => return taken,
                    Err(error) => {
                        // Somebody was faster, or the API server is away: look again, and wait for news.
                        tracing::info!(reason = %in_full(&error), "did not get the Lease");
                        lease = self.read().await;
                        next_try = Instant::now() + RETRY;
                        continue;
                    }
                },
            };
            tokio::select! {
                biased;
                () = sleep_until(due) => {}
                Some(change) = watch.next() => self.note(&mut lease, change),
            }
        }
    }

    /// The Lease as it is. One that can't be read counts as absent: taking it will fail, and is tried again.
    async fn read(&self) -> Option<Lease> {
        match self.api.get_opt(&self.name).await {
            Ok(lease) => lease,
            Err(error) => {
                tracing::warn!(%error, name = self.name, "failed to read the Lease");
                None
            }
        }
    }

    fn note(&self, lease: &mut Option<Lease>, change: Result<Option<Lease>, watcher::Error>) {
        match change {
            Ok(next) => *lease = next,
            // What was seen last still counts; expiry is judged by it.
            Err(error) => tracing::warn!(%error, name = self.name, "the watch of the Lease failed"),
        }
    }

    /// Renews the Lease until it is cancelled, then gives it back; ends with an error if it was lost.
    pub(super) async fn keep(
        &self,
        mut lease: Lease,
        stop: CancellationToken,
    ) -> Result<(), LeaseError> {
        let mut renewed = Instant::now();
        let mut due = renewed + RENEWAL;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.release(lease).await,
                () = sleep_until(due) => {}
            }
            match self.in_time(self.renew(&lease)).await {
                Ok(next) => {
                    lease = next;
                    renewed = Instant::now();
                    due = renewed + RENEWAL;
                    continue;
                }
                // Somebody took it, or an earlier renewal was applied and its answer lost.
                Err(error) if is_conflict(&error) => match self.in_time(self.held()).await {
                    Ok(Some(current)) => lease = current,
                    Ok(None) => return Err(self.lost()),
                    Err(error) => self.warn(&error),
                },
                Err(error) => self.warn(&error),
            }
            due = Instant::now() + RETRY;
            if due >= renewed + DEADLINE {
                return Err(self.lost());
            }
        }
    }

    /// The Lease as it is, if it is still ours.
    async fn held(&self) -> Result<Option<Lease>, LeaseError> {
        let found = self.api.get_opt(&self.name).await;
        let found = found.map_err(|source| self.failed("read", source))?;
        Ok(found.filter(|lease| {
            let spec = lease.spec.as_ref();
            spec.and_then(|spec| spec.holder_identity.as_ref()) == Some(&self.identity)
        }))
    }

    async fn in_time<T>(
        &self,
        request: impl Future<Output = Result<T, LeaseError>>,
    ) -> Result<T, LeaseError> {
        let answer = timeout(ANSWER, request).await;
        answer.unwrap_or_else(|_| {
            Err(LeaseError::Unanswered {
                name: self.name.clone(),
            })
        })
    }

    fn lost(&self) -> LeaseError {
        LeaseError::Lost {
            name: self.name.clone(),
        }
    }

    fn warn(&self, error: &LeaseError) {
        tracing::warn!(error = %in_full(error), name = self.name, "the Lease is not renewed; trying on");
    }

    async fn take(&self, lease: Option<Lease>) -> Result<Lease, LeaseError> {
        let now = MicroTime(self.clock.now().0);
        let held = lease.as_ref().and_then(|lease| lease.spec.as_ref());
        let transitions = held.and_then(|spec| spec.lease_transitions).unwrap_or(0);
        let spec = LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions.saturating_add(1)),
            ..LeaseSpec::default()
        };
        if let Some(lease) = lease {
            self.put(
                "take",
                Lease {
                    spec: Some(spec),
                    ..lease
                },
            )
            .await
        } else {
            let metadata = ObjectMeta {
                name: Some(self.name.clone()),
                ..ObjectMeta::default()
            };
            let lease = Lease {
                metadata,
                spec: Some(spec),
            };
            let request = self.api.create(&PostParams::default(), &lease).await;
            request.map_err(|source| self.failed("create", source))
        }
    }

    async fn renew(&self, lease: &Lease) -> Result<Lease, LeaseError> {
        let mut next = lease.clone();
        let spec = next.spec.get_or_insert_default();
        spec.renew_time = Some(MicroTime(self.clock.now().0));
        self.put("renew", next).await
    }

    /// So that the next replica need not wait for the expiry.
    async fn release(&self, lease: Lease) -> Result<(), LeaseError> {
        let mut next = lease;
        next.spec.get_or_insert_default().holder_identity = None;
        self.put("release", next).await.map(|_| ())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the resource version in it makes it conditional"
    )]
    async fn put(&self, what: &'static str, lease: Lease) -> Result<Lease, LeaseError> {
        let request = self
            .api
            .replace(&self.name, &PostParams::default(), &lease)
            .await;
        request.map_err(|source| self.failed(what, source))
    }

    fn failed(&self, what: &'static str, source: kube::Error) -> LeaseError {
        LeaseError::Request {
            what,
            name: self.name.clone(),
            source: Box::new(source),
        }
    }
}

fn is_conflict(error: &LeaseError) -> bool {
    match error {
        LeaseError::Request { source, .. } => {
            matches!(source.as_ref(), kube::Error::Api(status) if status.code == 409 || status.code == 404)
        }
        LeaseError::Unanswered { .. } | LeaseError::Lost { .. } => false,
    }
}

fn in_full(error: &LeaseError) -> String {
    let source = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", source.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_by(holder: &str, renewed: i64) -> Lease {
        let time = jiff::Timestamp::from_second(renewed).unwrap();
        let spec = LeaseSpec {
            holder_identity: Some(holder.into()),
            renew_time: Some(MicroTime(time)),
            ..LeaseSpec::default()
        };
        Lease {
            spec: Some(spec),
            ..Lease::default()
        }
    }

    #[test]
    fn a_lease_that_nobody_holds_is_taken() {
        let now = Instant::now();
        assert_eq!(evaluate(None, "a", &mut None, now), Step::Acquire);
        assert_eq!(
            evaluate(Some(&held_by("", 0)), "a", &mut None, now),
            Step::Acquire
        );
    }

    #[test]
    fn expiry_is_judged_by_when_it_was_seen_not_by_its_clock() {
        let (start, lease) = (Instant::now(), held_by("b", 0));
        let mut seen = None;
        assert_eq!(
            evaluate(Some(&lease), "a", &mut seen, start),
            Step::Wait(start + DURATION)
        );
        let later = start + DURATION;
        assert_eq!(evaluate(Some(&lease), "a", &mut seen, later), Step::Acquire);
    }

    #[test]
    fn a_renewal_begins_the_wait_anew() {
        let start = Instant::now();
        let mut seen = None;
        evaluate(Some(&held_by("b", 0)), "a", &mut seen, start);
        let later = start + DURATION;
        assert_eq!(
            evaluate(Some(&held_by("b", 1)), "a", &mut seen, later),
            Step::Wait(later + DURATION)
        );
    }

    #[test]
    fn the_holder_stops_before_another_begins() {
        assert!(DEADLINE + ANSWER < DURATION);
    }
}
