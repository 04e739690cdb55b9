//! One play: gateways, clients that ask them, crashes, the collector, and the look at what is left.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_gateway::{
    core::{
        gc::Grace,
        listing::{Item, Query},
        precondition::{Conditions, Tag},
        record::Kind,
        settings::Bucket,
        time::HOUR,
        upload::Named,
    },
    ops::{Body, Depth, Error, Gateway, Limits, NewObject, NewUpload, Seen},
    store::{Store, StoreError, memory::MemoryStore},
};

use super::{
    history::{Found, History, Outcome},
    world::{ByChance, Chance, Own, Time},
};

type Violation = String;
type Task = Pin<Box<dyn Future<Output = Result<(), Violation>>>>;

/// What was played.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) operations: u64,
    pub(crate) acknowledged: u64,
    pub(crate) crashes: u64,
    pub(crate) faults: u64,
    pub(crate) ghosts: u64,
    pub(crate) reads: u64,
    pub(crate) deleted_blobs: u64,
    pub(crate) orphans: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.operations += other.operations;
        self.acknowledged += other.acknowledged;
        self.crashes += other.crashes;
        self.faults += other.faults;
        self.ghosts += other.ghosts;
        self.reads += other.reads;
        self.deleted_blobs += other.deleted_blobs;
        self.orphans += other.orphans;
    }

    pub(crate) fn is_worth_something(&self) -> bool {
        self.acknowledged > 0
            && self.crashes > 0
            && self.faults > 0
            && self.ghosts > 0
            && self.reads > 0
            && self.deleted_blobs > 0
    }
}

const BUCKET: &str = "bucket";
/// Keys that are written and deleted freely.
const KEYS: [&str; 4] = ["a", "a/b", "b", "c/d"];
/// A key that is only created on condition that it is not there.
const ONCE: &str = "once";
const SKEW: u64 = 50_000;

/// Bytes that say which write they are of, everywhere.
fn content(id: u64) -> Bytes {
    let size = match id % 7 {
        0 => 0,
        1 | 2 => 8,
        3..=5 => 40 + id % 3,
        _ => (256 << 10) + 24,
    };
    let word = id.to_be_bytes();
    (0..size)
        .map(|at| word[usize::try_from(at % 8).unwrap()])
        .collect()
}

struct Stage {
    time: Time,
    chance: Chance,
    history: Mutex<History>,
    counts: Mutex<Counts>,
    serial: AtomicU64,
    limits: Limits,
}

fn is_refusal(error: &Error) -> bool {
    matches!(
        error,
        Error::PreconditionFailed
            | Error::ConditionalConflict
            | Error::NoSuchUpload
            | Error::SlowDown
    )
}

fn outcome<T>(result: &Result<T, Error>) -> Outcome {
    match result {
        Ok(_) => Outcome::Acknowledged,
        Err(error) if is_refusal(error) => Outcome::Refused,
        Err(_) => Outcome::Unknown,
    }
}

/// Errors that are never excused: what is stored is broken.
fn excuse(error: Error, what: &str) -> Result<(), Violation> {
    match error {
        Error::Store(StoreError::Corrupt(why)) => Err(format!("{what}: {why}")),
        _ => Ok(()),
    }
}

impl Stage {
    fn now(&self) -> u64 {
        self.time.load(Ordering::Relaxed)
    }

    fn fresh(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn begin(&self, key: &str, content: Option<u64>) -> usize {
        self.counts.lock().unwrap().operations += 1;
        self.history.lock().unwrap().begin(key, content, self.now())
    }

    fn end(&self, key: &str, at: usize, outcome: Outcome) {
        if outcome == Outcome::Acknowledged {
            self.counts.lock().unwrap().acknowledged += 1;
        }
        self.history
            .lock()
            .unwrap()
            .end(key, at, self.now(), outcome);
    }

    fn check(&self, key: &str, found: Found, start: u64) -> Result<(), Violation> {
        self.history
            .lock()
            .unwrap()
            .check(key, found, start, self.now())
    }

    async fn put(
        self: Arc<Self>,
        gateway: Arc<Gateway>,
        key: &'static str,
        once: bool,
    ) -> Result<(), Violation> {
        let id = self.fresh();
        let write = self.begin(key, Some(id));
        let conditions = Conditions {
            if_none_match: once.then_some(Tag::Any),
            ..Conditions::default()
        };
        let result = async {
            let seen = gateway.bucket(BUCKET).await?;
            let new = NewObject {
                owner: "alice".to_owned(),
                ..NewObject::default()
            };
            gateway
                .put(&seen, key, new, Body::of(content(id)), &conditions)
                .await
        }
        .await;
        self.end(key, write, outcome(&result));
        result.map_or_else(|error| excuse(error, "put"), |_| Ok(()))
    }

    async fn delete(
        self: Arc<Self>,
        gateway: Arc<Gateway>,
        key: &'static str,
    ) -> Result<(), Violation> {
        let write = self.begin(key, None);
        let result = async {
            let seen = gateway.bucket(BUCKET).await?;
            gateway.delete(&seen, key, None, "alice").await
        }
        .await;
        self.end(key, write, outcome(&result));
        result.map_or_else(|error| excuse(error, "delete"), |_| Ok(()))
    }

    async fn upload(
        self: Arc<Self>,
        gateway: Arc<Gateway>,
        key: &'static str,
    ) -> Result<(), Violation> {
        let id = self.fresh();
        let whole = content(id);
        let (first, second) = (
            whole.slice(..whole.len() / 2),
            whole.slice(whole.len() / 2..),
        );
        let Ok(seen) = gateway.bucket(BUCKET).await else {
            return Ok(());
        };
        let object = NewObject {
            owner: "alice".to_owned(),
            ..NewObject::default()
        };
        let new = NewUpload {
            object,
            algorithm: None,
            full_checksum: false,
        };
        let Ok(upload) = gateway.create_upload(&seen, key, new).await else {
            return Ok(());
        };
        let mut named = Vec::new();
        for (number, part) in [(1, first), (3, second)] {
            let Ok(open) = gateway.open_upload(&seen, key, upload).await else {
                return Ok(());
            };
            // A part that is sent twice counts once.
            for _ in 0..=self.chance.below(2) {
                match gateway
                    .put_part(&seen, &open, number, Body::of(part.clone()))
                    .await
                {
                    Ok(stored) => {
                        named.retain(|one: &Named| one.number != number);
                        named.push(Named {
                            number,
                            etag: stored.etag,
                            checksum: None,
                        });
                    }
                    Err(error) => return excuse(error, "part"),
                }
            }
        }
        if self.chance.one_in(4) {
            return gateway
                .abort_upload(&seen, key, upload)
                .await
                .or_else(|e| excuse(e, "abort"));
        }
        let write = self.begin(key, Some(id));
        let none = Conditions::default();
        let mut last = Outcome::Unknown;
        let mut etags = Vec::new();
        for _ in 0..=self.chance.below(3) {
            let result = gateway
                .complete_upload(&seen, key, upload, &named, None, &none)
                .await;
            match result {
                Ok(completed) => {
                    last = Outcome::Acknowledged;
                    etags.push(completed.etag);
                }
                Err(error) => excuse(error, "complete")?,
            }
        }
        self.end(key, write, last);
        etags.dedup();
        if etags.len() > 1 {
            Err(format!("a repeated complete has another answer: {etags:?}"))
        } else {
            Ok(())
        }
    }

    async fn get(self: Arc<Self>, gateway: Arc<Gateway>, key: String) -> Result<(), Violation> {
        let start = self.now();
        let result = async {
            let seen = gateway.bucket(BUCKET).await?;
            let located = gateway.locate(&seen, &key, None).await?;
            let size = located.object()?.size;
            let stream = gateway.open(&located, 0..size).await?;
            let parts: Vec<Bytes> = stream.try_collect().await?;
            Ok::<_, Error>((size, parts.concat()))
        }
        .await;
        match result {
            Ok((size, bytes)) => {
                if bytes.len() as u64 != size {
                    return Err(format!(
                        "{key}: {} of {size} bytes with success",
                        bytes.len()
                    ));
                }
                self.counts.lock().unwrap().reads += 1;
                if bytes.is_empty() {
                    return self.check(&key, Found::Something, start);
                }
                let word: [u8; 8] = bytes[..8].try_into().unwrap();
                let id = u64::from_be_bytes(word);
                if content(id) != bytes {
                    return Err(format!("{key}: bytes of several writes in one answer"));
                }
                self.check(&key, Found::Content(id), start)
            }
            Err(Error::NoSuchKey(_)) => self.check(&key, Found::Nothing, start),
            Err(error) => excuse(error, "get"),
        }
    }

    async fn list(self: Arc<Self>, gateway: Arc<Gateway>) -> Result<(), Violation> {
        let start = self.now();
        let mut names = Vec::new();
        let mut after = None;
        loop {
            let Ok(seen) = gateway.bucket(BUCKET).await else {
                return Ok(());
            };
            let query = Query {
                after,
                limit: 2,
                ..Query::default()
            };
            match gateway.list(&seen, query).await {
                Ok(page) => {
                    names.extend(page.items.iter().filter_map(|item| match item {
                        Item::Key(key, record) => {
                            matches!(record.kind, Kind::Object(_)).then(|| key.clone())
                        }
                        Item::Prefix(_) => None,
                    }));
                    after = page.next;
                }
                Err(error) => return excuse(error, "list"),
            }
            if after.is_none() {
                break;
            }
        }
        if !names.is_sorted() {
            return Err(format!("a list that is not in order: {names:?}"));
        }
        for key in KEYS.into_iter().chain([ONCE]) {
            let is_there = names.iter().any(|name| name == key);
            let found = if is_there {
                Found::Something
            } else {
                Found::Nothing
            };
            self.check(key, found, start)
                .map_err(|why| format!("list: {why}"))?;
        }
        Ok(())
    }

    async fn collect(self: Arc<Self>, gateway: Arc<Gateway>) -> Result<(), Violation> {
        let _ = gateway.clean_up().await;
        match gateway.collect().await {
            Ok(done) => {
                self.counts.lock().unwrap().deleted_blobs += done.blobs;
                Ok(())
            }
            Err(error) => excuse(error, "collect"),
        }
    }

    fn operation(self: &Arc<Self>, gateway: &Arc<Gateway>) -> Task {
        let key = KEYS[usize::try_from(self.chance.below(4)).unwrap()];
        let (stage, gateway) = (Arc::clone(self), Arc::clone(gateway));
        match self.chance.below(20) {
            0..=6 => Box::pin(stage.put(gateway, key, false)),
            7..=8 => Box::pin(stage.put(gateway, ONCE, true)),
            9..=10 => Box::pin(stage.delete(gateway, key)),
            11 => Box::pin(stage.upload(gateway, key)),
            12..=16 => Box::pin(stage.get(gateway, key.to_owned())),
            17 => Box::pin(stage.get(gateway, ONCE.to_owned())),
            18 => Box::pin(stage.list(gateway)),
            _ => Box::pin(stage.collect(gateway)),
        }
    }
}

/// Plays one task to its end, with nobody else.
fn alone<T>(stage: &Stage, future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1_000_000 {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        stage.time.fetch_add(1000, Ordering::Relaxed);
    }
    panic!("a task that never ends");
}

/// One play.
pub(crate) fn play(seed: u64) -> Result<Counts, Violation> {
    let chance = Chance::new(seed);
    let time: Time = Arc::new(AtomicU64::new(1_000_000 * HOUR));
    let limits = Limits {
        inline: 16,
        part: 0,
        shards: 2,
        window: 2,
        remember_bucket: Duration::from_millis(100),
        bucket_settles: Duration::from_millis(200),
        grace: Grace::default(),
        ..Limits::default()
    };
    let history = Mutex::new(History::with_skew(2 * SKEW));
    let stage = Arc::new(Stage {
        time: Arc::clone(&time),
        chance: chance.clone(),
        history,
        counts: Mutex::default(),
        serial: AtomicU64::new(0),
        limits,
    });
    let on = Arc::new(AtomicBool::new(false));
    let played = Arc::new(AtomicU64::new(0));
    let own = |offset| Own {
        time: Arc::clone(&time),
        offset,
        chance: chance.clone(),
    };
    let tables = MemoryStore::new(Arc::new(own(0)));
    let gateway = |number: u64| {
        let faults = ByChance {
            chance: chance.clone(),
            on: Arc::clone(&on),
            played: Arc::clone(&played),
            // In some plays so much fails that repeating does not help.
            rarity: if seed.is_multiple_of(3) { 7 } else { 40 },
        };
        let store: Arc<dyn Store> = Arc::new(tables.with_faults(Arc::new(faults)));
        let offset = (number * 7919 + seed * 104_729) % SKEW;
        Arc::new(Gateway::new(store, Arc::new(own(offset)), stage.limits))
    };
    let mut gateways: Vec<Arc<Gateway>> = (0..3).map(gateway).collect();
    owners_are_one(&stage, &gateways, &on)?;

    on.store(true, Ordering::Relaxed);
    let mut tasks: Vec<(usize, Task)> = Vec::new();
    for step in 0..600_u64 {
        time.fetch_add(chance.below(3000), Ordering::Relaxed);
        if step < 400 && tasks.len() < 6 && chance.one_in(4) {
            let at = usize::try_from(chance.below(3)).unwrap();
            tasks.push((at, stage.operation(&gateways[at])));
        }
        if chance.one_in(150) {
            // Everything that this gateway was about is gone, between two calls.
            let at = usize::try_from(chance.below(3)).unwrap();
            tasks.retain(|(of, _)| *of != at);
            gateways[at] = gateway(u64::try_from(at).unwrap());
            stage.counts.lock().unwrap().crashes += 1;
        }
        if chance.one_in(100) {
            // A long time in which nobody asks: graces go by. No request is under way: its calls have time limits.
            tasks.clear();
            time.fetch_add(chance.below(40) * HOUR, Ordering::Relaxed);
        }
        if tables.ghosts() > 0 && chance.one_in(30) {
            tables.surface(usize::try_from(chance.below(tables.ghosts() as u64)).unwrap());
            stage.counts.lock().unwrap().ghosts += 1;
        }
        if tasks.is_empty() {
            continue;
        }
        let at = usize::try_from(chance.below(tasks.len() as u64)).unwrap();
        let mut context = Context::from_waker(Waker::noop());
        if let std::task::Poll::Ready(done) = tasks[at].1.as_mut().poll(&mut context) {
            done?;
            drop(tasks.swap_remove(at));
        }
    }
    drop(tasks);
    on.store(false, Ordering::Relaxed);
    let own = gateway(9);
    look(&stage, &tables, &own)?;
    for gateway in &gateways {
        if gateway.reserved() != 0 {
            return Err(format!(
                "{} bytes of memory were not given back",
                gateway.reserved()
            ));
        }
    }
    let mut counts = *stage.counts.lock().unwrap();
    counts.faults = played.load(Ordering::Relaxed);
    Ok(counts)
}

// Two tenants ask two gateways for one name: whoever is told that it has it, has it.
fn owners_are_one(
    stage: &Arc<Stage>,
    gateways: &[Arc<Gateway>],
    on: &AtomicBool,
) -> Result<(), Violation> {
    let create = |at: usize, owner: &str| {
        let bucket = Bucket {
            name: "contended".into(),
            owner: owner.into(),
            ..Bucket::default()
        };
        let gateway = Arc::clone(&gateways[at]);
        async move { gateway.create_bucket(bucket).await }
    };
    on.store(true, Ordering::Relaxed);
    let both = futures::future::join(create(0, "alice"), create(1, "bob"));
    let (alice, bob) = alone(stage, both);
    on.store(false, Ordering::Relaxed);
    let owner = alone(stage, gateways[2].bucket("contended"))
        .ok()
        .map(|seen: Seen| seen.bucket().owner.clone());
    for (result, name) in [(alice, "alice"), (bob, "bob")] {
        if result.is_ok() && owner.as_deref() != Some(name) {
            return Err(format!("{name} was told that it has a bucket of {owner:?}"));
        }
    }
    let bucket = Bucket {
        name: BUCKET.into(),
        owner: "alice".into(),
        ..Bucket::default()
    };
    alone(stage, gateways[0].create_bucket(bucket)).map_err(|error| error.to_string())
}

// All is quiet: what is left is what may be left, and nothing more.
fn look(stage: &Arc<Stage>, tables: &MemoryStore, gateway: &Arc<Gateway>) -> Result<(), Violation> {
    let read_all = || {
        let keys: Vec<String> = stage.history.lock().unwrap().keys().cloned().collect();
        for key in keys {
            alone(stage, Arc::clone(stage).get(Arc::clone(gateway), key))?;
        }
        alone(stage, Arc::clone(stage).list(Arc::clone(gateway)))
    };
    stage.time.fetch_add(1_000_000, Ordering::Relaxed);
    read_all()?;
    let pass = || {
        stage.time.fetch_add(31 * HOUR, Ordering::Relaxed);
        alone(stage, Arc::clone(stage).collect(Arc::clone(gateway)))
    };
    for _ in 0..3 {
        pass()?;
        read_all()?;
    }
    // What was away comes back after everything was cleaned up.
    while tables.ghosts() > 0 {
        tables.surface(0);
        stage.counts.lock().unwrap().ghosts += 1;
        read_all()?;
    }
    for _ in 0..4 {
        pass()?;
    }
    read_all()?;
    if stage.history.lock().unwrap().winners(ONCE) > 1 {
        return Err("more than one conditional create has won".to_owned());
    }
    let check = |remove| {
        alone(stage, gateway.check(Depth::Full, remove)).map_err(|error| error.to_string())
    };
    let report = check(true)?;
    if !report.is_sound() {
        return Err(format!("bytes are missing: {:?}", report.missing));
    }
    stage.counts.lock().unwrap().orphans += report.orphans;
    let report = check(false)?;
    if report.orphans > 0 {
        return Err(format!(
            "{} bytes that nothing refers to are left",
            report.orphan_bytes
        ));
    }
    read_all()
}
