//! Whole passes, with a node and a disk that do as they are told and write down what was asked of them.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use cassandra_api::v1alpha1::{Operation, OperationKind};
use cassandra_management::{Error, Keyspaces, NodeFacts};

use super::*;
use crate::clock::SystemClock;
use crate::fixtures::{identity, marker, member, serving};
use crate::operation::journal::Journal;

#[derive(Debug, Default)]
struct World {
    node: Mutex<Option<NodeFacts>>,
    marker: Mutex<Option<Marker>>,
    /// None: it can't be read.
    replication: Mutex<Option<Vec<Replication>>>,
    disk_fails: AtomicBool,
    reload_fails: AtomicBool,
    log: Mutex<Vec<String>>,
}

impl World {
    fn log(&self, what: impl Into<String>) {
        self.log.lock().unwrap().push(what.into());
    }

    fn stored(&self) -> Option<Marker> {
        self.marker.lock().unwrap().clone()
    }

    fn put(&self, marker: &Marker) {
        *self.marker.lock().unwrap() = Some(marker.clone());
    }

    fn taken_log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

#[derive(Clone, Debug)]
struct Shared(Arc<World>);

impl Observe for Shared {
    async fn facts(&self) -> Result<NodeFacts, Error> {
        let facts = self.0.node.lock().unwrap().clone();
        facts.ok_or(Error::Refused {
            endpoint: "here".into(),
        })
    }

    async fn replication(&self) -> Result<Vec<Replication>, Error> {
        let told = self.0.replication.lock().unwrap().clone();
        told.ok_or(Error::Denied {
            call: "getKeyspaceReplicationInfo",
        })
    }
}

impl Operate for Shared {
    async fn reload_seeds(&self) -> Result<Vec<String>, Error> {
        self.0.log("reload");
        if self.0.reload_fails.load(Ordering::SeqCst) {
            return Err(Error::SeedsNotLoaded);
        }
        Ok(Vec::new())
    }

    async fn keyspaces(&self) -> Result<Keyspaces, Error> {
        panic!("a pass carries nothing out")
    }

    async fn flush(&self, _: &str) -> Result<(), Error> {
        panic!("a pass carries nothing out")
    }
}

impl Volume for Shared {
    async fn load(&self) -> Result<Option<Marker>, volume::Error> {
        Ok(self.0.stored())
    }

    async fn store(&self, marker: Marker) -> Result<(), volume::Error> {
        if self.0.disk_fails.load(Ordering::SeqCst) {
            return Err(volume::Error::Hangs);
        }
        self.0.log(format!(
            "marker joined={} seeds={}",
            marker.joined,
            marker.seeds.join(",")
        ));
        self.0.put(&marker);
        Ok(())
    }

    async fn set_seeds(&self, seeds: Vec<String>) -> Result<(), volume::Error> {
        self.0.log(format!("file seeds={}", seeds.join(",")));
        Ok(())
    }

    async fn load_journal(&self) -> Result<Option<Journal>, volume::Error> {
        panic!("a pass keeps no journal")
    }

    async fn store_journal(&self, _: Journal) -> Result<(), volume::Error> {
        panic!("a pass keeps no journal")
    }
}

fn world() -> Arc<World> {
    let world = World::default();
    *world.marker.lock().unwrap() = Some(marker());
    Arc::new(world)
}

fn agent(world: &Arc<World>) -> Agent<Shared, Shared> {
    agent_with(world, BootstrapperReport::default())
}

fn agent_with(world: &Arc<World>, bootstrapper: BootstrapperReport) -> Agent<Shared, Shared> {
    let shared = Arc::new(Shared(Arc::clone(world)));
    Agent::new(
        Arc::clone(&shared),
        shared,
        Arc::new(SystemClock),
        identity(),
        bootstrapper,
        ProbeState::default(),
        Metrics::new().unwrap(),
    )
}

fn present() -> CachedMember {
    CachedMember::Present(Arc::new(member()))
}

fn with_seeds(seeds: &[&str]) -> CachedMember {
    let mut member = member();
    member.spec.start.seeds = seeds.iter().map(|seed| (*seed).into()).collect();
    CachedMember::Present(Arc::new(member))
}

#[tokio::test]
async fn a_node_is_starting_then_joined_then_stopped() {
    let world = world();
    let mut agent = agent(&world);
    let status = agent.pass(&present()).await.unwrap();
    assert_eq!(status.state, MemberState::Starting);
    *world.node.lock().unwrap() = Some(serving());
    let status = agent.pass(&present()).await.unwrap();
    assert_eq!(status.state, MemberState::Ready);
    assert!(status.bootstrapped.is_some());
    assert_eq!(world.taken_log(), ["marker joined=true seeds=10.0.0.1"]);
    *world.node.lock().unwrap() = None;
    let status = agent.pass(&present()).await.unwrap();
    assert_eq!(status.state, MemberState::Stopped);
    assert!(status.bootstrapped.is_some());
    assert!(world.taken_log().is_empty());
}

#[tokio::test]
async fn nothing_is_bootstrapped_that_did_not_reach_the_disk() {
    let world = world();
    *world.node.lock().unwrap() = Some(serving());
    world.disk_fails.store(true, Ordering::SeqCst);
    let mut agent = agent(&world);
    let status = agent.pass(&present()).await.unwrap();
    assert_eq!(
        (status.state, &status.bootstrapped),
        (MemberState::Ready, &None)
    );
    world.disk_fails.store(false, Ordering::SeqCst);
    assert!(agent.pass(&present()).await.unwrap().bootstrapped.is_some());
}

#[tokio::test]
async fn an_agent_that_begins_anew_says_what_the_earlier_one_said() {
    let world = world();
    *world.node.lock().unwrap() = Some(serving());
    let said = agent(&world).pass(&present()).await.unwrap();
    let mut member = member();
    member.status = Some((*said).clone());
    let known = CachedMember::Present(Arc::new(member));
    assert_eq!(agent(&world).pass(&known).await.unwrap(), said);
}

#[tokio::test]
async fn joining_is_remembered_while_the_api_server_is_away() {
    let world = world();
    *world.node.lock().unwrap() = Some(serving());
    assert_eq!(agent(&world).pass(&CachedMember::Nothing).await, None);
    assert_eq!(world.taken_log(), ["marker joined=true seeds=10.0.0.1"]);
}

#[tokio::test]
async fn nothing_is_reported_of_a_member_that_is_gone() {
    let world = world();
    *world.node.lock().unwrap() = Some(serving());
    assert_eq!(agent(&world).pass(&CachedMember::Gone).await, None);
}

#[tokio::test]
async fn seeds_go_to_the_file_then_the_node_then_the_marker() {
    let world = world();
    *world.node.lock().unwrap() = Some(serving());
    let mut agent = agent(&world);
    agent.pass(&present()).await;
    world.taken_log();
    let status = agent
        .pass(&with_seeds(&["10.0.0.2", "10.0.0.1"]))
        .await
        .unwrap();
    assert_eq!(status.seeds, ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(
        world.taken_log(),
        [
            "file seeds=10.0.0.1,10.0.0.2",
            "reload",
            "marker joined=true seeds=10.0.0.1,10.0.0.2"
        ]
    );
    agent.pass(&with_seeds(&["10.0.0.2", "10.0.0.1"])).await;
    assert!(world.taken_log().is_empty(), "once is enough");
}

#[tokio::test(start_paused = true)]
async fn seeds_that_the_node_did_not_take_are_brought_again_later() {
    let world = world();
    *world.node.lock().unwrap() = Some(serving());
    world.reload_fails.store(true, Ordering::SeqCst);
    let mut agent = agent(&world);
    agent.pass(&present()).await;
    world.taken_log();
    let known = with_seeds(&["10.0.0.2"]);
    let status = agent.pass(&known).await.unwrap();
    assert_eq!(status.seeds, ["10.0.0.1"], "only what is in use");
    assert_eq!(world.taken_log(), ["file seeds=10.0.0.2", "reload"]);
    agent.pass(&known).await;
    assert!(world.taken_log().is_empty(), "not at once");
    world.reload_fails.store(false, Ordering::SeqCst);
    tokio::time::advance(SEEDS_AGAIN).await;
    assert_eq!(agent.pass(&known).await.unwrap().seeds, ["10.0.0.2"]);
}

#[tokio::test]
async fn an_operation_that_is_done_is_counted_once() {
    let world = world();
    let mut wanted = member();
    wanted.spec.operation = Some(Operation {
        id: "o".into(),
        kind: OperationKind::Join,
    });
    let known = |member: &CassandraMember| CachedMember::Present(Arc::new(member.clone()));
    let counted = |agent: &Agent<Shared, Shared>| {
        let name = "member_agent_operation_outcomes_total";
        agent.metrics.lines(name)
    };
    let mut first = agent(&world);
    first.pass(&known(&wanted)).await;
    assert!(counted(&first).is_empty(), "it goes on");
    *world.node.lock().unwrap() = Some(serving());
    wanted.status = first.pass(&known(&wanted)).await.map(|s| (*s).clone());
    first.pass(&known(&wanted)).await;
    let once = [r#"member_agent_operation_outcomes_total{kind="Join",outcome="Done"} 1"#];
    assert_eq!(counted(&first), once);
    // The one that begins anew reads in the status that it was told already.
    let mut second = agent(&world);
    second.pass(&known(&wanted)).await;
    assert!(counted(&second).is_empty());
}

#[tokio::test]
async fn replication_is_told_with_the_schema_that_it_is_of_or_not_at_all() {
    let told = vec![Replication {
        strategy: "NetworkTopologyStrategy".into(),
        options: [("dc1".into(), "3".into())].into(),
        keyspaces: vec!["shop".into()],
    }];
    let world = world();
    *world.node.lock().unwrap() = Some(serving());
    *world.replication.lock().unwrap() = Some(told.clone());
    let mut agent = agent(&world);
    assert_eq!(agent.pass(&present()).await.unwrap().replication, told);
    // It is not asked for again while the schema is the same.
    *world.replication.lock().unwrap() = None;
    assert_eq!(agent.pass(&present()).await.unwrap().replication, told);
    let altered = NodeFacts {
        schema_version: Some("s-2".into()),
        ..serving()
    };
    *world.node.lock().unwrap() = Some(altered);
    assert_eq!(agent.pass(&present()).await.unwrap().replication, []);
    // A node that is away has the schema that it had.
    *world.replication.lock().unwrap() = Some(told.clone());
    assert_eq!(agent.pass(&present()).await.unwrap().replication, told);
    *world.node.lock().unwrap() = None;
    assert_eq!(agent.pass(&present()).await.unwrap().replication, told);
}
