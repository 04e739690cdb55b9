//! Writing the member's status: by server-side apply, only what is true and not written yet, at most once a
//! second, and in a task of its own, so that an API server that does not answer keeps nobody from looking.
//!
//! The status has one condition that is the operator's, Waiting. It is neither written nor compared: each owns what it
//! applies.
//!
//! The write carries the version that it is written over. A UID alone would not do: the API server takes the status of an
//! object's apply and leaves its metadata unread, so it would be written over another member of the same name. Where
//! somebody was faster, the member is read anew. Fields that somebody else wrote are taken back: the status is the agent's.

use std::{sync::Arc, time::Duration};

use cassandra_api::{
    identity::Identity,
    v1alpha1::{CassandraMember, CassandraMemberStatus},
};
use kube::{
    Api, Resource as _,
    api::{Patch, PatchParams},
    runtime::{utils::Backoff as _, watcher::DefaultBackoff},
};
use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    member::{CachedMember, LastContact},
    metrics::Metrics,
};

/// The field manager of everything that the agent writes. Never renamed: the fields would have two owners.
pub const FIELD_MANAGER: &str = "member-agent";
/// No more than one write in this time.
const PACE: Duration = Duration::from_secs(1);
/// How long one write may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Why the status was not written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server did not answer in time. The status may be written.
    #[error("the API server did not answer in time")]
    Timeout,
    /// The API server refused.
    #[error("failed to apply the status")]
    Refused(#[source] Box<kube::Error>),
    /// The member of this name is another one now, made after this agent's pod.
    #[error("the CassandraMember of this name is not the one that this pod was made for")]
    Replaced,
    /// The API server could not be reached, or failed.
    #[error("failed to reach the API server")]
    Unreachable(#[source] Box<kube::Error>),
}

impl Error {
    /// One word for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Timeout => "Timeout",
            Self::Replaced => "Replaced",
            Self::Refused(error) => match code(error) {
                Some(403) => "Forbidden",
                Some(404) => "NotFound",
                Some(409) => "Conflict",
                Some(_) | None => "Invalid",
            },
            Self::Unreachable(_) => "Unreachable",
        }
    }

    fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused(error) if code(error) == Some(409))
    }
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match code(&error) {
            // 429 is no refusal: the API server has too much to do.
            Some(400..=428 | 430..=499) => Self::Refused(Box::new(error)),
            Some(_) | None => Self::Unreachable(Box::new(error)),
        }
    }
}

/// The HTTP status of the API server's answer, if it gave one.
fn code(error: &kube::Error) -> Option<u16> {
    if let kube::Error::Api(status) = error {
        Some(status.code)
    } else {
        None
    }
}

/// What this agent reported last, as the API server is known to have it.
#[derive(Clone, Debug, Default)]
pub struct OnServer {
    version: Option<u64>,
    status: Option<CassandraMemberStatus>,
}

impl OnServer {
    /// What this answer or event of the API server says.
    pub fn of(member: &CassandraMember) -> Self {
        let version = member.metadata.resource_version.as_deref();
        Self {
            version: version.and_then(|version| version.parse().ok()),
            status: member.status.as_ref().map(CassandraMemberStatus::of_agent),
        }
    }

    /// The newer of the two: the watch lags behind what was written here, and tells what others wrote.
    fn or_newer(self, seen: Self) -> Self {
        if self.status.is_none() || seen.version > self.version {
            seen
        } else {
            self
        }
    }
}

/// Whether there is something to write.
fn differs(wanted: &CassandraMemberStatus, on_server: &OnServer) -> bool {
    on_server.status.as_ref() != Some(wanted)
}

/// Writes the status of one member.
#[derive(Clone, Debug)]
pub struct Reporter {
    api: Api<CassandraMember>,
    identity: Identity,
    heard: LastContact,
    metrics: Metrics,
}

impl Reporter {
    /// Writes for this identity.
    pub fn new(
        api: Api<CassandraMember>,
        identity: Identity,
        heard: LastContact,
        metrics: Metrics,
    ) -> Self {
        Self {
            api,
            identity,
            heard,
            metrics,
        }
    }

    /// Writes what is offered, whenever it differs from what the API server has. Never ends while somebody
    /// offers.
    pub async fn run(
        self,
        mut offers: watch::Receiver<Option<Arc<CassandraMemberStatus>>>,
        mut known: watch::Receiver<CachedMember>,
    ) {
        let mut on_server = OnServer::default();
        let mut trouble = Trouble::default();
        loop {
            let offer = offers.borrow_and_update().clone();
            let seen = known.borrow_and_update().member().cloned();
            if let Some(member) = &seen {
                on_server = on_server.or_newer(OnServer::of(member));
            }
            let due = seen.is_some() && offer.as_ref().is_some_and(|o| differs(o, &on_server));
            if let (true, Some(offer)) = (due, offer) {
                match self.write(&offer, &on_server).await {
                    Ok(written) => {
                        on_server = written;
                        trouble.over();
                        sleep(PACE).await;
                    }
                    Err(error) => {
                        let wait = trouble.with(&error);
                        sleep_until(Instant::now() + wait).await;
                    }
                }
                continue;
            }
            tokio::select! {
                biased;
                changed = offers.changed() => if changed.is_err() { return },
                changed = known.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Writes this status over what is known to be there or, where that is old, over what is there now.
    ///
    /// # Errors
    /// When the API server can't be reached or refuses, and when the member is another one now.
    pub async fn write(
        &self,
        status: &CassandraMemberStatus,
        known: &OnServer,
    ) -> Result<OnServer, Error> {
        let outcome = match self.apply(status, known).await {
            Err(error) if error.is_conflict() => match self.read().await {
                Ok(now) => self.apply(status, &now).await,
                Err(error) => Err(error),
            },
            outcome => outcome,
        };
        match &outcome {
            Ok(_) => {
                self.heard.now();
                self.metrics.write("ok");
            }
            Err(error) => self.metrics.write(error.reason()),
        }
        outcome
    }

    async fn apply(
        &self,
        status: &CassandraMemberStatus,
        over: &OnServer,
    ) -> Result<OnServer, Error> {
        let name = &self.identity.member;
        let patch = Patch::Apply(json!({
            "apiVersion": CassandraMember::api_version(&()),
            "kind": CassandraMember::kind(&()),
            "metadata": {
                "name": name,
                "uid": self.identity.member_uid,
                "resourceVersion": over.version.map(|version| version.to_string()),
            },
            "status": status,
        }));
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let member = in_time(self.api.patch_status(name, &params, &patch)).await?;
        Ok(OnServer::of(&member))
    }

    async fn read(&self) -> Result<OnServer, Error> {
        let member = in_time(self.api.get(&self.identity.member)).await?;
        if member.metadata.uid.as_deref() == Some(&self.identity.member_uid) {
            Ok(OnServer::of(&member))
        } else {
            Err(Error::Replaced)
        }
    }
}

/// The answer to a call, or why there is none.
async fn in_time<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, Error> {
    match timeout(LIMIT, call).await {
        Ok(outcome) => outcome.map_err(Error::from),
        Err(_) => Err(Error::Timeout),
    }
}

/// Failures in a row: waited for ever longer, and told once.
#[derive(Default)]
struct Trouble {
    backoff: DefaultBackoff,
    reason: Option<&'static str>,
}

impl Trouble {
    fn with(&mut self, error: &Error) -> Duration {
        if self.reason != Some(error.reason()) {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(%error, cause, "the status was not written; trying on");
            self.reason = Some(error.reason());
        }
        self.backoff.next().unwrap_or(LIMIT)
    }

    fn over(&mut self) {
        if self.reason.take().is_some() {
            tracing::info!("the status is written again");
        }
        self.backoff.reset();
    }
}

#[cfg(test)]
mod tests {
    use cassandra_api::{
        conditions::{self, Wanted},
        v1alpha1::MemberState,
    };

    use super::*;
    use crate::fixtures::{at, member};

    fn on_server(version: &str, state: MemberState) -> OnServer {
        let mut member = member();
        member.metadata.resource_version = Some(version.into());
        member.status = Some(status(state));
        OnServer::of(&member)
    }

    fn status(state: MemberState) -> CassandraMemberStatus {
        CassandraMemberStatus {
            state,
            ..CassandraMemberStatus::default()
        }
    }

    #[test]
    fn status_is_not_written_when_nothing_changed() {
        let ready = on_server("7", MemberState::Ready);
        assert!(!differs(&status(MemberState::Ready), &ready));
        assert!(differs(&status(MemberState::Stopped), &ready));
        assert!(differs(&status(MemberState::Ready), &OnServer::default()));
    }

    #[test]
    fn the_operators_condition_is_nothing_to_write_about() {
        let mut member = member();
        let waiting = Wanted::new(conditions::WAITING, true, "starting", "it starts");
        let told = CassandraMemberStatus {
            conditions: vec![waiting.onto(&[], None, &at(1))],
            ..status(MemberState::Ready)
        };
        member.status = Some(told);
        assert!(!differs(
            &status(MemberState::Ready),
            &OnServer::of(&member)
        ));
    }

    #[test]
    fn an_older_event_of_the_watch_does_not_undo_what_was_written() {
        let written = on_server("10", MemberState::Ready);
        let late = on_server("9", MemberState::Starting);
        let kept = written.clone().or_newer(late);
        assert!(!differs(&status(MemberState::Ready), &kept));
        let tampered = on_server("11", MemberState::Unknown);
        let seen = written.or_newer(tampered);
        assert!(
            differs(&status(MemberState::Ready), &seen),
            "it is put right"
        );
    }

    #[test]
    fn what_was_never_written_is_taken_from_the_watch() {
        let seen = OnServer::default().or_newer(on_server("3", MemberState::Ready));
        assert!(!differs(&status(MemberState::Ready), &seen));
    }
}
