//! What a watch has seen, kept small: each object as compressed JSON, unpacked only when what it goes with is looked at. As a
//! Rust value a StatefulSet takes fifty kilobytes and more, most of it for fields that are not set; packed it takes two.
//!
//! When everything is listed anew, objects are replaced one by one, and what was not listed goes at the end, so that
//! nothing is ever there twice.

use std::{
    collections::BTreeMap,
    marker::PhantomData,
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
};

use kube::{ResourceExt, runtime::watcher::Event};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::watch;

/// The quickest that still finds repetitions.
const LEVEL: u8 = 1;

/// The objects of one kind.
pub struct PackedStore<K> {
    objects: Arc<RwLock<Objects>>,
    listed: watch::Receiver<bool>,
    kind: PhantomData<fn() -> K>,
}

#[derive(Default)]
struct Objects {
    /// By namespace and name.
    all: BTreeMap<(String, String), Packed>,
    /// Which listing is the last.
    round: u32,
}

struct Packed {
    owner: Box<str>,
    round: u32,
    json: Box<[u8]>,
}

impl Packed {
    fn new<K: ResourceExt + Serialize>(object: &K, owner: &str) -> Self {
        let owner = object.labels().get(owner);
        // What came from JSON goes into JSON; were it not so, `open` would say it.
        let json = serde_json::to_vec(object).unwrap_or_default();
        Self {
            owner: owner.map(|name| name.as_str().into()).unwrap_or_default(),
            round: 0,
            json: miniz_oxide::deflate::compress_to_vec(&json, LEVEL).into(),
        }
    }

    fn open<K: DeserializeOwned>(&self) -> Option<K> {
        let json = miniz_oxide::inflate::decompress_to_vec(&self.json).ok()?;
        serde_json::from_slice(&json).ok()
    }
}

/// What was kept of an object does not make an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to read {0} from memory")]
pub struct Unreadable(String);

/// The end of a store that is written to.
pub(super) struct Writer {
    objects: Arc<RwLock<Objects>>,
    listed: watch::Sender<bool>,
    owner: &'static str,
}

/// A store with nothing in it. The label `owner` names what an object goes with.
pub(super) fn packed_store<K>(owner: &'static str) -> (PackedStore<K>, Writer) {
    let (sender, listed) = watch::channel(false);
    let objects = Arc::<RwLock<Objects>>::default();
    let writer = Writer {
        objects: objects.clone(),
        listed: sender,
        owner,
    };
    (
        PackedStore {
            objects,
            listed,
            kind: PhantomData,
        },
        writer,
    )
}

impl Writer {
    /// Does what a watch says.
    pub(super) fn apply<K: ResourceExt + Serialize>(&self, event: &Event<K>) {
        match event {
            Event::Init => {
                let mut objects = self.objects();
                objects.round = objects.round.wrapping_add(1);
            }
            Event::Apply(object) | Event::InitApply(object) => {
                let packed = Packed::new(object, self.owner);
                let mut objects = self.objects();
                let round = objects.round;
                objects.all.insert(key(object), Packed { round, ..packed });
            }
            Event::Delete(object) => {
                self.objects().all.remove(&key(object));
            }
            Event::InitDone => {
                let mut objects = self.objects();
                let round = objects.round;
                objects.all.retain(|_, packed| packed.round == round);
                drop(objects);
                self.listed.send_replace(true);
            }
        }
    }

    fn objects(&self) -> RwLockWriteGuard<'_, Objects> {
        // No change leaves the map half done, so what another task's panic has left can be used.
        self.objects.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key<K: ResourceExt>(object: &K) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

impl<K: DeserializeOwned> PackedStore<K> {
    /// The objects that go with this one, by name. One that can't be unpacked is an error: it is not absent.
    pub fn of_owner(
        &self,
        namespace: &str,
        owner: &str,
    ) -> Result<BTreeMap<String, Arc<K>>, Unreadable> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let of_owner = objects
            .all
            .iter()
            .filter(|((there, _), packed)| there == namespace && &*packed.owner == owner);
        of_owner
            .map(|((_, name), packed)| {
                let object = packed.open().ok_or_else(|| Unreadable(name.clone()))?;
                Ok((name.clone(), Arc::new(object)))
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
}

impl<K> Clone for PackedStore<K> {
    fn clone(&self) -> Self {
        Self {
            objects: self.objects.clone(),
            listed: self.listed.clone(),
            kind: PhantomData,
        }
    }
}

#[cfg(test)]
mod tests {
    use cassandra_api::k8s_openapi::api::core::v1::Service;
    use serde_json::json;

    use super::*;

    const LABEL: &str = "owner";

    fn service(name: &str, owner: &str) -> Service {
        let labels = json!({ LABEL: owner });
        let object = json!({ "metadata": { "name": name, "namespace": "shop", "labels": labels } });
        serde_json::from_value(object).unwrap()
    }

    fn names(store: &PackedStore<Service>, owner: &str) -> Vec<String> {
        store.of_owner("shop", owner).unwrap().into_keys().collect()
    }

    #[test]
    fn an_object_comes_back_as_it_was_and_only_to_its_owner() {
        let (store, writer) = packed_store::<Service>(LABEL);
        let mine = service("a", "orders");
        writer.apply(&Event::Apply(mine.clone()));
        writer.apply(&Event::Apply(service("b", "carts")));
        let found = store.of_owner("shop", "orders").unwrap();
        assert_eq!(
            found
                .into_values()
                .map(|s| (*s).clone())
                .collect::<Vec<_>>(),
            [mine]
        );
        assert!(store.of_owner("other", "orders").unwrap().is_empty());
    }

    #[test]
    fn what_is_not_listed_again_goes_when_the_list_is_complete() {
        let (store, writer) = packed_store(LABEL);
        for event in [Event::Init, Event::InitApply(service("a", "orders"))] {
            writer.apply(&event);
        }
        writer.apply(&Event::InitApply(service("b", "orders")));
        writer.apply::<Service>(&Event::InitDone);
        writer.apply::<Service>(&Event::Init);
        writer.apply(&Event::InitApply(service("b", "orders")));
        assert_eq!(
            names(&store, "orders"),
            ["a", "b"],
            "the old list counts until then"
        );
        writer.apply::<Service>(&Event::InitDone);
        assert_eq!(names(&store, "orders"), ["b"]);
    }

    #[test]
    fn a_changed_label_or_a_deletion_takes_an_object_away() {
        let (store, writer) = packed_store(LABEL);
        writer.apply(&Event::Apply(service("a", "orders")));
        writer.apply(&Event::Apply(service("a", "carts")));
        assert!(names(&store, "orders").is_empty());
        writer.apply(&Event::Delete(service("a", "carts")));
        assert!(names(&store, "carts").is_empty());
    }
}
