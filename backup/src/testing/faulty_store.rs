//! A store in memory whose answers may lie: errors, replies that are lost, bodies that are cut, bytes that are flipped,
//! and an end after which nothing is answered any more. Its clock is set by the test.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{
    StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use object_store::{
    Attributes, CopyOptions, Error, Extensions, GetOptions, GetResult, GetResultPayload,
    ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, Result, path::Path,
};

/// What is asked of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A write.
    Put,
    /// A read.
    Get,
    /// A look at metadata.
    Head,
    /// A list.
    List,
    /// A deletion, of one key.
    Delete,
}

impl Operation {
    /// Whether it changes something.
    pub fn writes(self) -> bool {
        matches!(self, Self::Put | Self::Delete)
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It is not done, and the answer is 503.
    Throttled,
    /// It is not done, and there is no answer.
    LostRequest,
    /// It is done, and there is no answer.
    LostReply,
    /// The end of the body is missing.
    CutBody,
    /// A byte of the body is another.
    FlippedByte,
    /// It is not done, and the credentials have expired.
    Expired,
    /// It is not done, and nothing is any more: the process was killed before.
    KilledBefore,
    /// It is done, and nothing is any more: the process was killed after.
    KilledAfter,
}

type Decide = Box<dyn FnMut(Operation, &str) -> Fault + Send>;
/// Lets others run before a request is answered.
type Turn = Arc<dyn Fn(Operation, &str) -> BoxFuture<'static, ()> + Send + Sync>;

#[derive(Default)]
struct State {
    objects: BTreeMap<Path, (Bytes, i64)>,
    decide: Option<Decide>,
    dead: bool,
}

/// The store. Clones are the same store.
#[derive(Clone, Default)]
pub struct FaultyStore {
    state: Arc<Mutex<State>>,
    turn: Option<Turn>,
    millis: Arc<AtomicI64>,
    writes: Arc<AtomicU64>,
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

impl FaultyStore {
    /// The same objects and clock, for somebody who waits for a turn before each answer.
    #[must_use]
    pub fn with_turn(&self, turn: Turn) -> Self {
        Self {
            turn: Some(turn),
            ..self.clone()
        }
    }

    /// From now on this decides what goes wrong. Whoever was killed lives again.
    pub fn set_faults(&self, decide: impl FnMut(Operation, &str) -> Fault + Send + 'static) {
        let mut state = self.lock();
        state.decide = Some(Box::new(decide));
        state.dead = false;
    }

    /// From now on nothing goes wrong.
    pub fn heal(&self) {
        self.set_faults(|_, _| Fault::None);
    }

    /// The clock, in seconds since 1970.
    pub fn set_seconds(&self, seconds: i64) {
        self.millis.store(seconds * 1000, Ordering::SeqCst);
    }

    /// Lets time pass.
    pub fn pass(&self, seconds: i64) {
        self.millis.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// The clock.
    pub fn now(&self) -> jiff::Timestamp {
        let millis = self.millis.load(Ordering::SeqCst);
        jiff::Timestamp::from_millisecond(millis).unwrap_or_default()
    }

    /// How many requests that change something were made.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    /// All keys.
    pub fn keys(&self) -> Vec<String> {
        self.lock()
            .objects
            .keys()
            .map(ToString::to_string)
            .collect()
    }

    /// All objects.
    pub fn objects(&self) -> BTreeMap<String, Bytes> {
        let state = self.lock();
        state
            .objects
            .iter()
            .map(|(key, (bytes, _))| (key.to_string(), bytes.clone()))
            .collect()
    }

    /// Changes an object behind everybody's back.
    pub fn damage(&self, key: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        if let Some((bytes, _)) = state.objects.get_mut(&Path::from(key)) {
            let mut changed = bytes.to_vec();
            change(&mut changed);
            *bytes = changed.into();
        }
    }

    /// Removes an object behind everybody's back.
    pub fn lose(&self, key: &str) {
        self.lock().objects.remove(&Path::from(key));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the objects, unless something goes wrong before. Gives what goes wrong after.
    async fn perform<T>(
        &self,
        operation: Operation,
        path: &Path,
        work: impl FnOnce(&mut State, i64) -> Result<T>,
    ) -> Result<(T, Fault)> {
        if let Some(turn) = &self.turn {
            turn(operation, path.as_ref()).await;
        }
        let mut state = self.lock();
        if state.dead {
            return Err(killed());
        }
        if operation.writes() {
            self.writes.fetch_add(1, Ordering::SeqCst);
        }
        let fault = match &mut state.decide {
            None => Fault::None,
            Some(decide) => decide(operation, path.as_ref()),
        };
        match fault {
            Fault::Throttled => return Err(generic("status code: 503 Slow Down")),
            Fault::LostRequest => return Err(generic("the connection was closed")),
            Fault::Expired => {
                return Err(Error::PermissionDenied {
                    path: path.to_string(),
                    source: "ExpiredToken: the provided token has expired".into(),
                });
            }
            Fault::KilledBefore => {
                state.dead = true;
                return Err(killed());
            }
            Fault::None
            | Fault::LostReply
            | Fault::CutBody
            | Fault::FlippedByte
            | Fault::KilledAfter => {}
        }
        let millis = self.millis.load(Ordering::SeqCst);
        let done = work(&mut state, millis);
        match fault {
            Fault::LostReply => Err(generic("the connection was closed")),
            Fault::KilledAfter => {
                state.dead = true;
                Err(killed())
            }
            Fault::None
            | Fault::Throttled
            | Fault::LostRequest
            | Fault::CutBody
            | Fault::FlippedByte
            | Fault::Expired
            | Fault::KilledBefore => Ok((done?, fault)),
        }
    }
}

fn generic(what: &'static str) -> Error {
    Error::Generic {
        store: "FaultyStore",
        source: what.into(),
    }
}

/// An error after which nobody tries again.
fn killed() -> Error {
    Error::NotSupported {
        source: "killed".into(),
    }
}

fn not_found(path: &Path) -> Error {
    Error::NotFound {
        path: path.to_string(),
        source: "no such object".into(),
    }
}

fn meta(path: &Path, bytes: &Bytes, millis: i64) -> ObjectMeta {
    ObjectMeta {
        location: path.clone(),
        last_modified: std::time::UNIX_EPOCH
            .checked_add(std::time::Duration::from_millis(millis.unsigned_abs()))
            .unwrap_or(std::time::UNIX_EPOCH)
            .into(),
        size: bytes.len() as u64,
        e_tag: None,
        version: None,
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let bytes = Bytes::from(payload);
        self.perform(Operation::Put, location, move |state, millis| {
            if opts.mode == PutMode::Create && state.objects.contains_key(location) {
                return Err(Error::AlreadyExists {
                    path: location.to_string(),
                    source: "there is one".into(),
                });
            }
            state.objects.insert(location.clone(), (bytes, millis));
            Ok(PutResult {
                e_tag: None,
                version: None,
                extensions: Extensions::default(),
            })
        })
        .await
        .map(|(done, _)| done)
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(killed())
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let operation = if options.head {
            Operation::Head
        } else {
            Operation::Get
        };
        let ((bytes, millis), fault) = self
            .perform(operation, location, |state, _| {
                state
                    .objects
                    .get(location)
                    .cloned()
                    .ok_or_else(|| not_found(location))
            })
            .await?;
        let meta = meta(location, &bytes, millis);
        let range = match options.range {
            None => 0..meta.size,
            Some(range) => range
                .as_range(meta.size)
                .map_err(|_| generic("no such range"))?,
        };
        let ends = usize::try_from(range.start)
            .ok()
            .zip(usize::try_from(range.end).ok());
        let bytes = ends.map_or_else(Bytes::new, |(start, end)| bytes.slice(start..end));
        let body = if fault == Fault::CutBody {
            bytes.slice(..bytes.len() / 2)
        } else if fault == Fault::FlippedByte {
            let mut flipped = bytes.to_vec();
            let middle = flipped.len() / 2;
            if let Some(byte) = flipped.get_mut(middle) {
                *byte ^= 1;
            }
            flipped.into()
        } else {
            bytes
        };
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream::iter([Ok(body)]).boxed()),
            range,
            meta,
            attributes: Attributes::default(),
            extensions: Extensions::default(),
        })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .then(move |location| {
                let store = store.clone();
                async move {
                    let location = location?;
                    store
                        .perform(Operation::Delete, &location, |state, _| {
                            state.objects.remove(&location);
                            Ok(())
                        })
                        .await?;
                    Ok(location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, prefix) = (self.clone(), prefix.cloned().unwrap_or_default());
        stream::once(async move {
            let found = store
                .perform(Operation::List, &prefix, |state, _| {
                    let all = state.objects.iter();
                    let below = all.filter(|(path, _)| {
                        path.prefix_match(&prefix)
                            .is_some_and(|mut rest| rest.next().is_some())
                    });
                    Ok(below
                        .map(|(path, (bytes, at))| meta(path, bytes, *at))
                        .collect::<Vec<_>>())
                })
                .await;
            let found: Vec<Result<ObjectMeta>> = match found {
                Ok((metas, _)) => metas.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            stream::iter(found)
        })
        .flatten()
        .boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(killed())
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(killed())
    }
}
