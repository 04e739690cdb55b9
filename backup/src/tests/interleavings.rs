//! Backups, deletions and collections at once, in any order of their requests, with time that passes in between: no backup
//! that exists ever lacks a blob.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use futures::{FutureExt as _, future::poll_fn};

use super::world::{SAFETY, World, attempt, cluster, node, open, transfer};
use crate::{
    catalogue,
    commit::end,
    error::{Error, Result},
    format::{commit::NodePart, document::FORMAT, envelope, intent::Intent, manifest::Totals},
    gc,
    ids::{BackupId, BlobId},
    keys, node_backup,
    testing::faulty_store::{FaultyStore, Operation},
    transfer::{
        journal::{Header, Journal},
        upload::Uploader,
    },
};

/// Numbers that are as good as random, and the same for the same seed.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }
}

/// Somebody's right to make one request.
#[derive(Default)]
struct Gate {
    open: bool,
    waiting: Vec<Waker>,
}

type Actor = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What has been backed up: for each backup the blob of each content.
type Contents = Arc<Mutex<BTreeMap<BackupId, BTreeMap<u64, BlobId>>>>;

struct Course {
    world: World,
    journals: tempfile::TempDir,
    contents: Contents,
    /// Those whose commit was told to be done.
    told: Arc<Mutex<BTreeSet<BackupId>>>,
    dice: Dice,
    actors: Vec<(Actor, Arc<Mutex<Gate>>)>,
    count: u64,
}

impl Course {
    fn new(seed: u64) -> Self {
        Self {
            world: World::new(),
            journals: tempfile::tempdir().unwrap(),
            contents: Arc::default(),
            told: Arc::default(),
            dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            actors: Vec::new(),
            count: 0,
        }
    }

    /// The store as an actor sees it: each request waits for the actor's turn.
    fn gated(&self, gate: &Arc<Mutex<Gate>>) -> FaultyStore {
        let gate = Arc::clone(gate);
        self.world.store.with_turn(Arc::new(move |operation, key| {
            // Shards that can't hold anything here are looked at for nothing.
            if operation == Operation::List && key.contains("/blobs/") && !is_used(key) {
                return std::future::ready(()).boxed();
            }
            let gate = Arc::clone(&gate);
            poll_fn(move |context| {
                let mut gate = gate.lock().unwrap();
                if std::mem::take(&mut gate.open) {
                    return Poll::Ready(());
                }
                gate.waiting.push(context.waker().clone());
                Poll::Pending
            })
            .boxed()
        }))
    }

    fn add(&mut self, kind: u64) {
        let gate = Arc::new(Mutex::new(Gate::default()));
        let store = self.gated(&gate);
        self.count += 1;
        let id = BackupId::new(self.count, u128::from(self.count));
        let description = self.world.description();
        let gated = async move { open(Arc::new(store), &description).await.unwrap() };
        let actor: Actor = match kind {
            0 => {
                let report = gc::Options {
                    id,
                    scratch: None,
                    dry_run: false,
                };
                Box::pin(async move { finished(gc::run(&gated.await, &report).await.map(drop)) })
            }
            1 => {
                let told: Vec<_> = self.told.lock().unwrap().iter().cloned().collect();
                let chosen = self.dice.throw(told.len().max(1) as u64);
                let Some(victim) = told.into_iter().nth(usize::try_from(chosen).unwrap()) else {
                    return;
                };
                let all = Arc::clone(&self.told);
                Box::pin(async move {
                    // From the first request on it may be gone.
                    all.lock().unwrap().remove(&victim);
                    finished(catalogue::delete(&gated.await, &victim, "").await);
                })
            }
            _ => {
                let wanted: Vec<u64> = (0..5).filter(|_| self.dice.throw(2) == 0).collect();
                let journal = self.journals.path().join(id.as_str());
                let (contents, told) = (Arc::clone(&self.contents), Arc::clone(&self.told));
                let clock = self.world.store.clone();
                Box::pin(async move {
                    let repository = gated.await;
                    let done =
                        back_up(&repository, &id, &wanted, &contents, &journal, &clock).await;
                    if done.is_ok() {
                        told.lock().unwrap().insert(id);
                    }
                    finished(done);
                })
            }
        };
        self.actors.push((actor, gate));
    }

    /// Lets one actor make one request.
    fn step(&mut self) {
        let count = self.actors.len() as u64;
        let chosen = usize::try_from(self.dice.throw(count)).unwrap();
        let (actor, gate) = &mut self.actors[chosen];
        let waiting = {
            let mut gate = gate.lock().unwrap();
            gate.open = true;
            std::mem::take(&mut gate.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
        let mut context = Context::from_waker(Waker::noop());
        if actor.as_mut().poll(&mut context).is_ready() {
            drop(self.actors.swap_remove(chosen));
        }
        if self.dice.throw(8) == 0 {
            let seconds = self.dice.throw(SAFETY);
            self.world.store.pass(i64::try_from(seconds).unwrap());
        }
    }

    /// That every backup that was told to exist, and that nobody deletes, has all its blobs.
    fn check(&self, seed: u64) {
        let keys: BTreeSet<String> = self.world.store.keys().into_iter().collect();
        let contents = self.contents.lock().unwrap();
        for id in self.told.lock().unwrap().iter() {
            for blob in contents[id].values() {
                let key = format!("backups/of/c1/{}", keys::blob(blob));
                assert!(keys.contains(&key), "seed {seed}: backup {id} lacks {key}");
            }
        }
    }
}

/// Whether a blob was written to this shard.
fn is_used(key: &str) -> bool {
    USED.with(|used| used.borrow().contains(key))
}

thread_local! {
    static USED: std::cell::RefCell<BTreeSet<String>> = const { std::cell::RefCell::new(BTreeSet::new()) };
}

fn use_shard(blob: &BlobId) {
    let key = format!("backups/of/c1/{}", keys::shard(blob.shard()));
    USED.with(|used| used.borrow_mut().insert(key));
}

/// What may go wrong when others are at work is an answer, and not a loss.
fn finished(result: Result<()>) {
    if let Err(error) = result {
        let expected = matches!(
            error,
            Error::Expired { .. } | Error::Deleted { .. } | Error::DamagedObject { .. }
        );
        assert!(expected || error.is_not_found(), "{}", error.in_full());
    }
}

async fn back_up(
    repository: &crate::repository::Repository,
    id: &BackupId,
    wanted: &[u64],
    contents: &Contents,
    journal: &std::path::Path,
    clock: &FaultyStore,
) -> Result<()> {
    let attempt = attempt(id, 1);
    let base = catalogue::newest_of(repository, &attempt.host_id, Some(id)).await?;
    let intent = Intent {
        format: FORMAT,
        attempt: attempt.clone(),
        member: "m".into(),
        base: base.as_ref().map(|base| base.attempt.clone()),
        seconds: SAFETY * 2,
    };
    let key = keys::intent(&attempt);
    repository.put_document(&key, &intent).await?;
    let base = match base {
        Some(base) if catalogue::is_base(repository, &base).await? => {
            contents.lock().unwrap()[&base.attempt.backup].clone()
        }
        _ => BTreeMap::new(),
    };
    let begun = repository.store().head(&key).await?;
    let expired = || Error::Expired {
        attempt: attempt.clone(),
    };
    let begun = begun.ok_or_else(expired)?.written;
    let until = end(begun, &intent);
    let header = Header {
        intent,
        node: node("s"),
        repository: cluster(),
        chunk_bytes: 1,
        key_id: None,
    };
    let (journal, _) = Journal::open(journal, header)?;
    let uploader = Uploader::new(repository.clone(), transfer(), journal, begun);
    let mut blobs = BTreeMap::new();
    for content in wanted {
        let blob = if let Some(blob) = base.get(content) {
            *blob
        } else {
            let mut buffer = envelope::buffer(8);
            buffer.extend_from_slice(&content.to_le_bytes());
            let digest = crate::format::digest::Digest::of(&content.to_le_bytes());
            let blob = uploader.send(buffer, &digest).await?;
            use_shard(&blob);
            blob
        };
        blobs.insert(*content, blob);
    }
    contents.lock().unwrap().insert(id.clone(), blobs.clone());
    let refs = node_backup::put_refs(repository, &attempt, blobs.into_values().collect()).await?;
    let manifest = repository
        .put_object(&keys::manifest(&attempt), b"manifest".to_vec())
        .await?;
    let node = node("s");
    let part = NodePart {
        attempt,
        member: node.member,
        datacenter: node.datacenter,
        rack: node.rack,
        cassandra: node.cassandra,
        partitioner: node.partitioner,
        tokens: node.tokens,
        snapshot_at: node.snapshot_at,
        until,
        manifest,
        refs,
        totals: Totals::default(),
    };
    let request = crate::commit::Request {
        backup: id.clone(),
        name: String::new(),
        description: String::new(),
        nodes: vec![part],
        absent: Vec::new(),
        cluster: None,
        now: clock.now(),
    };
    crate::commit::run(repository, request).await.map(drop)
}

fn one(seed: u64) {
    let mut course = Course::new(seed);
    for _ in 0..3 {
        course.add(2);
    }
    let mut left = 12;
    let mut steps = 0;
    while !course.actors.is_empty() {
        course.step();
        course.check(seed);
        steps += 1;
        assert!(steps < 100_000, "seed {seed} does not end");
        if left > 0 && (course.actors.len() < 2 || course.dice.throw(10) == 0) {
            left -= 1;
            let kind = course.dice.throw(5);
            course.add(kind);
        }
    }
}

fn run(seeds: std::ops::Range<u64>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        for seed in seeds {
            USED.with(|used| used.borrow_mut().clear());
            one(seed);
        }
    });
}

#[test]
fn no_backup_ever_lacks_a_blob_whatever_else_goes_on() {
    run(0..400);
}

#[test]
#[ignore = "a hundred thousand interleavings take some minutes"]
fn no_backup_ever_lacks_a_blob_in_a_hundred_thousand_interleavings() {
    run(0..100_000);
}
