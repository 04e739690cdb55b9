//! The task that carries jobs out, beside the pass that observes.
//!
//! It knows nothing but what is in the journal on the volume: whatever ends it, the one that begins after it goes on
//! from there. When a write of the journal fails, the journal is read anew before anything else is done, since the
//! write may have reached the disk all the same.

use std::{collections::BTreeMap, pin::pin, sync::Arc, time::Duration};

use cassandra_api::v1alpha1::{CassandraMember, Job, OperationStatus};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{
    Orders, Outcome,
    journal::{End, How, Journal},
    kinds::{Kinds, carry_out},
    next::{Step, next},
    standing::{self, Activity},
};
use crate::{
    clock::Clock,
    member::CachedMember,
    metrics::Metrics,
    reading::{Observe, Operate, Reading, read},
    volume::{self, Volume},
};

/// How long after something could not be done that is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// How often Cassandra is looked at for a job that waits for it.
const OFTEN: Duration = Duration::from_secs(2);
/// No more than one word on progress in this time.
const PACE: Duration = Duration::from_secs(5);

/// How the jobs stand. None: it is not known yet.
pub type Standings = Option<Arc<Vec<OperationStatus>>>;

/// Carries out the jobs of one member.
#[derive(Debug)]
pub struct Runner<N, V> {
    node: Arc<N>,
    volume: Arc<V>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    member_uid: String,
    standings: watch::Sender<Standings>,
    /// What is on the volume. None: it has to be read.
    journal: Option<Journal>,
    /// An end that is not on the volume yet.
    unsaved: Option<(String, End)>,
    /// Why the journal could not be read or written, told once.
    trouble: Option<&'static str>,
}

/// When to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    /// At once.
    None,
    /// After this time, or when the spec changes.
    For(Duration),
    /// When the spec changes.
    UntilNews,
}

impl<N: Observe + Operate, V: Volume> Runner<N, V> {
    /// A runner that has not looked at anything yet.
    pub fn new(
        node: Arc<N>,
        volume: Arc<V>,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        member_uid: String,
        standings: watch::Sender<Standings>,
    ) -> Self {
        Self {
            node,
            volume,
            clock,
            metrics,
            member_uid,
            standings,
            journal: None,
            unsaved: None,
            trouble: None,
        }
    }

    /// Works for ever. Dropped, it leaves what it was at to the one that begins after it.
    pub async fn run(mut self, mut known: watch::Receiver<CachedMember>) {
        loop {
            let member = known.borrow_and_update().member().cloned();
            let pause = match member {
                Some(member) => self.step(&member, &known).await,
                None => Pause::UntilNews,
            };
            let limit = match pause {
                Pause::None => continue,
                Pause::For(limit) => Some(limit),
                Pause::UntilNews => None,
            };
            tokio::select! {
                biased;
                changed = known.changed() => if changed.is_err() { std::future::pending::<()>().await },
                () = sleep(limit.unwrap_or_default()), if limit.is_some() => {}
            }
        }
    }

    async fn step(
        &mut self,
        member: &CassandraMember,
        known: &watch::Receiver<CachedMember>,
    ) -> Pause {
        let orders = Orders::of(member);
        let reported = reported(member);
        let journal = match self.load().await {
            Ok(journal) => journal,
            Err(trouble) => {
                self.tell(standing::jobs(
                    &orders.jobs,
                    Err(&trouble),
                    &Activity::default(),
                    reported,
                ));
                return Pause::For(AGAIN);
            }
        };
        let journal = journal.recovered(&orders, reported);
        if let Some((id, end)) = self.unsaved.clone() {
            return self.end(journal, &id, end).await;
        }
        let step = match next(&orders, &journal, None, &Kinds) {
            Step::Look => {
                let reading = Reading::from(read(&*self.node).await);
                next(&orders, &journal, Some(&reading), &Kinds)
            }
            step @ (Step::Forget(_)
            | Step::Begin(_)
            | Step::End(..)
            | Step::Wait(_)
            | Step::Rest) => step,
        };
        self.take(step, &orders, journal, known).await
    }

    async fn take(
        &mut self,
        step: Step,
        orders: &Orders,
        journal: Journal,
        known: &watch::Receiver<CachedMember>,
    ) -> Pause {
        let (reasons, pause) = match step {
            Step::Forget(ids) => {
                let without = journal.without(&ids);
                return self
                    .store(without)
                    .await
                    .map_or_else(|p| p, |()| Pause::None);
            }
            Step::End(id, end) => return self.end(journal, &id, end).await,
            Step::Begin(job) => {
                let begun = journal.begun(&job, self.clock.now());
                return match self.store(begun).await {
                    Ok(()) => self.carry_out(&job, known).await,
                    Err(pause) => pause,
                };
            }
            Step::Wait(reasons) => (reasons, Pause::For(OFTEN)),
            // Asked with a reading, nothing asks for one.
            Step::Look => return Pause::For(OFTEN),
            Step::Rest => (BTreeMap::new(), Pause::UntilNews),
        };
        let activity = Activity {
            reasons,
            ..Activity::default()
        };
        self.tell(standing::jobs(&orders.jobs, Ok(&journal), &activity, &[]));
        pause
    }

    async fn carry_out(&mut self, job: &Job, known: &watch::Receiver<CachedMember>) -> Pause {
        tracing::info!(job = job.id, kind = job.kind.as_str(), "a job is begun");
        let (progress, mut told) = watch::channel(None);
        let mut known = known.clone();
        let node = Arc::clone(&self.node);
        let mut work = pin!(carry_out(&*node, job, &progress));
        let mut last = Instant::now();
        let outcome = loop {
            let activity = Activity {
                doing: Some(job.id.clone()),
                progress: told.borrow_and_update().clone(),
                ..Activity::default()
            };
            self.tell_of(&known.borrow_and_update(), &activity);
            tokio::select! {
                biased;
                outcome = &mut work => break outcome,
                Ok(()) = known.changed() => {}
                () = at_pace(&mut told, last) => last = Instant::now(),
            }
        };
        let end = match outcome {
            Outcome::Done(message) => End {
                how: How::Done,
                message,
            },
            Outcome::Failed(message) => End {
                how: How::Failed,
                message,
            },
            Outcome::Unknown(message) => {
                tracing::warn!(job = job.id, message, "it is not known what came of a job");
                let activity = Activity {
                    reasons: BTreeMap::from([(job.id.clone(), message)]),
                    ..Activity::default()
                };
                self.tell_of(&known.borrow(), &activity);
                return Pause::For(AGAIN);
            }
        };
        tracing::info!(job = job.id, how = ?end.how, message = end.message, "a job has ended");
        match self.journal.clone() {
            Some(journal) => self.end(journal, &job.id, end).await,
            None => Pause::None,
        }
    }

    fn tell_of(&self, known: &CachedMember, activity: &Activity) {
        if let (Some(member), Some(journal)) = (known.member(), &self.journal) {
            let jobs = &member.spec.jobs;
            self.tell(standing::jobs(jobs, Ok(journal), activity, &[]));
        }
    }

    /// The end of a job: on the volume first.
    async fn end(&mut self, journal: Journal, id: &str, end: End) -> Pause {
        let kind = journal.entry(id).map(|entry| entry.job.kind);
        match self.store(journal.ended(id, end.clone())).await {
            Ok(()) => {
                self.unsaved = None;
                if let Some(kind) = kind {
                    self.metrics.outcome(kind.as_str(), end.how.as_str());
                }
                Pause::None
            }
            Err(pause) => {
                self.unsaved = Some((id.to_owned(), end));
                pause
            }
        }
    }

    /// What is on the volume, or why that is not known.
    async fn load(&mut self) -> Result<Journal, String> {
        if let Some(journal) = &self.journal {
            return Ok(journal.clone());
        }
        match self.volume.load_journal().await {
            Ok(found) => {
                self.trouble = None;
                let journal = Journal::found(found, &self.member_uid);
                self.journal = Some(journal.clone());
                Ok(journal)
            }
            Err(error) => {
                self.troubled(&error);
                Err(format!("nothing is begun: {error}"))
            }
        }
    }

    async fn store(&mut self, journal: Journal) -> Result<(), Pause> {
        match self.volume.store_journal(journal.clone()).await {
            Ok(()) => {
                self.trouble = None;
                self.journal = Some(journal);
                Ok(())
            }
            Err(error) => {
                // It may be on the disk or not.
                self.journal = None;
                self.troubled(&error);
                Err(Pause::For(AGAIN))
            }
        }
    }

    fn troubled(&mut self, error: &volume::Error) {
        self.metrics.disk_error(error.reason());
        if self.trouble != Some(error.reason()) {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(%error, cause, "the journal of operations can't be kept; trying on");
            self.trouble = Some(error.reason());
        }
    }

    fn tell(&self, jobs: Vec<OperationStatus>) {
        self.standings.send_if_modified(|told| {
            let news = told.as_ref().is_none_or(|told| **told != jobs);
            if news {
                *told = Some(Arc::new(jobs));
            }
            news
        });
    }
}

/// Waits for news of the progress, and until it is time for them.
async fn at_pace(told: &mut watch::Receiver<Option<String>>, last: Instant) {
    if told.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    sleep_until(last + PACE).await;
}

fn reported(member: &CassandraMember) -> &[OperationStatus] {
    member.status.as_ref().map_or(&[], |status| &status.jobs)
}

#[cfg(test)]
mod tests;
