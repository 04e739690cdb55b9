//! The whole task, with a node and a disk that do as they are told, and agents that are stopped in the middle.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use cassandra_api::v1alpha1::{JobArguments, OperationState, Replication};
use cassandra_management::{Error, Keyspaces, NodeFacts, marker::Marker};
use tokio::task::JoinHandle;

use super::*;
use crate::{
    clock::SystemClock,
    fixtures::{flush, member, serving},
};

/// How the node answers a flush.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Answer {
    /// It is done.
    #[default]
    Done,
    /// It is done, and from then on the disk fails.
    DoneOnABrokenDisk,
    /// Java threw an exception.
    Throws,
    /// The connection is lost, and it may be done.
    Lost,
    /// Not at all.
    Never,
}

#[derive(Debug, Default)]
struct World {
    is_down: AtomicBool,
    answer: Mutex<Answer>,
    journal: Mutex<Option<Journal>>,
    disk_fails: AtomicBool,
    flushed: Mutex<Vec<String>>,
}

impl World {
    fn flushed(&self) -> Vec<String> {
        self.flushed.lock().unwrap().clone()
    }

    fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn disk(&self) -> Result<(), volume::Error> {
        if self.disk_fails.load(Ordering::SeqCst) {
            return Err(volume::Error::Hangs);
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Shared(Arc<World>);

impl Observe for Shared {
    async fn facts(&self) -> Result<NodeFacts, Error> {
        if self.0.is_down.load(Ordering::SeqCst) {
            return Err(Error::Refused {
                endpoint: "here".into(),
            });
        }
        Ok(serving())
    }

    async fn replication(&self) -> Result<Vec<Replication>, Error> {
        Ok(Vec::new())
    }
}

impl Operate for Shared {
    async fn reload_seeds(&self) -> Result<Vec<String>, Error> {
        panic!("that is no job")
    }

    async fn keyspaces(&self) -> Result<Keyspaces, Error> {
        Ok(Keyspaces {
            all: vec!["system".into(), "shop".into(), "users".into()],
            replicated: vec!["shop".into(), "users".into()],
        })
    }

    async fn flush(&self, keyspace: &str) -> Result<(), Error> {
        let journal = self.0.journal.lock().unwrap().clone();
        assert!(
            journal.is_some_and(|journal| journal.open().next().is_some()),
            "the journal says so before it is begun"
        );
        self.0.flushed.lock().unwrap().push(keyspace.into());
        let answer = *self.0.answer.lock().unwrap();
        match answer {
            Answer::Done => Ok(()),
            Answer::DoneOnABrokenDisk => {
                self.0.disk_fails.store(true, Ordering::SeqCst);
                Ok(())
            }
            Answer::Throws => Err(Error::Java {
                call: "flush",
                class: "java.io.IOException".into(),
                message: "disk full".into(),
            }),
            Answer::Lost => Err(Error::Lost {
                endpoint: "here".into(),
                source: "broken".into(),
            }),
            Answer::Never => std::future::pending().await,
        }
    }
}

impl Volume for Shared {
    async fn load(&self) -> Result<Option<Marker>, volume::Error> {
        panic!("the pass reads the marker")
    }

    async fn store(&self, _: Marker) -> Result<(), volume::Error> {
        panic!("the pass writes the marker")
    }

    async fn set_seeds(&self, _: Vec<String>) -> Result<(), volume::Error> {
        panic!("the pass brings the seeds")
    }

    async fn load_journal(&self) -> Result<Option<Journal>, volume::Error> {
        self.0.disk()?;
        Ok(self.0.journal.lock().unwrap().clone())
    }

    async fn store_journal(&self, journal: Journal) -> Result<(), volume::Error> {
        self.0.disk()?;
        *self.0.journal.lock().unwrap() = Some(journal);
        Ok(())
    }
}

/// A runner that works in the background, with what it is told and what it tells.
struct Agent {
    known: watch::Sender<CachedMember>,
    standings: watch::Receiver<Standings>,
    metrics: Metrics,
    task: JoinHandle<()>,
}

fn wanting(jobs: &[Job]) -> CachedMember {
    let mut member = member();
    member.spec.jobs = jobs.to_vec();
    CachedMember::Present(Arc::new(member))
}

impl Agent {
    fn begin(world: &Arc<World>, jobs: &[Job]) -> Self {
        let (known, knowing) = watch::channel(wanting(jobs));
        let (told, standings) = watch::channel(None);
        let shared = Arc::new(Shared(Arc::clone(world)));
        let metrics = Metrics::new().unwrap();
        let runner = Runner::new(
            Arc::clone(&shared),
            shared,
            Arc::new(SystemClock),
            metrics.clone(),
            "m-1".into(),
            told,
        );
        Self {
            known,
            standings,
            metrics,
            task: tokio::spawn(runner.run(knowing)),
        }
    }

    /// How many flushes have ended so.
    fn outcomes(&self) -> Vec<String> {
        let name = "member_agent_operation_outcomes_total";
        let lines = self.metrics.lines(name).into_iter();
        lines
            .map(|line| {
                line.replace(name, "")
                    .replace(r#"kind="Flush",outcome="#, "")
            })
            .collect()
    }

    fn now(&self, id: &str) -> Option<OperationStatus> {
        let all = self.standings.borrow().clone()?;
        all.iter().find(|job| job.id == id).cloned()
    }

    /// Waits until a job stands so, for an hour at most.
    async fn stands(&mut self, id: &str, state: OperationState) -> OperationStatus {
        let is = |told: &Standings| {
            let all = told.as_deref();
            all.is_some_and(|all| all.iter().any(|job| job.id == id && job.state == state))
        };
        let limit = Duration::from_hours(1);
        let waited = tokio::time::timeout(limit, self.standings.wait_for(is)).await;
        let came = waited.is_ok();
        drop(waited);
        assert!(came, "{:?}", self.now(id));
        self.now(id).unwrap()
    }

    /// Stops it in the middle of whatever it does.
    async fn dies(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_is_done_once_and_its_end_is_on_the_volume() {
    let world = Arc::new(World::default());
    let mut agent = Agent::begin(&world, &[flush("a")]);
    let status = agent.stands("a", OperationState::Done).await;
    assert_eq!(status.message, "flushed 2 keyspaces");
    assert!(status.started_at.is_some());
    assert_eq!(agent.outcomes(), [r#"{"Done"} 1"#]);
    agent.dies().await;
    let mut next = Agent::begin(&world, &[flush("a")]);
    next.stands("a", OperationState::Done).await;
    sleep(Duration::from_mins(1)).await;
    assert_eq!(world.flushed(), ["shop", "users"], "not again");
    assert!(next.outcomes().is_empty(), "nor counted again");
}

#[tokio::test(start_paused = true)]
async fn jobs_are_done_one_after_the_other_and_forgotten_when_nobody_asks_for_them() {
    let world = Arc::new(World::default());
    let mut agent = Agent::begin(&world, &[flush("a"), flush("b")]);
    agent.stands("b", OperationState::Done).await;
    assert_eq!(world.flushed().len(), 4);
    agent.known.send_replace(wanting(&[flush("b")]));
    sleep(Duration::from_secs(1)).await;
    let journal = world.journal.lock().unwrap().clone().unwrap();
    assert!(journal.entry("a").is_none() && journal.entry("b").is_some());
    assert_eq!(agent.now("a"), None);
}

#[tokio::test(start_paused = true)]
async fn a_keyspace_that_is_not_there_is_a_failure_with_its_name() {
    let world = Arc::new(World::default());
    let mut job = flush("a");
    job.arguments = JobArguments {
        keyspaces: vec!["shpo".into()],
    };
    let mut agent = Agent::begin(&world, &[job]);
    let status = agent.stands("a", OperationState::Failed).await;
    assert_eq!(status.message, "there is no keyspace shpo");
    assert_eq!(agent.outcomes(), [r#"{"Failed"} 1"#]);
    assert!(world.flushed().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_cassandra_refuses_has_failed_with_its_words() {
    let world = Arc::new(World::default());
    world.answers(Answer::Throws);
    let mut agent = Agent::begin(&world, &[flush("a")]);
    let status = agent.stands("a", OperationState::Failed).await;
    assert!(status.message.contains("disk full"), "{}", status.message);
    assert_eq!(world.flushed(), ["shop"]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_dies_in_the_middle_leaves_a_job_that_is_looked_at() {
    let world = Arc::new(World::default());
    world.answers(Answer::Never);
    let mut agent = Agent::begin(&world, &[flush("a")]);
    let running = agent.stands("a", OperationState::Running).await;
    assert_eq!(
        running.progress.as_deref().unwrap_or("0 of 2 keyspaces"),
        "0 of 2 keyspaces"
    );
    agent.dies().await;
    // Cassandra is down: nothing can be looked at, and nothing is said to be done.
    world.is_down.store(true, Ordering::SeqCst);
    world.answers(Answer::Done);
    let mut next = Agent::begin(&world, &[flush("a")]);
    let unknown = next.stands("a", OperationState::Unknown).await;
    assert_eq!(unknown.started_at, running.started_at, "it was begun then");
    sleep(Duration::from_mins(1)).await;
    assert_eq!(world.flushed(), ["shop"], "not without a look");
    world.is_down.store(false, Ordering::SeqCst);
    next.stands("a", OperationState::Done).await;
    assert_eq!(world.flushed(), ["shop", "shop", "users"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_unknown_and_tried_three_times_at_most() {
    let world = Arc::new(World::default());
    world.answers(Answer::Lost);
    let mut agent = Agent::begin(&world, &[flush("a"), flush("b")]);
    let status = agent.stands("a", OperationState::Unknown).await;
    assert!(
        status.message.contains("lost the connection"),
        "{}",
        status.message
    );
    sleep(Duration::from_secs(12)).await;
    world.answers(Answer::Done);
    agent.stands("b", OperationState::Done).await;
    let status = agent.now("a").unwrap();
    assert_eq!(status.state, OperationState::Unknown);
    assert!(status.message.contains("given up"), "{}", status.message);
    let of_a = world.flushed().len() - 2;
    assert_eq!(of_a, 3);
    assert_eq!(agent.outcomes(), [r#"{"Done"} 1"#, r#"{"GivenUp"} 1"#]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_down_is_waited_for() {
    let world = Arc::new(World::default());
    world.is_down.store(true, Ordering::SeqCst);
    let mut agent = Agent::begin(&world, &[flush("a")]);
    let status = agent.stands("a", OperationState::Waiting).await;
    assert!(status.message.contains("waits for Cassandra"));
    assert_eq!((status.started_at, world.flushed().len()), (None, 0));
    world.is_down.store(false, Ordering::SeqCst);
    agent.stands("a", OperationState::Done).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_that_the_journal_does_not_know_of() {
    let world = Arc::new(World::default());
    world.disk_fails.store(true, Ordering::SeqCst);
    let mut agent = Agent::begin(&world, &[flush("a")]);
    let status = agent.stands("a", OperationState::Unknown).await;
    assert!(status.message.contains("the disk does not answer"));
    sleep(Duration::from_mins(1)).await;
    assert!(world.flushed().is_empty());
    world.disk_fails.store(false, Ordering::SeqCst);
    agent.stands("a", OperationState::Done).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_is_told_when_it_is_on_the_volume_and_not_before() {
    let world = Arc::new(World::default());
    world.answers(Answer::DoneOnABrokenDisk);
    let mut agent = Agent::begin(&world, &[flush("a")]);
    agent.standings.changed().await.unwrap();
    sleep(Duration::from_mins(1)).await;
    assert_ne!(agent.now("a").unwrap().state, OperationState::Done);
    let flushed = world.flushed();
    world.disk_fails.store(false, Ordering::SeqCst);
    agent.stands("a", OperationState::Done).await;
    assert_eq!(
        world.flushed(),
        flushed,
        "its end is known, and it is not done again"
    );
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_every_five_seconds_at_most() {
    let (progress, mut told) = watch::channel(None);
    let last = Instant::now();
    for n in 0..9 {
        progress.send_replace(Some(n.to_string()));
    }
    at_pace(&mut told, last).await;
    assert_eq!(last.elapsed(), PACE);
    assert_eq!(told.borrow_and_update().as_deref(), Some("8"));
}
