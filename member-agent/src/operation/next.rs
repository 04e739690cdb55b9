//! What to do next. Pure: orders, journal and a look at Cassandra in, one step out.
//!
//! It is asked when nothing is being carried out. So a job that the journal has begun and not ended is one of which the
//! outcome is not known, whether the agent has crashed or Cassandra did not answer: both go the same way. It is settled
//! before another one is begun.

use std::collections::BTreeMap;

use cassandra_api::v1alpha1::Job;

use super::{
    Orders,
    journal::{End, Entry, How, Journal},
};
use crate::reading::Reading;

/// How often a job is begun, when each time it is not known what came of it. Each attempt may keep one of Jolokia's few
/// threads for as long as Cassandra takes.
pub const MOST_ATTEMPTS: u32 = 3;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// These jobs are not asked for any more.
    Forget(Vec<String>),
    /// Look at Cassandra, and ask again with what that shows.
    Look,
    /// Begin this job: in the journal first.
    Begin(Job),
    /// This job has ended so.
    End(String, End),
    /// Nothing can be done now. Why each job waits, by its id.
    Wait(BTreeMap<String, String>),
    /// There is nothing to do.
    Rest,
}

/// What a look at a job that was begun shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Done(String),
    /// It has ended otherwise.
    Failed(String),
    /// It may be begun again: it is not done, or doing it twice does no harm.
    MayBegin,
    /// That can't be told yet.
    CannotTell(String),
}

/// What the kinds of jobs say.
pub trait Kinds {
    /// Whether a job can be begun now, or why not.
    fn may_begin(&self, job: &Job, reading: &Reading) -> Result<(), String>;
    /// What came of a job that was begun.
    fn look(&self, job: &Job, reading: &Reading) -> Verdict;
}

/// What to do next. `reading`: what a look at Cassandra has shown since the last step, None if there was none.
pub fn next(
    orders: &Orders,
    journal: &Journal,
    reading: Option<&Reading>,
    kinds: &impl Kinds,
) -> Step {
    let forgotten = forgotten(orders, journal);
    if !forgotten.is_empty() {
        return Step::Forget(forgotten);
    }
    let unbegun = || {
        let jobs = orders.jobs.iter();
        jobs.filter(|job| journal.entry(&job.id).is_none())
    };
    if journal.open().next().is_none() && unbegun().next().is_none() {
        return Step::Rest;
    }
    let Some(reading) = reading else {
        return Step::Look;
    };
    let begin = |job: &Job| match &orders.operation {
        Some(operation) => Err(format!(
            "gives way to this member's operation {}",
            operation.kind.as_str()
        )),
        None => kinds.may_begin(job, reading),
    };
    let mut reasons = BTreeMap::new();
    if let Some(entry) = journal.open().next() {
        match settle(entry, reading, kinds, begin) {
            Ok(step) => return step,
            Err(reason) => reasons.insert(entry.job.id.clone(), reason),
        };
        let after = format!("begins after {}", entry.job.id);
        reasons.extend(unbegun().map(|job| (job.id.clone(), after.clone())));
        return Step::Wait(reasons);
    }
    for job in unbegun() {
        match begin(job) {
            Ok(()) => return Step::Begin(job.clone()),
            Err(reason) => reasons.insert(job.id.clone(), reason),
        };
    }
    Step::Wait(reasons)
}

/// Jobs in the journal that the spec does not name any more.
fn forgotten(orders: &Orders, journal: &Journal) -> Vec<String> {
    let named = |id: &str| orders.jobs.iter().any(|job| job.id == id);
    let ids = journal.entries().iter().map(|entry| &entry.job.id);
    ids.filter(|id| !named(id)).cloned().collect()
}

/// What to do with a job that was begun and of which the outcome is not known, or why nothing can be done.
fn settle(
    entry: &Entry,
    reading: &Reading,
    kinds: &impl Kinds,
    begin: impl Fn(&Job) -> Result<(), String>,
) -> Result<Step, String> {
    let end = |how, message| Step::End(entry.job.id.clone(), End { how, message });
    match kinds.look(&entry.job, reading) {
        Verdict::Done(message) => Ok(end(How::Done, message)),
        Verdict::Failed(message) => Ok(end(How::Failed, message)),
        Verdict::CannotTell(reason) => Err(reason),
        Verdict::MayBegin if entry.attempts >= MOST_ATTEMPTS => {
            let message = format!(
                "given up: it was begun {} times, and each time it is not known what came of it",
                entry.attempts
            );
            Ok(end(How::GivenUp, message))
        }
        Verdict::MayBegin => begin(&entry.job).map(|()| Step::Begin(entry.job.clone())),
    }
}

#[cfg(test)]
mod tests;
