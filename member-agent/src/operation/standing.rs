//! How each job stands, for the status. Pure.

use std::collections::BTreeMap;

use cassandra_api::v1alpha1::{Job, OperationState, OperationStatus};

use super::journal::{Entry, How, Journal};

/// Longest message that the API takes.
const LONGEST_MESSAGE: usize = 1024;
/// Longest progress that the API takes.
const LONGEST_PROGRESS: usize = 256;
/// Most jobs that the API takes.
const MOST_JOBS: usize = 8;

/// What the runner is at.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    /// The job that is being carried out.
    pub doing: Option<String>,
    /// How far that is.
    pub progress: Option<String>,
    /// Why each job waits, or what it is looked at for, by its id.
    pub reasons: BTreeMap<String, String>,
}

/// How the jobs of a spec stand. `journal`: or why it is not known what was begun.
pub fn jobs(
    jobs: &[Job],
    journal: Result<&Journal, &str>,
    activity: &Activity,
    reported: &[OperationStatus],
) -> Vec<OperationStatus> {
    let stands = |job: &Job| match journal {
        Ok(journal) => known(job, journal.entry(&job.id), activity),
        Err(trouble) => unknown(job, trouble, reported),
    };
    jobs.iter().take(MOST_JOBS).map(stands).map(cut).collect()
}

fn known(job: &Job, entry: Option<&Entry>, activity: &Activity) -> OperationStatus {
    let reason = activity.reasons.get(&job.id).cloned();
    let is_doing = activity.doing.as_ref() == Some(&job.id);
    let Some(entry) = entry else {
        return OperationStatus {
            id: job.id.clone(),
            state: OperationState::Waiting,
            progress: None,
            message: reason.unwrap_or_else(|| "not begun yet".into()),
            started_at: None,
        };
    };
    let (state, message) = match &entry.end {
        Some(end) => (of_end(end.how), end.message.clone()),
        None if is_doing => (OperationState::Running, reason.unwrap_or_default()),
        None => {
            let begun = "begun, and it is not known what came of it";
            let message = reason.map_or_else(|| begun.into(), |why| format!("{begun}: {why}"));
            (OperationState::Unknown, message)
        }
    };
    OperationStatus {
        id: job.id.clone(),
        state,
        progress: activity.progress.clone().filter(|_| is_doing),
        message,
        started_at: entry.begun_at.clone(),
    }
}

fn of_end(how: How) -> OperationState {
    match how {
        How::Done => OperationState::Done,
        How::Failed => OperationState::Failed,
        How::GivenUp => OperationState::Unknown,
    }
}

/// What was reported to be at its end stays so. Of anything else it is not known whether it was begun.
fn unknown(job: &Job, trouble: &str, reported: &[OperationStatus]) -> OperationStatus {
    let said = reported.iter().find(|said| said.id == job.id);
    let ended = |said: &&OperationStatus| {
        matches!(said.state, OperationState::Done | OperationState::Failed)
    };
    if let Some(said) = said.filter(ended) {
        return said.clone();
    }
    OperationStatus {
        id: job.id.clone(),
        state: OperationState::Unknown,
        progress: None,
        message: trouble.into(),
        started_at: said.and_then(|said| said.started_at.clone()),
    }
}

/// How jobs stand when the agent ends: what is being carried out has nobody who will see its end.
pub fn abandoned(jobs: &[OperationStatus]) -> Vec<OperationStatus> {
    let mut jobs = jobs.to_vec();
    for job in &mut jobs {
        if job.state == OperationState::Running {
            job.state = OperationState::Unknown;
            job.progress = None;
            job.message = "begun, and the agent was stopped before its end".into();
        }
    }
    jobs
}

fn cut(status: OperationStatus) -> OperationStatus {
    let short = |text: String, longest| text.chars().take(longest).collect();
    OperationStatus {
        message: short(status.message, LONGEST_MESSAGE),
        progress: status.progress.map(|text| short(text, LONGEST_PROGRESS)),
        ..status
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixtures::{at, flush},
        operation::journal::End,
    };

    fn stand(journal: &Journal, activity: &Activity) -> OperationStatus {
        let found = jobs(&[flush("a")], Ok(journal), activity, &[]);
        found.into_iter().next().unwrap()
    }

    #[test]
    fn a_job_stands_as_the_journal_says() {
        let empty = Journal::new("m-1");
        let begun = empty.clone().begun(&flush("a"), at(3));
        let ended = |how| {
            let message = "as it ended".into();
            begun.clone().ended("a", End { how, message })
        };
        let doing = Activity {
            doing: Some("a".into()),
            progress: Some("1 of 3 keyspaces".into()),
            ..Activity::default()
        };
        let idle = Activity::default();
        for (journal, activity, state, started) in [
            (&empty, &idle, OperationState::Waiting, false),
            (&begun, &doing, OperationState::Running, true),
            (&begun, &idle, OperationState::Unknown, true),
            (&ended(How::Done), &idle, OperationState::Done, true),
            (&ended(How::Failed), &idle, OperationState::Failed, true),
            (&ended(How::GivenUp), &idle, OperationState::Unknown, true),
        ] {
            let status = stand(journal, activity);
            assert_eq!(status.state, state);
            assert_eq!(status.started_at.is_some(), started, "{state:?}");
            assert_eq!(status.progress.is_some(), state == OperationState::Running);
        }
    }

    #[test]
    fn with_a_journal_that_cant_be_read_nothing_is_known_but_what_was_said_to_have_ended() {
        let said = |id: &str, state| OperationStatus {
            id: id.into(),
            state,
            progress: None,
            message: "as said".into(),
            started_at: Some(at(1)),
        };
        let reported = [
            said("a", OperationState::Done),
            said("b", OperationState::Running),
        ];
        let orders = [flush("a"), flush("b"), flush("c")];
        let found = jobs(&orders, Err("no journal"), &Activity::default(), &reported);
        let states: Vec<_> = found.iter().map(|job| job.state).collect();
        assert_eq!(
            states,
            [
                OperationState::Done,
                OperationState::Unknown,
                OperationState::Unknown
            ]
        );
        assert_eq!(found[1].message, "no journal");
    }

    #[test]
    fn what_is_reported_is_as_short_as_the_api_wants_it() {
        let activity = Activity {
            doing: Some("a".into()),
            progress: Some("é".repeat(300)),
            reasons: BTreeMap::from([("a".into(), "é".repeat(3000))]),
        };
        let journal = Journal::new("m-1").begun(&flush("a"), at(1));
        let status = stand(&journal, &activity);
        assert_eq!(status.message.chars().count(), LONGEST_MESSAGE);
        assert_eq!(status.progress.unwrap().chars().count(), LONGEST_PROGRESS);
        let many: Vec<_> = (0..20).map(|n| flush(&n.to_string())).collect();
        let found = jobs(&many, Ok(&journal), &activity, &[]);
        assert_eq!(found.len(), MOST_JOBS);
    }

    #[test]
    fn what_is_being_done_when_the_agent_ends_is_unknown() {
        let journal = Journal::new("m-1").begun(&flush("a"), at(1));
        let activity = Activity {
            doing: Some("a".into()),
            ..Activity::default()
        };
        let running = stand(&journal, &activity);
        let left = abandoned(&[running]);
        assert_eq!(left[0].state, OperationState::Unknown);
    }
}
