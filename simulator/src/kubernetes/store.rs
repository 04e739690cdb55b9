//! What etcd is to an API server: one log of revisions. What was true at any revision that is not compacted can be
//! read, and what happened since can be followed.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::json::At as _;

/// Where an object is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub(crate) resource: u16,
    /// Empty for what is not in a namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// An object as it was at one revision.
#[derive(Debug)]
pub struct Object {
    value: Value,
    json: OnceLock<Bytes>,
    /// What is stored lacks a default that every reader adds.
    incomplete: bool,
}

impl Object {
    fn new(value: Value) -> Arc<Self> {
        Arc::new(Self {
            value,
            json: OnceLock::new(),
            incomplete: false,
        })
    }

    /// Whether an update that changes nothing is a write nevertheless.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.incomplete
    }

    /// One that is not stored.
    pub(crate) fn unsaved(value: Value) -> Arc<Self> {
        Self::new(value)
    }

    /// Its content.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Its content as JSON, written once.
    pub(crate) fn json(&self) -> Bytes {
        let write = || serde_json::to_vec(&self.value).unwrap_or_default().into();
        self.json.get_or_init(write).clone()
    }

    /// The revision of its last change.
    pub fn revision(&self) -> u64 {
        let text = self.value.at("/metadata/resourceVersion");
        text.and_then(Value::as_str)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    }
}

/// One entry of the log.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which.
    pub revision: u64,
    /// Of what.
    pub key: Key,
    /// None: it was created.
    pub old: Option<Arc<Object>>,
    /// None: it was deleted.
    pub new: Option<Arc<Object>>,
}

#[derive(Debug)]
struct Version {
    revision: u64,
    object: Option<Arc<Object>>,
}

/// The log and what it amounts to.
#[derive(Debug)]
pub struct Store {
    head: u64,
    compacted: u64,
    objects: BTreeMap<Key, Vec<Version>>,
    log: VecDeque<Change>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            // The first revision of an etcd is 1; no object ever has it.
            head: 1,
            compacted: 0,
            objects: BTreeMap::new(),
            log: VecDeque::new(),
        }
    }
}

impl Store {
    /// The last revision.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// What is older than this can't be read any more.
    pub fn compacted(&self) -> u64 {
        self.compacted
    }

    /// Writes an object, which gets the new revision.
    pub(crate) fn put(&mut self, key: Key, mut value: Value) -> Arc<Object> {
        self.head += 1;
        stamp(&mut value, self.head);
        let object = Object::new(value);
        self.record(key, Some(object.clone()));
        object
    }

    /// Writes an object that the store has without one of its defaults.
    pub(crate) fn put_incomplete(&mut self, key: Key, mut value: Value) -> Arc<Object> {
        self.head += 1;
        stamp(&mut value, self.head);
        let object = Arc::new(Object {
            value,
            json: OnceLock::new(),
            incomplete: true,
        });
        self.record(key, Some(object.clone()));
        object
    }

    /// Deletes an object. What watchers are told of it has the revision of its deletion.
    pub(crate) fn delete(&mut self, key: &Key) -> Option<Arc<Object>> {
        self.get(key)?;
        self.head += 1;
        self.record(key.clone(), None)
    }

    fn record(&mut self, key: Key, new: Option<Arc<Object>>) -> Option<Arc<Object>> {
        let revision = self.head;
        let history = self.objects.entry(key.clone()).or_default();
        let old = history.last().and_then(|version| version.object.clone());
        history.push(Version {
            revision,
            object: new.clone(),
        });
        self.log.push_back(Change {
            revision,
            key,
            old: old.clone(),
            new,
        });
        old
    }

    /// The object as it is.
    pub fn get(&self, key: &Key) -> Option<&Arc<Object>> {
        self.objects.get(key)?.last()?.object.as_ref()
    }

    /// The object as it was.
    pub fn get_at(&self, key: &Key, revision: u64) -> Option<&Arc<Object>> {
        at(self.objects.get(key)?, revision)
    }

    /// All objects of a kind as they were, of one namespace or of all, in the order of their keys.
    pub(crate) fn list_at<'a>(
        &'a self,
        resource: u16,
        namespace: &'a str,
        revision: u64,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Object>)> {
        let first = Key {
            resource,
            namespace: namespace.into(),
            name: "".into(),
        };
        self.objects
            .range(first..)
            .take_while(move |(key, _)| {
                key.resource == resource && (namespace.is_empty() || &*key.namespace == namespace)
            })
            .filter_map(move |(key, history)| Some((key, at(history, revision)?)))
    }

    /// All objects of a kind as they are.
    pub(crate) fn list<'a>(
        &'a self,
        resource: u16,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Object>)> {
        self.list_at(resource, namespace, self.head)
    }

    /// Everything that there is.
    pub fn all(&self) -> impl Iterator<Item = (&Key, &Arc<Object>)> {
        let all = self.objects.iter();
        all.filter_map(|(key, history)| Some((key, history.last()?.object.as_ref()?)))
    }

    /// What happened after a revision, in order.
    pub(crate) fn since(&self, revision: u64) -> impl Iterator<Item = &Change> {
        let first = self
            .log
            .partition_point(|change| change.revision <= revision);
        self.log.range(first..)
    }

    /// Forgets what was before a revision.
    pub(crate) fn compact(&mut self, revision: u64) {
        let revision = revision.min(self.head);
        self.compacted = self.compacted.max(revision);
        while self
            .log
            .front()
            .is_some_and(|change| change.revision <= revision)
        {
            self.log.pop_front();
        }
        self.objects.retain(|_, history| {
            let superseded = history.partition_point(|v| v.revision <= revision);
            history.drain(..superseded.saturating_sub(1));
            history.len() > 1 || history.iter().any(|version| version.object.is_some())
        });
    }
}

fn at(history: &[Version], revision: u64) -> Option<&Arc<Object>> {
    let known = history.partition_point(|version| version.revision <= revision);
    history.get(known.checked_sub(1)?)?.object.as_ref()
}

/// Writes a revision into an object.
pub(crate) fn stamp(value: &mut Value, revision: u64) {
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".into(), json!(revision.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key {
            resource: 0,
            namespace: "ns".into(),
            name: name.into(),
        }
    }

    fn named(name: &str) -> Value {
        json!({"metadata": {"name": name}})
    }

    #[test]
    fn what_was_true_at_a_revision_can_be_read() {
        let mut store = Store::default();
        let first = store.put(key("a"), named("a")).revision();
        let second = store.put(key("a"), named("a")).revision();
        store.delete(&key("a"));
        assert_eq!(store.get_at(&key("a"), first).unwrap().revision(), first);
        assert_eq!(store.get_at(&key("a"), second).unwrap().revision(), second);
        assert!(store.get(&key("a")).is_none());
        assert_eq!(store.since(first).count(), 2);
    }

    #[test]
    fn compaction_keeps_what_is_true() {
        let mut store = Store::default();
        store.put(key("a"), named("a"));
        store.put(key("b"), named("b"));
        store.delete(&key("b"));
        store.compact(store.head());
        assert_eq!(store.all().count(), 1);
        assert_eq!(store.since(0).count(), 0);
    }
}
