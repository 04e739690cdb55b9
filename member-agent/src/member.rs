//! What the API server says of the member: by a watch, for the agent's own work, and by asking at once, for
//! the bootstrapper.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cassandra_api::{identity::Identity, v1alpha1::CassandraMember};
use futures::StreamExt as _;
use kube::{
    Api,
    runtime::{WatchStreamExt as _, watcher},
};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use crate::metrics::Metrics;

/// How long a watch lasts. A connection that died unseen is noticed a little later.
const WATCH_SECONDS: u32 = 200;
/// How long the bootstrapper waits for the API server.
const ASK_LIMIT: Duration = Duration::from_secs(3);
/// How long an answer of the API server is used again.
const ANSWER_LASTS: Duration = Duration::from_secs(2);

/// What is known of the member.
#[derive(Clone, Debug, Default)]
pub enum CachedMember {
    /// Nothing yet.
    #[default]
    Nothing,
    /// It is there, with the UID that the pod was made for.
    Present(Arc<CassandraMember>),
    /// It is not there, or another one has its name.
    Gone,
}

impl CachedMember {
    /// What an object of the member's name says, or that there is none.
    pub fn of(object: Option<CassandraMember>, uid: &str) -> Self {
        match object {
            Some(member) if member.metadata.uid.as_deref() == Some(uid) => {
                Self::Present(Arc::new(member))
            }
            Some(_) | None => Self::Gone,
        }
    }

    /// The member, if it is there.
    pub fn member(&self) -> Option<&Arc<CassandraMember>> {
        match self {
            Self::Present(member) => Some(member),
            Self::Nothing | Self::Gone => None,
        }
    }

    /// What a change of the spec changes, and a change of the status does not.
    pub fn version_of_spec(&self) -> Option<i64> {
        self.member().and_then(|member| member.metadata.generation)
    }
}

/// When the API server was last heard of.
#[derive(Clone, Debug)]
pub struct LastContact(Arc<Mutex<Instant>>);

impl Default for LastContact {
    /// The agent's start counts: before it, nobody could have heard.
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl LastContact {
    /// The API server was heard of just now.
    pub fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long it has not been heard of.
    pub fn silence(&self) -> Duration {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.elapsed()
    }
}

/// Follows the member for ever, and tells each who listens in turn.
pub async fn follow(
    api: Api<CassandraMember>,
    identity: Identity,
    known: Vec<watch::Sender<CachedMember>>,
    heard: LastContact,
    metrics: Metrics,
) {
    let selection = watcher::Config::default()
        .fields(&format!("metadata.name={}", identity.member))
        .timeout(WATCH_SECONDS);
    let mut events = pin!(watcher(api, selection).default_backoff());
    let mut listed = false;
    let mut failing = false;
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                metrics.watch_errors.inc();
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "the member can't be watched; trying on");
                }
                continue;
            }
        };
        // That a list begins is told before it is asked for: nobody has answered yet.
        if !matches!(event, watcher::Event::Init) {
            heard.now();
            if std::mem::take(&mut failing) {
                tracing::info!("the member is watched again");
            }
        }
        match event {
            watcher::Event::Init => listed = false,
            watcher::Event::InitApply(member) | watcher::Event::Apply(member) => {
                listed = true;
                publish(
                    &known,
                    &CachedMember::of(Some(member), &identity.member_uid),
                );
            }
            watcher::Event::InitDone if listed => {}
            watcher::Event::InitDone | watcher::Event::Delete(_) => {
                publish(&known, &CachedMember::Gone);
            }
        }
    }
}

fn publish(known: &[watch::Sender<CachedMember>], new: &CachedMember) {
    let is_gone = |known: &CachedMember| matches!(known, CachedMember::Gone);
    let was_gone = known.iter().all(|known| is_gone(&known.borrow()));
    if is_gone(new) && !was_gone {
        tracing::warn!(
            "the member is gone, or another one has its name; nothing is written any more"
        );
    }
    for listener in known {
        listener.send_replace(new.clone());
    }
}

/// Asks the API server what is true now.
#[derive(Debug)]
pub struct LiveReader {
    api: Api<CassandraMember>,
    identity: Identity,
    heard: LastContact,
    last: tokio::sync::Mutex<LastAnswer>,
}

/// What came of the last question.
#[derive(Debug, Default)]
enum LastAnswer {
    #[default]
    Nothing,
    Answered(Instant, CachedMember),
    /// The first of the questions in a row that were not answered.
    Unanswered(Instant),
}

/// What the API server says.
#[derive(Clone, Debug)]
pub enum LiveAnswer {
    /// This is true now, or was at most two seconds ago.
    Now(CachedMember),
    /// It can't be asked, and was not heard of for this long.
    Silent(Duration),
}

impl LiveReader {
    /// A reader of this identity's member.
    pub fn new(api: Api<CassandraMember>, identity: Identity, heard: LastContact) -> Self {
        Self {
            api,
            identity,
            heard,
            last: tokio::sync::Mutex::default(),
        }
    }

    /// What the API server says of the member now.
    pub async fn ask(&self) -> LiveAnswer {
        let mut last = self.last.lock().await;
        if let LastAnswer::Answered(at, known) = &*last
            && at.elapsed() < ANSWER_LASTS
        {
            return LiveAnswer::Now(known.clone());
        }
        let begun = Instant::now();
        if let Some(known) = self.get().await {
            *last = LastAnswer::Answered(begun, known.clone());
            return LiveAnswer::Now(known);
        }
        let since = match *last {
            LastAnswer::Unanswered(since) => since,
            LastAnswer::Nothing | LastAnswer::Answered(..) => begun,
        };
        *last = LastAnswer::Unanswered(since);
        // A quiet watch is no silence: that begins with a question that was not answered.
        LiveAnswer::Silent(self.heard.silence().min(since.elapsed()))
    }

    async fn get(&self) -> Option<CachedMember> {
        let answer = timeout(ASK_LIMIT, self.api.get_opt(&self.identity.member)).await;
        match answer {
            Ok(Ok(object)) => {
                self.heard.now();
                Some(CachedMember::of(object, &self.identity.member_uid))
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "the API server can't be asked");
                None
            }
            Err(_) => None,
        }
    }
}
