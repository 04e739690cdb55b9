//! What a watch has seen, kept small. As a Rust value a StatefulSet takes fifty kilobytes and more, most of it for
//! fields that are not set. So of most kinds a decision's view is kept, a few hundred bytes of JSON; the whole object only
//! until somebody has compared it and found it right, compressed. Of a kind that decisions read whole, that is all there
//! is.
//!
//! When everything is listed anew, objects are replaced one by one, and what was not listed goes at the end, so that
//! nothing is ever there twice.
//!
//! What the API server returned for a write of ours counts until the watch has come as far: who writes and looks again
//! sees at least what it wrote. An event that tells no more than such an answer is no news.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    marker::PhantomData,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use kube::{Resource, ResourceExt, runtime::watcher::Event};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::{sync::watch, time::Instant};

use super::{
    comparison::{Comparison, Whole},
    raw::Raw,
};

/// The quickest that still finds repetitions.
const LEVEL: u8 = 1;
/// An answer that the watch has not told of after this time is not counted on any more: the watch may have been
/// interrupted, and the object gone, meanwhile.
const AT_LONGEST: Duration = Duration::from_secs(30);

/// By namespace and name.
type Key = (String, String);

/// What of an object is kept: JSON of JSON.
pub type Shape = fn(&str) -> serde_json::Result<Vec<u8>>;

/// How objects of a kind are kept.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// Without what nobody looks at.
    pub whole: Shape,
    /// What a decision reads. None: it reads the whole.
    pub view: Option<Shape>,
}

/// The objects of one kind.
pub struct PackedStore<K> {
    objects: Arc<RwLock<Objects>>,
    listed: watch::Receiver<bool>,
    how: How<K>,
}

/// The end of a store that a watch writes to.
pub(super) struct Writer<K> {
    objects: Arc<RwLock<Objects>>,
    listed: watch::Sender<bool>,
    how: How<K>,
}

struct How<K> {
    /// The label that names what an object goes with.
    owner: &'static str,
    keeping: Keeping,
    kind: PhantomData<fn() -> K>,
}

#[derive(Default)]
struct Objects {
    all: BTreeMap<Key, Packed>,
    /// Which listing is the last.
    round: u32,
    /// The last version of which the watch has told.
    told: u64,
    /// Answers that are newer than that.
    answers: BTreeMap<Key, Answer>,
}

/// What a write of ours has returned.
struct Answer {
    packed: Packed,
    until: Instant,
}

struct Packed {
    owner: Box<str>,
    /// Quicker to compare.
    owner_digest: u64,
    round: u32,
    /// None: it is no number, and is not compared with others.
    version: Option<u64>,
    /// Compressed, unless there is a whole beside it.
    view: Box<[u8]>,
    whole: Whole,
    /// Digest of what it was compared with and found right.
    right: Option<u64>,
}

/// What was kept of an object does not make an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to read {0} from memory")]
pub struct Unreadable(String);

impl Unreadable {
    /// The object of this name.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }
}

/// A store with nothing in it. The label `owner` names what an object goes with.
pub(super) fn packed_store<K>(
    owner: &'static str,
    keeping: Keeping,
) -> (PackedStore<K>, Writer<K>) {
    let (sender, listed) = watch::channel(false);
    let objects = Arc::<RwLock<Objects>>::default();
    let how = How {
        owner,
        keeping,
        kind: PhantomData,
    };
    let writer = Writer {
        objects: objects.clone(),
        listed: sender,
        how: how.clone(),
    };
    let store = PackedStore {
        objects,
        listed,
        how,
    };
    (store, writer)
}

impl<K: Resource> How<K> {
    /// The object packed, and the JSON of the whole. Of what has no such shape nothing is kept: `open` says so.
    fn pack(&self, object: &Raw<K>) -> (Packed, Vec<u8>) {
        let owner = object.labels().get(self.owner);
        let owner: Box<str> = owner.map(|name| name.as_str().into()).unwrap_or_default();
        let json = (self.keeping.whole)(object.text()).unwrap_or_default();
        let packed = miniz_oxide::deflate::compress_to_vec(&json, LEVEL);
        let (view, whole) = match self.keeping.view {
            None => (packed, Whole::InHand),
            Some(view) => {
                let view = view(object.text()).unwrap_or_default();
                (view, Whole::Packed(packed.into()))
            }
        };
        let packed = Packed {
            owner_digest: digest(&owner),
            owner,
            round: 0,
            version: version(object),
            view: view.into(),
            whole,
            right: None,
        };
        (packed, json)
    }
}

impl<K: DeserializeOwned> How<K> {
    fn open(&self, packed: &Packed) -> Option<K> {
        if self.keeping.view.is_some() {
            return serde_json::from_slice(&packed.view).ok();
        }
        let json = miniz_oxide::inflate::decompress_to_vec(&packed.view).ok()?;
        serde_json::from_slice(&json).ok()
    }
}

impl<K: Resource> Writer<K> {
    /// Does what a watch says. If it is news, tells which object it is about: namespace and name of what it goes with.
    pub(super) fn apply(&self, event: Event<Raw<K>>) -> Option<Key> {
        match event {
            Event::Init => {
                let mut objects = self.objects();
                objects.round = objects.round.wrapping_add(1);
                None
            }
            Event::Apply(object) => {
                let version = version(&object);
                let news = self.keep(&object);
                self.objects().hear(version);
                news
            }
            // They come in no order: of the others nothing is heard.
            Event::InitApply(object) => self.keep(&object),
            Event::Delete(object) => {
                let mut objects = self.objects();
                objects.all.remove(&key(&object));
                objects.hear(version(&object));
                let owner = object.labels().get(self.how.owner)?;
                Some((object.namespace().unwrap_or_default(), owner.clone()))
            }
            Event::InitDone => {
                let mut objects = self.objects();
                let round = objects.round;
                objects.all.retain(|_, packed| packed.round == round);
                // What was written before the list began is in it, or gone.
                objects
                    .answers
                    .retain(|_, answer| answer.packed.round == round);
                drop(objects);
                self.listed.send_replace(true);
                None
            }
        }
    }

    fn keep(&self, object: &Raw<K>) -> Option<Key> {
        let (key, version) = (key(object), version(object));
        if self.objects().is_known(&key, version) {
            return None;
        }
        let (packed, _) = self.how.pack(object);
        let owner = (!packed.owner.is_empty()).then(|| (key.0.clone(), packed.owner.to_string()));
        let mut objects = self.objects();
        let round = objects.round;
        if let Some(answer) = objects.answers.get(&key)
            && answer.packed.version <= version
        {
            objects.answers.remove(&key);
        }
        objects.all.insert(key, Packed { round, ..packed });
        owner
    }

    fn objects(&self) -> RwLockWriteGuard<'_, Objects> {
        // No change leaves the map half done, so what another task's panic has left can be used.
        self.objects.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Objects {
    /// Whether this version of an object is there, as the watch or an answer told it. It is listed, then.
    fn is_known(&mut self, key: &Key, version: Option<u64>) -> bool {
        let round = self.round;
        let is_it = |packed: &Packed| version.is_some() && packed.version == version;
        if self.answers.get(key).is_some_and(|a| is_it(&a.packed))
            && let Some(answer) = self.answers.remove(key)
        {
            let packed = Packed {
                round,
                ..answer.packed
            };
            self.all.insert(key.clone(), packed);
            return true;
        }
        match self.all.get_mut(key).filter(|packed| is_it(packed)) {
            Some(packed) => {
                packed.round = round;
                true
            }
            None => false,
        }
    }

    /// The watch has come as far as this version: answers that are no newer have been overtaken.
    fn hear(&mut self, version: Option<u64>) {
        self.told = self.told.max(version.unwrap_or(0));
        let told = self.told;
        self.answers
            .retain(|_, answer| answer.packed.version > Some(told));
    }
}

fn key<K: ResourceExt>(object: &K) -> Key {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// Kubernetes' versions of one kind are numbers that rise.
fn version<K: ResourceExt>(object: &K) -> Option<u64> {
    object.resource_version()?.parse().ok()
}

fn digest(owner: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    owner.hash(&mut hasher);
    hasher.finish()
}

/// Objects by name, each with what is known of the whole of it.
pub type Found<K> = BTreeMap<String, (Arc<K>, Comparison)>;

impl<K: DeserializeOwned> PackedStore<K> {
    /// The objects that go with this one. One that can't be unpacked is an error: it is not absent.
    pub fn of_owner(&self, namespace: &str, owner: &str) -> Result<Found<K>, Unreadable> {
        let (digest, now, objects) = (digest(owner), Instant::now(), self.objects());
        let answers = objects.answers.iter();
        let answers = answers
            .filter(|(_, answer)| answer.until > now)
            .map(|(key, answer)| (key, &answer.packed));
        // An answer that is still there is newer than what was watched, and comes after it.
        let ours = objects.all.iter().chain(answers).filter(|(key, packed)| {
            packed.owner_digest == digest && &*packed.owner == owner && key.0 == namespace
        });
        ours.map(|((_, name), packed)| {
            let object = self.how.open(packed);
            let object = object.ok_or_else(|| Unreadable::new(name))?;
            let comparison = Comparison::new(packed.version, packed.whole.clone(), packed.right);
            Ok((name.clone(), (Arc::new(object), comparison)))
        })
        .collect()
    }

    /// Waits until everything has been listed once.
    pub async fn wait_until_ready(&self) -> Result<(), watch::error::RecvError> {
        self.listed
            .clone()
            .wait_for(|listed| *listed)
            .await
            .map(drop)
    }

    fn objects(&self) -> RwLockReadGuard<'_, Objects> {
        self.objects.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> PackedStore<K> {
    /// Takes in what a write of ours has returned, if the watch has not come as far. Returns the object, and what is
    /// known of it.
    pub fn answered(&self, answer: String) -> serde_json::Result<(K, Comparison)>
    where
        K: Resource + DeserializeOwned,
    {
        let object = Raw::<K>::read(RawValue::from_string(answer)?)?;
        let (packed, json) = self.how.pack(&object);
        let version = packed.version;
        let mut objects = self.objects_mut();
        if version > Some(objects.told) {
            let round = objects.round;
            let answer = Answer {
                packed: Packed { round, ..packed },
                until: Instant::now() + AT_LONGEST,
            };
            objects.answers.insert(key(&object), answer);
        }
        drop(objects);
        Ok((serde_json::from_slice(&json)?, Comparison::in_hand(version)))
    }

    /// This version of an object was compared and found right: the whole of it is not needed any more.
    pub fn found_right(&self, namespace: &str, name: &str, version: u64, wanted: u64) {
        let key = (namespace.to_owned(), name.to_owned());
        let mut objects = self.objects_mut();
        let Objects { all, answers, .. } = &mut *objects;
        let answer = answers.get_mut(&key).map(|answer| &mut answer.packed);
        for packed in answer.into_iter().chain(all.get_mut(&key)) {
            if packed.version == Some(version) {
                packed.right = Some(wanted);
                if matches!(packed.whole, Whole::Packed(_)) {
                    packed.whole = Whole::Dropped;
                }
            }
        }
    }

    fn objects_mut(&self) -> RwLockWriteGuard<'_, Objects> {
        self.objects.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Clone for How<K> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<K> Clone for PackedStore<K> {
    fn clone(&self) -> Self {
        Self {
            objects: self.objects.clone(),
            listed: self.listed.clone(),
            how: self.how.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use cassandra_api::k8s_openapi::api::core::v1::Service;
    use serde_json::{Value, json};

    use super::*;

    const LABEL: &str = "owner";

    fn all(text: &str) -> serde_json::Result<Vec<u8>> {
        serde_json::from_str::<&RawValue>(text)?;
        Ok(text.into())
    }

    fn without_spec(text: &str) -> serde_json::Result<Vec<u8>> {
        let mut object: Value = serde_json::from_str(text)?;
        object["spec"].take();
        serde_json::to_vec(&object)
    }

    fn store() -> (PackedStore<Service>, Writer<Service>) {
        let keeping = Keeping {
            whole: all,
            view: Some(without_spec),
        };
        packed_store(LABEL, keeping)
    }

    fn object(name: &str, owner: &str, version: Option<u64>) -> Value {
        let version = version.map(|version| version.to_string());
        json!({ "metadata": { "name": name, "namespace": "shop", "labels": { LABEL: owner },
            "resourceVersion": version }, "spec": { "type": "ClusterIP" } })
    }

    fn raw(object: &Value) -> Raw<Service> {
        serde_json::from_str(&object.to_string()).unwrap()
    }

    fn service(name: &str, owner: &str) -> Raw<Service> {
        raw(&object(name, owner, None))
    }

    fn names(store: &PackedStore<Service>, owner: &str) -> Vec<String> {
        store.of_owner("shop", owner).unwrap().into_keys().collect()
    }

    fn at(version: u64, name: &str) -> Raw<Service> {
        raw(&object(name, "orders", Some(version)))
    }

    fn answer(version: u64, name: &str) -> String {
        object(name, "orders", Some(version)).to_string()
    }

    #[test]
    fn what_is_read_whole_comes_back_as_it_was_and_only_to_its_owner() {
        let keeping = Keeping {
            whole: all,
            view: None,
        };
        let (store, writer) = packed_store::<Service>(LABEL, keeping);
        let mine = object("a", "orders", Some(7));
        writer.apply(Event::Apply(raw(&mine)));
        writer.apply(Event::Apply(service("b", "carts")));
        let found = store.of_owner("shop", "orders").unwrap();
        let found: Vec<_> = found.into_values().map(|(s, _)| (*s).clone()).collect();
        assert_eq!(found, [serde_json::from_value(mine).unwrap()]);
        assert!(store.of_owner("other", "orders").unwrap().is_empty());
    }

    #[test]
    fn of_a_kind_with_a_view_the_rest_is_there_until_it_was_found_right() {
        let (store, writer) = store();
        let wanted = json!({ "spec": { "type": "ClusterIP" } });
        let is = |wanted: &Value, there: &Value| there.pointer("/spec") == wanted.pointer("/spec");
        writer.apply(Event::Apply(at(10, "a")));
        let look = || {
            store
                .of_owner("shop", "orders")
                .unwrap()
                .remove("a")
                .unwrap()
        };
        let (seen, comparison) = look();
        assert_eq!(seen.spec, None);
        assert!(comparison.is_right(&wanted, &*seen, is));
        let (version, right) = comparison.news().unwrap();
        store.found_right("shop", "a", version, right);
        let (seen, comparison) = look();
        assert!(comparison.is_right(&wanted, &*seen, |_, _| false), "known");
        let other = json!({ "spec": { "type": "NodePort" } });
        assert!(!comparison.is_right(&other, &*seen, |_, _| true), "dropped");
        writer.apply(Event::Apply(at(11, "a")));
        let (seen, comparison) = look();
        assert!(!comparison.is_right(&wanted, &*seen, |_, _| false), "new");
    }

    #[test]
    fn what_is_not_listed_again_goes_when_the_list_is_complete() {
        let (store, writer) = store();
        for event in [Event::Init, Event::InitApply(service("a", "orders"))] {
            writer.apply(event);
        }
        writer.apply(Event::InitApply(at(1, "b")));
        writer.apply(Event::InitDone);
        writer.apply(Event::Init);
        assert_eq!(writer.apply(Event::InitApply(at(1, "b"))), None, "no news");
        assert_eq!(
            names(&store, "orders"),
            ["a", "b"],
            "the old list counts until then"
        );
        writer.apply(Event::InitDone);
        assert_eq!(names(&store, "orders"), ["b"]);
    }

    #[test]
    fn what_was_written_counts_until_the_watch_has_come_as_far() {
        let (store, writer) = store();
        writer.apply(Event::Apply(at(10, "a")));
        store.answered(answer(12, "b")).unwrap();
        assert_eq!(names(&store, "orders"), ["a", "b"]);
        writer.apply(Event::Apply(at(11, "c")));
        assert_eq!(names(&store, "orders"), ["a", "b", "c"]);
        writer.apply(Event::Delete(at(13, "b")));
        assert_eq!(names(&store, "orders"), ["a", "c"]);
        store.answered(answer(12, "b")).unwrap();
        assert_eq!(names(&store, "orders"), ["a", "c"], "an old answer");
    }

    #[test]
    fn what_was_written_and_is_not_in_a_later_list_is_gone() {
        let (store, writer) = store();
        store.answered(answer(12, "b")).unwrap();
        writer.apply(Event::Init);
        store.answered(answer(14, "c")).unwrap();
        writer.apply(Event::InitDone);
        let left = names(&store, "orders");
        assert_eq!(left, ["c"], "written while it was listed: it may come yet");
    }

    #[test]
    fn an_event_that_tells_what_was_answered_is_no_news() {
        let (store, writer) = store();
        store.answered(answer(12, "b")).unwrap();
        assert_eq!(writer.apply(Event::Apply(at(12, "b"))), None);
        store.answered(answer(13, "b")).unwrap();
        let owner = ("shop".to_owned(), "orders".to_owned());
        assert_eq!(writer.apply(Event::Apply(at(14, "b"))), Some(owner));
    }

    #[test]
    fn a_changed_label_or_a_deletion_takes_an_object_away() {
        let (store, writer) = store();
        writer.apply(Event::Apply(service("a", "orders")));
        writer.apply(Event::Apply(service("a", "carts")));
        assert!(names(&store, "orders").is_empty());
        writer.apply(Event::Delete(service("a", "carts")));
        assert!(names(&store, "carts").is_empty());
    }
}
