//! The API server: its state, its replicas, and what a test does to them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::sync::watch;

use super::{
    admission::Policies,
    catalogue::Catalogue,
    clock::{Clock, SimulatedClock},
    connection::Connection,
    hooks::{Faults, NoFaults, Observer, Trace},
    ids::Ids,
    refusal::Refusal,
    request::{Request, User},
    revision::{Follow, Revision},
    rights::Rights,
    shipped,
    store::{Change, Key, Object, Store},
    tokens::Tokens,
    verbs::{self, Answer},
};
use crate::json::At as _;

/// How a server is made.
pub struct Options {
    /// The seed of UIDs and generated names.
    pub seed: u64,
    /// API servers in front of the one store.
    pub replicas: usize,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What goes wrong.
    pub faults: Arc<dyn Faults>,
    /// Who is told of every write.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            replicas: 3,
            clock: Arc::new(SimulatedClock::default()),
            faults: Arc::new(NoFaults),
            observer: None,
        }
    }
}

/// API servers in front of one store. Clones are the same server.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) faults: Arc<dyn Faults>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) trace: Trace,
    replicas: Vec<Revision>,
    /// Which replica answers a component, by its name.
    routes: Mutex<BTreeMap<String, watch::Sender<usize>>>,
    /// Counts changes that others act on.
    news: Revision,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) ids: Ids,
    pub(crate) rights: Rights,
    pub(crate) policies: Policies,
    tokens: Tokens,
    pub(crate) addresses: u32,
    /// Replicas that do not follow the store.
    held: Vec<bool>,
}

impl Server {
    /// An empty server with the kinds' definitions, the namespaces `default` and `kube-system`, and the roles that
    /// Kubernetes itself brings along as far as they are used here.
    pub fn new(options: Options) -> Self {
        let Options {
            seed,
            replicas,
            clock,
            faults,
            observer,
        } = options;
        let replicas = replicas.max(1);
        let state = State {
            store: Store::default(),
            ids: Ids::new(seed),
            rights: Rights::default(),
            policies: Policies::default(),
            tokens: Tokens::default(),
            addresses: 0,
            held: vec![false; replicas],
        };
        let server = Self {
            inner: Arc::new(Inner {
                catalogue: Catalogue::shipped(),
                clock,
                faults,
                observer,
                trace: Trace::default(),
                replicas: (0..replicas).map(|_| Revision::default()).collect(),
                routes: Mutex::default(),
                news: Revision::default(),
                state: Mutex::new(state),
            }),
        };
        for object in shipped::at_start() {
            server.put(object);
        }
        server
    }

    /// The manifests of `deploy/`: the operator's roles, its bindings for the whole Kubernetes cluster, its service
    /// account and its admission policies.
    pub fn install_operator(&self) {
        for object in shipped::operator() {
            self.put(object);
        }
    }

    /// Creates an object as an administrator would, without any request being traced. One that is refused is left
    /// out; the refusal is returned.
    #[expect(clippy::needless_pass_by_value, reason = "it is given away")]
    pub fn put(&self, object: Value) -> Option<Refusal> {
        let Some(resource) = self.inner.catalogue.of(&object).cloned() else {
            return Some(Refusal::no_such_path());
        };
        let text = |pointer| {
            object
                .at(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let namespace = text("/metadata/namespace").to_owned();
        let request = Request::create(resource, namespace, &object);
        let (answer, _) = self.answer(&request, 0);
        match answer {
            Answer::Refused(refusal) => Some(refusal),
            Answer::Value(..) | Answer::Stored(..) | Answer::Watch(..) => None,
        }
    }

    /// A way to it for one component, as a user.
    pub fn connect(&self, component: &str, user: User) -> Connection {
        Connection::new(self.clone(), component, user)
    }

    /// From the next request on, this replica answers a component, also after it was started again. Its watches end.
    pub fn route(&self, component: &str, replica: usize) {
        self.inner.route(component).send_replace(replica);
    }

    /// All kinds.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.inner.catalogue
    }

    /// The time that it writes into objects.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// All requests so far.
    pub fn trace(&self) -> &Trace {
        &self.inner.trace
    }

    /// Number of replicas.
    pub fn replicas(&self) -> usize {
        self.inner.replicas.len()
    }

    /// From now on this replica's cache stays at its revision.
    pub fn hold(&self, replica: usize) {
        if let Some(held) = self.inner.state().held.get_mut(replica) {
            *held = true;
        }
    }

    /// The replica's cache follows again.
    pub fn release(&self, replica: usize) {
        let mut state = self.inner.state();
        if let Some(held) = state.held.get_mut(replica) {
            *held = false;
        }
        self.inner.follow(&state);
    }

    /// A replica that is held comes this far.
    pub fn advance(&self, replica: usize, revision: u64) {
        let head = self.inner.state().store.head();
        if let Some(seen) = self.inner.replicas.get(replica) {
            seen.set(revision.min(head).max(seen.get()));
        }
    }

    /// The last revision.
    pub fn head(&self) -> u64 {
        self.inner.state().store.head()
    }

    /// Tells when something has changed that others act on: neither Leases nor Events.
    pub fn follow_news(&self) -> Follow {
        self.inner.news.follow()
    }

    /// Something has changed that others act on and that is not stored here.
    pub fn tell_news(&self) {
        self.inner.news.raise();
    }

    /// Forgets what was before a revision: who watches from before it gets 410.
    pub fn compact(&self, revision: u64) {
        self.inner.state().store.compact(revision);
    }

    /// Looks at what is stored.
    pub fn read<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
        look(&self.inner.state().store)
    }

    /// An object as it is.
    pub fn get(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Option<Arc<Object>> {
        let resource = self.inner.catalogue.named(api_version, kind)?;
        let key = Key {
            resource: resource.id,
            namespace: namespace.into(),
            name: name.into(),
        };
        self.inner.state().store.get(&key).cloned()
    }

    /// The rules that grant a user something in a namespace, as a `SelfSubjectRulesReview` has them.
    pub(crate) fn rules_of(&self, user: &User, namespace: &str) -> Vec<Value> {
        self.inner.state().rights.review(user, namespace)
    }

    /// All objects of a kind as they are.
    pub fn list(&self, api_version: &str, kind: &str) -> Vec<Arc<Object>> {
        let Some(resource) = self.inner.catalogue.named(api_version, kind) else {
            return Vec::new();
        };
        let state = self.inner.state();
        state
            .store
            .list(resource.id, "")
            .map(|(_, object)| object.clone())
            .collect()
    }

    /// All objects of all kinds as they are.
    pub fn everything(&self) -> Vec<Arc<Object>> {
        let state = self.inner.state();
        state
            .store
            .all()
            .map(|(_, object)| object.clone())
            .collect()
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// Applies a request at once, and tells what it wrote.
    pub(crate) fn answer(&self, request: &Request, replica: usize) -> (Answer, Vec<Change>) {
        let mut state = self.inner.state();
        if let Err(refusal) = self.inner.authenticate(&mut state, &request.user) {
            return (Answer::Refused(refusal), Vec::new());
        }
        let before = state.store.head();
        let seen = self.inner.seen(replica);
        let answer = verbs::answer(&self.inner, &mut state, request, replica, seen);
        let changes: Vec<_> = state.store.since(before).cloned().collect();
        for change in &changes {
            state.rights.note(&self.inner.catalogue, change);
            state.policies.note(&self.inner.catalogue, change);
        }
        if !changes.is_empty() {
            self.inner.follow(&state);
            let idle = |change: &Change| self.inner.catalogue.is_idle(change.key.resource);
            if !changes.iter().all(idle) {
                self.inner.news.raise();
            }
        }
        (answer, changes)
    }
}

impl Inner {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn authenticate(&self, state: &mut State, user: &User) -> Result<(), Refusal> {
        let State { tokens, store, .. } = state;
        tokens.check(&self.catalogue, store, user, self.clock.now())
    }

    /// Which replica answers this component: the first, until it is told otherwise.
    pub(crate) fn route(&self, component: &str) -> watch::Sender<usize> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.entry(component.to_owned()).or_default().clone()
    }

    /// How far a replica's cache is.
    pub(crate) fn seen(&self, replica: usize) -> u64 {
        self.replicas.get(replica).map_or(0, Revision::get)
    }

    pub(crate) fn subscribe(&self, replica: usize) -> Option<Follow> {
        Some(self.replicas.get(replica)?.follow())
    }

    fn follow(&self, state: &State) {
        let head = state.store.head();
        for (seen, held) in self.replicas.iter().zip(&state.held) {
            if !held {
                seen.set(head);
            }
        }
    }
}
