//! Tables of single steps, and worlds in which everything crashes.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use cassandra_api::v1alpha1::{Operation, OperationKind, OperationState};
use cassandra_management::NodeFacts;
use proptest::prelude::*;

use super::*;
use crate::{
    fixtures::{at, flush, serving},
    operation::standing::{self, Activity},
};

/// Kinds that say what they are told.
struct Says {
    may_begin: Result<(), String>,
    look: Verdict,
}

impl Kinds for Says {
    fn may_begin(&self, _: &Job, _: &Reading) -> Result<(), String> {
        self.may_begin.clone()
    }

    fn look(&self, _: &Job, _: &Reading) -> Verdict {
        self.look.clone()
    }
}

fn says(look: Verdict) -> Says {
    Says {
        may_begin: Ok(()),
        look,
    }
}

fn orders(ids: &[&str]) -> Orders {
    Orders {
        operation: None,
        jobs: ids.iter().map(|id| flush(id)).collect(),
    }
}

fn up() -> Reading {
    Reading::Answered(serving())
}

fn step(orders: &Orders, journal: &Journal, kinds: &Says) -> Step {
    next(orders, journal, Some(&up()), kinds)
}

fn begun(times: u32) -> Journal {
    (0..times).fold(Journal::new("m-1"), |journal, _| {
        journal.begun(&flush("a"), at(1))
    })
}

fn done(journal: Journal, id: &str) -> Journal {
    let end = End {
        how: How::Done,
        message: "done".into(),
    };
    journal.ended(id, end)
}

#[test]
fn a_job_is_begun_once_and_then_there_is_nothing_to_do() {
    let may = says(Verdict::MayBegin);
    let wanted = orders(&["a", "b"]);
    let empty = Journal::new("m-1");
    assert_eq!(next(&wanted, &empty, None, &may), Step::Look);
    assert_eq!(step(&wanted, &empty, &may), Step::Begin(flush("a")));
    let one = done(begun(1), "a");
    assert_eq!(step(&wanted, &one, &may), Step::Begin(flush("b")));
    let both = done(one.begun(&flush("b"), at(2)), "b");
    assert_eq!(next(&wanted, &both, None, &may), Step::Rest);
    assert_eq!(next(&orders(&[]), &empty, None, &may), Step::Rest);
}

#[test]
fn what_was_begun_without_an_end_is_looked_at_before_anything_else() {
    let wanted = orders(&["b", "a"]);
    assert_eq!(
        next(&wanted, &begun(1), None, &says(Verdict::MayBegin)),
        Step::Look
    );
    let end = |how| {
        let message = "as seen".into();
        Step::End("a".into(), End { how, message })
    };
    for (verdict, expected) in [
        (Verdict::Done("as seen".into()), end(How::Done)),
        (Verdict::Failed("as seen".into()), end(How::Failed)),
        (Verdict::MayBegin, Step::Begin(flush("a"))),
    ] {
        assert_eq!(step(&wanted, &begun(1), &says(verdict)), expected);
    }
    let Step::Wait(reasons) = step(&wanted, &begun(1), &says(Verdict::CannotTell("why".into())))
    else {
        panic!("it can't be told")
    };
    assert_eq!(reasons["a"], "why");
    assert_eq!(reasons["b"], "begins after a");
}

#[test]
fn a_job_is_given_up_after_three_attempts_and_the_next_one_has_its_turn() {
    let may = says(Verdict::MayBegin);
    let wanted = orders(&["a", "b"]);
    let Step::End(id, end) = step(&wanted, &begun(MOST_ATTEMPTS), &may) else {
        panic!("it goes on for ever")
    };
    assert_eq!((id.as_str(), end.how), ("a", How::GivenUp));
    let given_up = begun(MOST_ATTEMPTS).ended(&id, end);
    assert_eq!(step(&wanted, &given_up, &may), Step::Begin(flush("b")));
}

#[test]
fn a_job_that_is_not_asked_for_any_more_is_forgotten_first() {
    let may = says(Verdict::MayBegin);
    let step = next(&orders(&["b"]), &begun(1), None, &may);
    assert_eq!(step, Step::Forget(vec!["a".into()]));
}

#[test]
fn jobs_give_way_to_the_members_operation() {
    let may = says(Verdict::MayBegin);
    let wanted = Orders {
        operation: Some(Operation {
            id: "o".into(),
            kind: OperationKind::Join,
        }),
        ..orders(&["a"])
    };
    for journal in [Journal::new("m-1"), begun(1)] {
        let Step::Wait(reasons) = step(&wanted, &journal, &may) else {
            panic!("begun beside the operation")
        };
        assert!(reasons["a"].contains("Join"));
    }
}

#[test]
fn a_job_that_cant_be_begun_waits_with_its_reason() {
    let kinds = Says {
        may_begin: Err("Cassandra is starting".into()),
        look: Verdict::MayBegin,
    };
    for journal in [Journal::new("m-1"), begun(1)] {
        let step = step(&orders(&["a"]), &journal, &kinds);
        let reasons = BTreeMap::from([("a".into(), "Cassandra is starting".into())]);
        assert_eq!(step, Step::Wait(reasons));
    }
}

/// Jobs that do something which must not be done twice, in a world where the agent may die at any moment.
#[derive(Default)]
struct Deeds {
    /// How often each job was done.
    done: RefCell<BTreeMap<String, u32>>,
    /// Looks that were taken.
    looks: Cell<u32>,
}

impl Kinds for Deeds {
    fn may_begin(&self, _: &Job, reading: &Reading) -> Result<(), String> {
        reading.facts().map(|_| ()).ok_or_else(|| "down".into())
    }

    fn look(&self, job: &Job, reading: &Reading) -> Verdict {
        self.looks.set(self.looks.get() + 1);
        match reading.facts() {
            None => Verdict::CannotTell("down".into()),
            Some(_) if self.done.borrow().contains_key(&job.id) => Verdict::Done("seen".into()),
            Some(_) => Verdict::MayBegin,
        }
    }
}

/// What happens in one step.
#[derive(Clone, Copy, Debug)]
enum Luck {
    /// All goes well.
    Well,
    /// Cassandra is down.
    Down,
    /// The agent dies before the journal is written.
    DiesBefore,
    /// The agent dies after the journal was written and before the deed.
    DiesBegun,
    /// The agent dies after the deed, or the answer is lost, and the journal does not say that it was done.
    DiesDone,
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![
        2 => Just(Luck::Well),
        1 => Just(Luck::Down),
        1 => Just(Luck::DiesBefore),
        1 => Just(Luck::DiesBegun),
        2 => Just(Luck::DiesDone),
    ]
}

/// One step of an agent that knows nothing but the journal on the disk. Returns what is on the disk after it.
fn live(wanted: &Orders, disk: &Journal, deeds: &Deeds, luck: Luck) -> Journal {
    let reading = match luck {
        Luck::Down => Reading::Refused,
        Luck::Well | Luck::DiesBefore | Luck::DiesBegun | Luck::DiesDone => {
            Reading::Answered(NodeFacts::default())
        }
    };
    let step = match next(wanted, disk, None, deeds) {
        Step::Look => next(wanted, disk, Some(&reading), deeds),
        step @ (Step::Forget(_) | Step::Begin(_) | Step::End(..) | Step::Wait(_) | Step::Rest) => {
            step
        }
    };
    let disk = disk.clone();
    match (step, luck) {
        (Step::Look, _) => panic!("it was looked"),
        (Step::Wait(_) | Step::Rest, _) | (_, Luck::DiesBefore) => disk,
        (Step::Forget(ids), _) => disk.without(&ids),
        (Step::End(id, end), _) => disk.ended(&id, end),
        (Step::Begin(job), luck) => {
            let disk = disk.begun(&job, at(1));
            if matches!(luck, Luck::DiesBegun) {
                return disk;
            }
            *deeds.done.borrow_mut().entry(job.id.clone()).or_default() += 1;
            match luck {
                Luck::DiesDone => disk,
                Luck::Well | Luck::Down | Luck::DiesBefore | Luck::DiesBegun => done(disk, &job.id),
            }
        }
    }
}

proptest! {
    #[test]
    fn no_sequence_of_crashes_does_a_job_twice(lucks in prop::collection::vec(luck(), 0..40)) {
        let wanted = orders(&["a", "b", "c"]);
        let deeds = Deeds::default();
        let mut disk = Journal::new("m-1");
        for luck in lucks {
            let (before, looks) = (disk.clone(), deeds.looks.get());
            disk = live(&wanted, &disk, &deeds, luck);
            for (id, times) in &*deeds.done.borrow() {
                prop_assert_eq!(*times, 1, "{} was done twice", id);
            }
            // What has come to its end says so truly.
            for entry in disk.entries() {
                if entry.end.as_ref().is_some_and(|end| end.how == How::Done) {
                    prop_assert!(deeds.done.borrow().contains_key(&entry.job.id));
                }
            }
            // What was Unknown is Done only after a look.
            for unknown in before.open() {
                let now = disk.entry(&unknown.job.id).and_then(|entry| entry.end.as_ref());
                prop_assert!(now.is_none() || deeds.looks.get() > looks);
            }
        }
        // With luck, everything comes to its end.
        for _ in 0..20 {
            disk = live(&wanted, &disk, &deeds, Luck::Well);
        }
        prop_assert_eq!(next(&wanted, &disk, None, &deeds), Step::Rest);
        let jobs = standing::jobs(&wanted.jobs, Ok(&disk), &Activity::default(), &[]);
        for job in jobs {
            let given_up = disk.entry(&job.id).is_some_and(|entry| {
                entry.end.as_ref().is_some_and(|end| end.how == How::GivenUp)
            });
            let expected = if given_up { OperationState::Unknown } else { OperationState::Done };
            prop_assert_eq!(job.state, expected);
        }
    }
}
